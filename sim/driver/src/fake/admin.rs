//! The admin queue of the fake device: gathers command bytes from any framing, scatters results.

use shoal_abi::cmd::{COMMAND_BYTES, RESULT_HEADER_BYTES};
use shoal_abi::{regs, ring};

use super::{Machine, Memory};

impl<M: Memory> Machine<M> {
    fn pa<const N: usize>(&self, addr: u64) -> [u8; N] {
        let mut b = [0; N];
        assert!(self.memory.read(addr, &mut b), "the device reads {addr:#x}");
        b
    }

    pub(super) fn run_admin(&mut self) {
        let live = self.raw(regs::STATUS_QUEUE_SELECT.offset) as u8 & ring::S_DRIVER_OK != 0;
        if self.moods.admin_asleep
            || !live
            || self.raw(regs::QUEUE_ENABLE_NOTIFY_OFF.offset) & 1 == 0
        {
            return;
        }
        let size = self.raw(regs::QUEUE_SIZE_VECTOR.offset) as u16;
        let avail = self.raw64(regs::QUEUE_DRIVER_LO.offset);
        let used = self.raw64(regs::QUEUE_DEVICE_LO.offset);
        let idx = u16::from_le_bytes(self.pa(avail + ring::AVAIL_IDX));
        let mut done = Vec::new();
        while self.admin_avail != idx {
            let entry = u64::from(self.admin_avail % size);
            let head = u16::from_le_bytes(self.pa(avail + ring::AVAIL_RING + 2 * entry));
            done.push((head, self.one(head)));
            self.admin_avail = self.admin_avail.wrapping_add(1);
        }
        if self.moods.reversed {
            done.reverse();
        }
        for (head, len) in done {
            let at =
                used + ring::USED_RING + ring::USED_ELEM_BYTES * u64::from(self.admin_used % size);
            let elem = u64::from(head) | (len as u64) << 32;
            assert!(self.memory.write(at, &elem.to_le_bytes()));
            self.admin_used = self.admin_used.wrapping_add(1);
            assert!(self
                .memory
                .write(used + ring::USED_IDX, &self.admin_used.to_le_bytes()));
            self.raise((self.raw(regs::QUEUE_SIZE_VECTOR.offset) >> 16) as u16);
        }
    }

    /// Runs the command in chain `head`; the bytes written.
    fn one(&mut self, head: u16) -> usize {
        let mut table = self.raw64(regs::QUEUE_DESC_LO.offset);
        let mut index = u64::from(head);
        let mut command = Vec::new();
        let mut room: Vec<(u64, usize)> = Vec::new();
        for _ in 0..256 {
            let d: [u8; 16] = self.pa(table + ring::DESC_BYTES * index);
            let addr = u64::from_le_bytes(d[0..8].try_into().expect("8 bytes"));
            let len = u32::from_le_bytes(d[8..12].try_into().expect("4 bytes")) as usize;
            let flags = u16::from_le_bytes([d[12], d[13]]);
            if flags & ring::DESC_F_INDIRECT != 0 {
                (table, index) = (addr, 0);
                continue;
            }
            if flags & ring::DESC_F_WRITE != 0 {
                room.push((addr, len));
            } else {
                assert!(room.is_empty(), "readable after writable");
                let mut b = vec![0; len];
                assert!(self.memory.read(addr, &mut b));
                command.extend(b);
            }
            if flags & ring::DESC_F_NEXT == 0 {
                break;
            }
            index = u64::from(u16::from_le_bytes([d[14], d[15]]));
        }
        command.resize(COMMAND_BYTES, 0);
        let (status, qualifier, result) = self.exec(&command);
        let mut answer = vec![0; RESULT_HEADER_BYTES];
        answer[0..2].copy_from_slice(&status.to_le_bytes());
        answer[2..4].copy_from_slice(&qualifier.to_le_bytes());
        if status == 0 {
            answer.extend(result);
        }
        let mut done = 0;
        for (addr, len) in room {
            let n = len.min(answer.len() - done);
            assert!(self.memory.write(addr, &answer[done..done + n]));
            done += n;
        }
        done
    }
}
