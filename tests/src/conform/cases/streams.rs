//! A function that sends what it should not.

use shoal::env::{RxPacket, TxPacket};
use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG};

use super::rig;
use crate::conform::case::{Case, Outcome, Target};
use crate::conform::function::answer;
use crate::conform::rig::text;
use crate::conform::scene::Scene;

fn case(
    name: &str,
    what: &str,
    target: Target,
    attack: impl Fn(&mut Scene) -> Result<(), String> + 'static,
) -> Case {
    Case {
        name: format!("stream.{name}"),
        text: what.into(),
        clause: "ABI.md §9",
        target,
        outcome: Outcome::Survives,
        attack: Box::new(attack),
    }
}

/// A block request that the function does not answer by itself.
fn request(scene: &mut Scene) -> Result<TxPacket, String> {
    let function = scene.function.clone();
    let rig = rig(scene, Target::Block);
    let id = rig.id();
    function.set_silent(id, true);
    rig.put_good(Target::Block);
    rig.offer(0, &[0]);
    rig.prompt(Target::Block);
    let mut sent = Vec::new();
    scene
        .host
        .run_until("the request", 20_000, 16, || {
            sent.extend(function.take_sent(id));
            !sent.is_empty()
        })
        .map_err(text)?;
    Ok(sent.remove(0))
}

/// Answers that are made from the good one.
fn answers(name: &str, what: &str, make: fn(RxPacket) -> Vec<RxPacket>) -> Case {
    case(
        &format!("answer.{name}"),
        what,
        Target::Block,
        move |scene| {
            let request = request(scene)?;
            let good = answer(&request).ok_or("a request without room for an answer")?;
            make(good).into_iter().for_each(|p| scene.function.send(p));
            Ok(())
        },
    )
}

/// Packets for receive queues while the network device has `buffers` good chains posted.
fn packets(name: &str, what: &str, buffers: usize, make: fn(u32) -> Vec<RxPacket>) -> Case {
    case(
        &format!("packet.{name}"),
        what,
        Target::Receive,
        move |scene| {
            let rig = rig(scene, Target::Receive);
            rig.put_good(Target::Receive);
            rig.offer(0, &vec![0; buffers]);
            rig.kick(0);
            let id = rig.id();
            make(id).into_iter().for_each(|p| scene.function.send(p));
            Ok(())
        },
    )
}

fn sized(id: u32, bytes: usize) -> RxPacket {
    RxPacket::receive(id, 0, vec![0x3c; bytes])
}

pub(in crate::conform) fn cases() -> Vec<Case> {
    vec![
        answers("twice", "A request is answered twice.", |good| {
            vec![good.clone(), good]
        }),
        answers(
            "unknown_tag",
            "An answer with a tag of nobody, then the right one.",
            |good| {
                let other = RxPacket {
                    tuser: good.tuser ^ TUSER_TAG.put(0x3f),
                    ..good.clone()
                };
                vec![other, good]
            },
        ),
        answers(
            "wrong_member",
            "An answer with another member, then the right one.",
            |good| {
                let other = RxPacket {
                    member: good.member ^ 1,
                    ..good.clone()
                };
                vec![other, good]
            },
        ),
        answers(
            "no_member",
            "An answer for member 0 and for one behind the last.",
            |good| {
                let zero = RxPacket {
                    member: 0,
                    ..good.clone()
                };
                let last = RxPacket {
                    member: 0xf_ffff,
                    ..good.clone()
                };
                vec![zero, last, good]
            },
        ),
        answers("too_long", "An answer longer than its chain.", |good| {
            vec![RxPacket {
                zeroes: 9000,
                ..good
            }]
        }),
        answers("too_short", "An answer of no bytes.", |good| {
            vec![RxPacket {
                head: Vec::new(),
                zeroes: 0,
                tail: None,
                ..good
            }]
        }),
        answers("as_packet", "The answer comes without its mark.", |good| {
            let packet = RxPacket {
                tuser: good.tuser & !TUSER_ANSWER.put(1),
                ..good.clone()
            };
            vec![packet, good]
        }),
        answers("never", "The request is never answered.", |_| Vec::new()),
        case(
            "answer.dead",
            "An answer after its device was reset.",
            Target::Block,
            |scene| {
                let request = request(scene)?;
                let rig = rig(scene, Target::Block);
                rig.vdev.reset().map_err(text)?;
                rig.start()?;
                answer(&request)
                    .into_iter()
                    .for_each(|p| scene.function.send(p));
                Ok(())
            },
        ),
        case(
            "answer.unasked",
            "Answers with every tag, asked for by nobody.",
            Target::Block,
            |scene| {
                let id = rig(scene, Target::Block).id();
                for tag in 0..64 {
                    scene.function.send(RxPacket {
                        member: id,
                        tuser: TUSER_ANSWER.put(1) | TUSER_TAG.put(tag),
                        head: vec![0; 20],
                        ..RxPacket::default()
                    });
                }
                Ok(())
            },
        ),
        packets(
            "no_buffer",
            "20 packets while no buffer is posted.",
            0,
            |id| (0..20).map(|n| sized(id, 60 + n)).collect(),
        ),
        packets("too_long", "A packet longer than the buffers.", 1, |id| {
            vec![sized(id, 70_000)]
        }),
        packets("too_short", "Packets shorter than the header.", 3, |id| {
            vec![sized(id, 1), sized(id, 5), sized(id, 11)]
        }),
        packets("empty", "A packet of no bytes.", 1, |id| vec![sized(id, 0)]),
        packets(
            "unknown",
            "Packets for devices that do not exist.",
            0,
            |_| {
                vec![
                    sized(0, 100),
                    sized(7, 100),
                    sized(0x8000, 100),
                    sized(0xf_ffff, 100),
                ]
            },
        ),
        packets(
            "wrong_queue",
            "Packets for transmit queues and queues that do not exist.",
            0,
            |id| {
                [1, 2, 7, 8, 0xffff]
                    .map(|vq| RxPacket::receive(id, vq, vec![1; 80]))
                    .to_vec()
            },
        ),
        packets("block", "A receive packet for a block device.", 0, |id| {
            vec![sized(id + 1, 100)]
        }),
        packets("flood", "200 packets beside the neighbour's.", 8, |id| {
            (0..200).map(|_| sized(id, 64)).collect()
        }),
    ]
}
