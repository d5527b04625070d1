//! The cases, by what is hostile in them.

pub(super) mod admin;
pub(super) mod buffers;
pub(super) mod doorbells;
pub(super) mod races;
pub(super) mod rings;
pub(super) mod streams;
pub(super) mod tables;

use super::case::{Case, Outcome, Target};
use super::rig::Rig;
use super::scene::Scene;

/// The hostile device of `target`.
fn rig(scene: &mut Scene, target: Target) -> &mut Rig {
    &mut scene.guilty[usize::from(target.is_blk())]
}

/// A case for one queue in which `write` prepares rings and tables; then the queue is made to look at them.
fn prepared(
    name: &str,
    target: Target,
    (text, clause): (&str, &'static str),
    outcome: Outcome,
    write: impl Fn(&mut Rig, Target) + 'static,
) -> Case {
    Case {
        name: format!("{name}.{}", target.name()),
        text: text.into(),
        clause,
        target,
        outcome,
        attack: Box::new(move |scene| {
            let rig = rig(scene, target);
            write(rig, target);
            rig.prompt(target);
            Ok(())
        }),
    }
}
