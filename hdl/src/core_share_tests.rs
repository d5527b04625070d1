//! A paced device in the whole core: its queue is parked, looked at every eight cycles, and served when its next chain is due.

use super::*;
use crate::types::{CTL_RD, CTL_TELL};
use crate::util::number;
use shoal_abi::{cmd, ring};

const DESC: u64 = 0x1000;
const DRIVER: u64 = 0x7000;

/// The core, its command, and what it has pushed in the last cycle.
struct Bench {
    c: Box<Tiny>,
    command: [u8; cmd::COMMAND_BYTES],
    now: u64,
    slot: Bits<8>,
    op: Option<CtlOp>,
    sent: bool,
    taken: bool,
}

impl Bench {
    fn new() -> Self {
        let mut c = reset();
        c.live.next = true;
        c.msg_old_zero.next = true;
        until_ready(&mut c, true);
        Bench {
            c,
            command: [0; cmd::COMMAND_BYTES],
            now: 0,
            slot: 0u64.into(),
            op: None,
            sent: false,
            taken: false,
        }
    }

    fn cycle(&mut self) {
        crate::util::settle(&mut *self.c);
        self.op = self.c.ctl_op_push.val().then(|| self.c.ctl_op.val());
        self.sent = self.c.tx_op_push.val();
        self.taken = self.c.comp_pop.val() || self.c.tx_done_pop.val();
        let at = 8 * number(self.c.cmd_addr.val()) as usize;
        let word = u64::from_le_bytes(self.command[at..at + 8].try_into().expect("8 bytes"));
        crate::edge!(*self.c);
        self.c.cmd_data.next = word.into();
        self.now += 1;
    }

    fn command(&mut self, opcode: u16, data: &[u8]) {
        self.command = [0; cmd::COMMAND_BYTES];
        self.command[0..2].copy_from_slice(&opcode.to_le_bytes());
        self.command[2..4].copy_from_slice(&cmd::GROUP_MANAGED.to_le_bytes());
        self.command[16] = 1;
        self.command[24..24 + data.len()].copy_from_slice(data);
        self.c.exec_begin.next = true;
        self.cycle();
        self.c.exec_begin.next = false;
        while !self.c.adm_scatter.val() {
            self.cycle();
        }
        self.c.ans_at.next = 0u64.into();
        self.c.answer_done.next = true;
        self.cycle();
        self.c.answer_done.next = false;
        assert_eq!(
            number(self.c.ans_data.val()) as u32,
            0,
            "status of {opcode}"
        );
    }

    /// `interval` cycles a chain, nothing saved up; 0: not paced.
    fn pace(&mut self, interval: u8) {
        let mut data = vec![8, u8::from(interval > 0), 0, 0, interval];
        data.resize(16, 0);
        self.command(cmd::SCHED_SET, &data);
    }

    /// The next op, and the cycle of its push.
    fn next_op(&mut self) -> (CtlOp, u64) {
        for _ in 0..2000 {
            self.cycle();
            if let Some(op) = self.op {
                self.slot = op.slot;
                return (op, self.now - 1);
            }
        }
        panic!("no op");
    }

    /// A completion of the last op, and the cycle in which it is picked.
    fn complete(&mut self, a: u64, b: u64) -> u64 {
        self.c.comp.next = Comp {
            slot: self.slot,
            a: a.into(),
            b: b.into(),
            ..Comp::default()
        };
        self.c.comp_valid.next = true;
        self.taken = false;
        while !self.taken {
            self.cycle();
        }
        self.c.comp_valid.next = false;
        self.now - 1
    }

    /// The visit of chain `n`, whose look or ring read is under way, and one more is offered: cycle in which its TELL is picked.
    fn serve(&mut self, n: u64) -> u64 {
        self.complete(n << 16, 0);
        let (op, _) = self.next_op();
        assert_eq!(number(op.va) as u64, DESC);
        self.complete(0x5000, 100);
        while !self.sent {
            self.cycle();
        }
        self.c.tx_done.next = TxDone {
            slot: self.slot,
            ..TxDone::default()
        };
        self.c.tx_done_valid.next = true;
        self.taken = false;
        while !self.taken {
            self.cycle();
        }
        self.c.tx_done_valid.next = false;
        let (op, _) = self.next_op();
        assert_eq!(number(op.kind) as u64, CTL_TELL);
        self.complete(0, (n + 1) << 16)
    }
}

#[test]
fn a_parked_queue_is_served_at_the_first_look_at_which_its_chain_is_due() {
    deep(|| {
        let mut b = Bench::new();
        let list: Vec<u8> = cmd::LIST_MANAGED
            .iter()
            .flat_map(|w| w.to_le_bytes())
            .collect();
        b.command(cmd::LIST_USE, &list);
        let mut data = vec![0; 96];
        data[0] = ring::TYPE_BLK as u8;
        data[2] = 1;
        data[8..16].copy_from_slice(&ring::COMMON_FEATURES.to_le_bytes());
        b.command(cmd::DEV_CREATE, &data);
        b.command(cmd::FEATURES_SET, &ring::REQUIRED_FEATURES.to_le_bytes());
        b.pace(200);
        let mut data = vec![0; 56];
        data[2] = 64;
        data[5] = cmd::VQ_READY as u8;
        data[8..16].copy_from_slice(&DESC.to_le_bytes());
        data[16..24].copy_from_slice(&DRIVER.to_le_bytes());
        b.command(cmd::VQ_SETUP, &data);
        b.command(cmd::STATUS_SET, &[15]);
        // Full credit: served at once. The words hold avail.idx, and heads of 0.
        let (op, _) = b.next_op();
        assert_eq!(number(op.va) as u64, DRIVER + 2);
        assert!(op.two);
        let told = b.serve(1);
        // The ready event leaves 8 cycles behind the event that told, and again every 8; its op is pushed 4 later.
        let (op, at) = b.next_op();
        assert_eq!((number(op.kind) as u64, at - told), (CTL_RD, 3 + 200 + 4));
        assert_eq!(number(op.va) as u64, DRIVER + 6);
        // A pace that is no multiple of 8, set while the visit goes on.
        b.pace(203);
        let told = b.serve(2);
        let (_, at) = b.next_op();
        assert_eq!(at - told, 3 + 208 + 4);
        // A parked queue is served at once when the pace is lifted.
        let told = b.serve(3);
        for _ in 0..20 {
            b.cycle();
            assert!(b.op.is_none());
        }
        b.pace(0);
        let (op, at) = b.next_op();
        assert_eq!(number(op.va) as u64, DRIVER + 4 + 2 * 3);
        assert!(at - told < 203);
    });
}
