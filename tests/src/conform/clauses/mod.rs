//! What virtio 1.4 requires of a device that has an admin queue and split rings, clause by clause: how it is shown, or why it is not.

mod admin;
mod device;

use super::scene::Scene;

/// How a clause is shown.
#[derive(Clone, Copy)]
pub enum Shown {
    /// By this test, on a card of its own.
    Test(fn(&mut Scene) -> Result<(), String>),
    /// By what watches or tests something else; named here.
    Elsewhere(&'static str),
    /// Not: this is why.
    Outside(&'static str),
}

/// A clause.
#[derive(Clone, Copy)]
pub struct Clause {
    /// Short name: A of the admin queue and its commands, B of devices.
    pub id: &'static str,
    /// Where it stands.
    pub clause: &'static str,
    /// What it says.
    pub text: &'static str,
    /// How it is shown.
    pub shown: Shown,
}

/// Every clause, in order.
#[must_use]
pub fn all() -> Vec<Clause> {
    [admin::CLAUSES, device::CLAUSES].concat()
}

/// Shorter to write in a table.
const fn clause(
    id: &'static str,
    clause: &'static str,
    text: &'static str,
    shown: Shown,
) -> Clause {
    Clause {
        id,
        clause,
        text,
        shown,
    }
}

/// `what` is so.
fn holds(is_so: bool, what: &str) -> Result<(), String> {
    if is_so {
        Ok(())
    } else {
        Err(format!("not so: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clause_has_a_name_of_its_own_and_says_how_it_is_shown() {
        let all = all();
        let mut ids: Vec<_> = all.iter().map(|c| c.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all.len());
        for c in &all {
            if let Shown::Elsewhere(why) | Shown::Outside(why) = c.shown {
                assert!(why.len() > 10, "{}", c.id);
            }
        }
    }
}
