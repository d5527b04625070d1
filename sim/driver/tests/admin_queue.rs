//! The admin queue against the fake device: framing, many commands in flight, refusals, time-outs, probing.

use shoal_abi::{cmd as abi, profile, regs};
use shoal_driver::admin::Framing;
use shoal_driver::cmd::{self, Binding, Cmd};
use shoal_driver::fake::Fake;
use shoal_driver::{Error, Mgmtdev, Options, Pipeline, Time};

fn probe() -> (Fake, Mgmtdev<Fake>) {
    let fake = Fake::new(&profile::TINY);
    let m = Mgmtdev::probe(fake.clone(), Options::default())
        .expect("the fake device is a Shoal device");
    (fake, m)
}

#[test]
fn probing_reads_the_limits_of_the_profile() {
    let (_, m) = probe();
    let p = profile::TINY;
    let c = m.caps();
    assert_eq!(
        (c.devices, c.queues, c.asids, c.doorbell_pages),
        (p.devices, p.queues, p.asids, p.doorbell_pages)
    );
    assert_eq!(
        (c.max_vq_size, c.max_dev_vqs, c.modes),
        (p.max_vq_size, abi::MAX_DEV_VQS, 0xf)
    );
    let mut pools = m.pools();
    assert_eq!((pools.members.alloc(), pools.asids.alloc()), (Ok(1), Ok(0)));
}

#[test]
fn a_probe_of_another_device_says_which_register_is_wrong() {
    let fake = Fake::new(&profile::TINY);
    fake.machine_mut().moods.gone = true;
    let e = Mgmtdev::probe(fake, Options::default()).unwrap_err();
    assert!(
        matches!(
            e,
            Error::Identity {
                register: "MAGIC",
                found: 0xffff_ffff,
                ..
            }
        ),
        "{e}"
    );
}

#[test]
fn a_second_probe_starts_from_nothing() {
    let (fake, m) = probe();
    m.exec(&cmd::asid_set(
        3,
        Binding {
            mode: 1,
            pasid: Some(9),
            root: 0,
        },
    ))
    .unwrap();
    let again = Mgmtdev::probe(fake, Options::default()).unwrap();
    let b = Binding::from(
        &again
            .exec(&Cmd::new(abi::ASID_GET, 0).put("asid", 3))
            .unwrap(),
    );
    assert_eq!(b, Binding::default());
}

#[test]
fn every_framing_of_a_command_gives_the_same_answer() {
    let (_, m) = probe();
    let set = Binding {
        mode: 3,
        pasid: Some(0xf_1234),
        root: 0x12_3456_7000,
    };
    for indirect in [false, true] {
        for cuts in [
            vec![],
            vec![1],
            vec![24],
            vec![2, 2, 12, 8],
            vec![7, 0, 7, 7],
            vec![40; 1],
        ] {
            let framing = Framing {
                readable: cuts.clone(),
                writable: cuts,
                indirect,
            };
            let c = cmd::asid_set(5, set);
            let done = m
                .exec_raw(&c.readable(), c.writable_bytes(), &framing)
                .unwrap();
            assert!(c.reply(&done.writable, done.used).is_ok());
            let c = Cmd::new(abi::ASID_GET, 0).put("asid", 5);
            let done = m
                .exec_raw(&c.readable(), c.writable_bytes(), &framing)
                .unwrap();
            assert_eq!(
                Binding::from(&c.reply(&done.writable, done.used).unwrap()),
                set,
                "{framing:?}"
            );
        }
    }
    assert_eq!(m.admin().in_flight(), 0);
}

#[test]
fn used_length_is_what_was_written_and_the_tail_is_untouched() {
    let (_, m) = probe();
    let c = Cmd::new(abi::CAPS, 0);
    let long = m.exec_raw(&c.readable(), 200, &Framing::default()).unwrap();
    assert_eq!(long.used, c.writable_bytes());
    assert!(long.writable[long.used..].iter().all(|&b| b == 0xff));
    let short = m.exec_raw(&c.readable(), 12, &Framing::default()).unwrap();
    assert_eq!(
        (short.used, &short.writable[..]),
        (12, &long.writable[..12])
    );
}

#[test]
fn full_queue_of_commands_completes_in_any_order() {
    let (fake, m) = probe();
    fake.machine_mut().moods.reversed = true;
    let cmds: Vec<Cmd> = (0..16)
        .map(|n| {
            cmd::asid_set(
                n,
                Binding {
                    mode: 1,
                    pasid: Some(n),
                    root: 0,
                },
            )
        })
        .collect();
    let gets: Vec<Cmd> = (0..16)
        .map(|n| Cmd::new(abi::ASID_GET, 0).put("asid", n))
        .collect();
    let tickets: Vec<_> = cmds
        .iter()
        .chain(&gets)
        .map(|c| m.submit(c).unwrap())
        .collect();
    assert_eq!(m.submit(&gets[0]), Err(Error::QueueFull));
    fake.wait().unwrap();
    for (n, (c, t)) in cmds.iter().chain(&gets).zip(tickets).enumerate() {
        let r = m.poll(c, t).unwrap().expect("all are done");
        if n >= 16 {
            assert_eq!(Binding::from(&r).pasid, Some(n as u32 - 16));
        }
    }
    assert_eq!(m.admin().in_flight(), 0);
}

#[test]
fn a_pipeline_takes_more_commands_than_the_queue_and_ends_with_the_first_refusal() {
    let (fake, m) = probe();
    let get = |n| Cmd::new(abi::ASID_GET, 0).put("asid", n);
    let mut pipeline = Pipeline::new(&m);
    for n in 0..200 {
        pipeline.push(get(n % 16)).unwrap();
    }
    assert!(m.admin().in_flight() > 1);
    pipeline.drain().unwrap();
    assert_eq!((pipeline.done(), m.admin().in_flight()), (200, 0));
    for n in [0, 16, 1] {
        pipeline.push(get(n)).unwrap();
    }
    let e = pipeline.drain().unwrap_err();
    assert!(
        matches!(
            e,
            Error::Command {
                command: "ASID_GET",
                ..
            }
        ),
        "{e}"
    );
    assert_eq!(pipeline.done(), 201);
    drop(pipeline);
    fake.wait().unwrap();
    assert_eq!(m.exec(&get(2)).map(|_| ()), Ok(()));
    assert_eq!(m.admin().in_flight(), 0);
}

#[test]
fn a_command_that_never_ends_times_out_and_its_slot_comes_back_later() {
    let fake = Fake::new(&profile::TINY);
    let options = Options {
        admin_queue_size: 2,
        command_cycles: 10_000,
        ..Options::default()
    };
    let m = Mgmtdev::probe(fake.clone(), options).unwrap();
    fake.machine_mut().moods.admin_asleep = true;
    let e = m.exec(&Cmd::new(abi::CAPS, 0)).unwrap_err();
    assert_eq!(e.to_string(), "CAPS took more than 10000 cycles");
    assert_eq!(m.submit(&Cmd::new(abi::CAPS, 0)), Err(Error::QueueFull));
    fake.machine_mut().moods.admin_asleep = false;
    assert!(m.exec(&Cmd::new(abi::CAPS, 0)).is_ok());
    assert_eq!(m.admin().in_flight(), 0);
}

#[test]
fn refusals_carry_their_names() {
    let (_, m) = probe();
    let e = m.exec(&Cmd::new(abi::STATUS_GET, 3)).unwrap_err();
    assert_eq!(
        e.to_string(),
        "STATUS_GET for member 3: EINVAL (22)/INVALID_MEMBER (5)"
    );
    let e = m.exec(&cmd::list_query(7)).unwrap_err();
    assert_eq!(e.command_status().unwrap().qualifier, abi::Q_INVALID_GROUP);
    let e = m
        .exec(&cmd::list_use(abi::GROUP_SELF, [0, 1 << 63]))
        .unwrap_err();
    assert_eq!(e.command_status().unwrap().qualifier, abi::Q_INVALID_FIELD);
}

#[test]
fn each_completion_raises_the_admin_vector() {
    use shoal_driver::Interrupts;
    let (fake, m) = probe();
    let v = m.vectors()[1];
    fake.take(v.address, v.data);
    for _ in 0..3 {
        m.exec(&Cmd::new(abi::CAPS, 0)).unwrap();
    }
    assert_eq!(fake.take(v.address, v.data), 3);
    assert_eq!(m.vectors().len(), regs::MSIX_VECTORS as usize);
}
