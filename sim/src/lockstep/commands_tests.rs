//! The commands of hand-made traces.

use super::*;
use shoal_abi::profile::{HYPER, MID, TINY};

/// One register write, address and data together.
fn register(c: &mut Commands, addr: u32, data: u32) {
    let i = Inputs {
        s_axil_awvalid: true,
        s_axil_awaddr: addr,
        s_axil_wvalid: true,
        s_axil_wdata: data,
        s_axil_wstrb: 15,
        ..Inputs::default()
    };
    c.observe(
        0,
        &i,
        &Outputs {
            s_axil_awready: true,
            s_axil_wready: true,
            ..Outputs::default()
        },
    );
}

/// Reads some words, answers in the order of `ids`.
fn reads(c: &mut Commands, cycle: u64, words: &[(u16, u64, u64)], order: &[usize]) {
    let beat = c.beat;
    for &(id, addr, _) in words {
        let o = Outputs {
            m_axi_arvalid: true,
            m_axi_arid: id,
            m_axi_araddr: addr,
            m_axi_arsize: 3,
            ..Outputs::default()
        };
        c.observe(
            cycle,
            &Inputs {
                m_axi_arready: true,
                ..Inputs::default()
            },
            &o,
        );
    }
    for &n in order {
        let (id, addr, word) = words[n];
        let mut i = Inputs {
            m_axi_rvalid: true,
            m_axi_rid: id,
            m_axi_rlast: true,
            ..Inputs::default()
        };
        i.m_axi_rdata[(addr % beat / 8) as usize] = word;
        c.observe(
            cycle + 1,
            &i,
            &Outputs {
                m_axi_rready: true,
                ..Outputs::default()
            },
        );
    }
}

#[test]
fn a_reset_of_the_management_device_takes_all_members() {
    let mut c = Commands::new(&TINY);
    register(&mut c, STATUS_QUEUE_SELECT.offset, 0x0001_0001);
    assert_eq!(c.event(), None);
    register(&mut c, STATUS_QUEUE_SELECT.offset, 0x0001_0000);
    assert_eq!((c.event(), c.event()), (Some(MemberEvent::AllGone), None));
}

#[test]
fn a_driver_is_ready_once_its_status_says_so() {
    for (status, result, event) in [
        (0xf, cmd::OK, Some(MemberEvent::Driver(5, true))),
        (0xb, cmd::OK, Some(MemberEvent::Driver(5, false))),
        (0, cmd::OK, Some(MemberEvent::Driver(5, false))),
        (0xf, cmd::EINVAL, None),
    ] {
        let mut c = Commands::new(&TINY);
        register(&mut c, QUEUE_DESC_LO.offset, 0x1000);
        let head = u64::from(cmd::STATUS_SET) | u64::from(cmd::GROUP_MANAGED) << 16;
        let words = [
            (5, 0x1000, 0x5000),
            (5, 0x1008, 64 | u64::from(DESC_F_NEXT) << 32 | 1 << 48),
            (5, 0x5000, head),
            (5, 0x5010, 5),
            (5, 0x5018, status),
            (5, 0x1010, 0x7000),
            (5, 0x1018, 16 | 2 << 32),
        ];
        reads(&mut c, 10, &words, &[0, 1, 2, 3, 4, 5, 6]);
        answers(&mut c, 40, 0x7000, result);
        assert_eq!(c.event(), event, "{:?}", c.lines());
    }
}

#[test]
fn a_command_is_read_with_its_fields_and_its_status() {
    for profile in [&TINY, &MID, &HYPER] {
        let mut c = Commands::new(profile);
        register(&mut c, QUEUE_DESC_LO.offset, 0x2_0000);
        register(&mut c, QUEUE_DESC_HI.offset, 1);
        let table = 0x1_0002_0000;
        // Other reads do not matter.
        let next = u64::from(DESC_F_NEXT) << 32;
        reads(
            &mut c,
            10,
            &[
                (5, table, 0x5008),
                (5, table + 8, 128 | next | 1 << 48),
                (1, 0x99_0000, 7),
            ],
            &[2, 0, 1],
        );
        let head = u64::from(cmd::VQ_RESET) | u64::from(cmd::GROUP_MANAGED) << 16;
        reads(
            &mut c,
            20,
            &[
                (5, 0x5008, head),
                (13, 0x5010, 0),
                (5, 0x5018, 3),
                (13, 0x5020, 6),
            ],
            &[0, 2, 1, 3],
        );
        assert!(
            c.lines()[0].ends_with("VQ_RESET member 3 vq_index=0x6 -> not answered"),
            "{:?}",
            c.lines()
        );
        let write = u64::from(DESC_F_WRITE) << 32;
        reads(
            &mut c,
            30,
            &[(5, table + 16, 0x7010), (5, table + 24, 8 | write)],
            &[0, 1],
        );
        let lane = 0x7010 % c.beat / 8;
        let mut o = Outputs {
            m_axi_awvalid: true,
            m_axi_awaddr: 0x7010,
            m_axi_awsize: 3,
            m_axi_wvalid: true,
            m_axi_wlast: true,
            m_axi_wstrb: 0xff << (8 * lane),
            ..Outputs::default()
        };
        o.m_axi_wdata[lane as usize] = u64::from(cmd::EINVAL);
        c.observe(
            40,
            &Inputs {
                m_axi_awready: true,
                m_axi_wready: true,
                ..Inputs::default()
            },
            &o,
        );
        assert_eq!(
            c.lines(),
            ["        11 VQ_RESET member 3 vq_index=0x6 -> EINVAL"]
        );
    }
}

/// The answer to one of several commands: eight bytes at `addr`.
fn answers(c: &mut Commands, cycle: u64, addr: u64, status: u16) {
    let lane = addr % c.beat / 8;
    let mut o = Outputs {
        m_axi_awvalid: true,
        m_axi_awaddr: addr,
        m_axi_awsize: 3,
        m_axi_wvalid: true,
        m_axi_wlast: true,
        m_axi_wstrb: 0xff << (8 * lane),
        ..Outputs::default()
    };
    o.m_axi_wdata[lane as usize] = status.into();
    let i = Inputs {
        m_axi_awready: true,
        m_axi_wready: true,
        ..Inputs::default()
    };
    c.observe(cycle, &i, &o);
}

#[test]
fn commands_beside_each_other_are_told_apart() {
    for profile in [&TINY, &MID] {
        let mut c = Commands::new(profile);
        register(&mut c, QUEUE_DESC_LO.offset, 0x1000);
        let [own, managed] = [cmd::GROUP_SELF, cmd::GROUP_MANAGED].map(u64::from);
        let next = |n: u64| u64::from(DESC_F_NEXT) << 32 | n << 48;
        let indirect = u64::from(DESC_F_INDIRECT) << 32;
        let write = u64::from(DESC_F_WRITE) << 32;
        // The first command goes on at 1, the second is a table at 0x9008.
        let words = [
            (5, 0x1000, 0x5000),
            (5, 0x1008, 128 | next(1)),
            (5, 0x1020, 0x9008),
            (5, 0x1028, 32 | indirect),
            (13, 0x5000, u64::from(cmd::CAPS) | own << 16),
            (5, 0x1010, 0x7000),
            (5, 0x1018, 8 | write | next(3)),
            (5, 0x9008, 0x6004),
            (5, 0x9010, 24 | next(1)),
            (
                13,
                0x6000,
                u64::from(cmd::DEV_DESTROY) << 32 | managed << 48,
            ),
            (13, 0x6010, 7 << 32),
            (5, 0x9018, 0x7100),
            (5, 0x9020, 8 | write),
        ];
        let order: Vec<usize> = (0..words.len()).collect();
        reads(&mut c, 10, &words, &order);
        answers(&mut c, 40, 0x7000, cmd::EINVAL);
        let [first, second] = &c.lines()[..] else {
            panic!("{:?}", c.lines());
        };
        assert!(first.ends_with("CAPS -> EINVAL"), "{first}");
        let destroy = "DEV_DESTROY member 7 -> not answered";
        assert!(second.ends_with(destroy), "{second}");
        answers(&mut c, 50, 0x7100, cmd::OK);
        assert_eq!(c.event(), Some(MemberEvent::Destroyed(7)));
        // A descriptor that an answered command left unread begins another.
        reads(&mut c, 60, &[(5, 0x1030, 0x5000), (5, 0x1038, 24)], &[0, 1]);
        assert_eq!(c.lines().len(), 3);
    }
}
