//! Interrupt messages of managed devices: when one may be sent, when one must be.
//!
//! Spec: virtio 1.4 §2.7.7 (used buffer notifications), ABI.md §8.1 and §11. A message of a virtqueue is permitted once the device, after
//! the response to its `used.idx` write, has read an `avail.flags` or `used_event` that asks for one; if what it read last before the write asks
//! for one, it is permitted with the response. It is required if everything that the device read since then asks for it. The device may have faulted meanwhile, which the ports do not show at once, so that a missing message is reported
//! when the device is seen working on, [`BOUND`](super::BOUND) cycles after it was due.

use std::collections::HashMap;

use shoal_abi::cmd::{CONFIG_MSI, MSI_MASK, MSI_VALID};
use shoal_abi::ring::AVAIL_F_NO_INTERRUPT;

use super::BOUND;

/// A virtqueue or configuration slot: member id << 16 | index.
pub(super) type Key = u64;

/// The member id of a key.
pub(super) fn member(key: Key) -> u64 {
    key >> 16
}

/// The key of queue `index` (or [`CONFIG_MSI`]) of `member`.
pub(super) fn key(member: u64, index: u16) -> Key {
    member << 16 | u64::from(index)
}

/// Bounds the use of what a queue tells about interrupts: what the driver wrote that the device read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// `avail.flags`, without EVENT_IDX.
    Flags(u16),
    /// `used_event`, with EVENT_IDX.
    UsedEvent(u16),
}

/// Cycles that may pass between the data of a look and the decision it leads to, an admin command in between included.
const LAG: u64 = 2048;

#[derive(Debug, Default)]
struct Slot {
    addr: u64,
    data: u32,
    ctrl: u32,
    /// A message is permitted since then.
    may: Option<u64>,
    /// A message is required since then.
    must: Option<u64>,
    /// `used.idx` as last written, before that, and at the last message.
    idx: u16,
    idx_before: u16,
    idx_told: u16,
    /// `used.idx` as it stood at the look that asked for the message that is permitted: one that was remembered while the slot was
    /// masked may go out when the next index has been written and not looked at.
    idx_due: u16,
    /// A further look that asks for a message while one is already due: if the slot is unmasked between the look and the
    /// device's decision, the remembered message and this one both go out.
    again: Option<u64>,
    /// When the last `used.idx` write had its response; one is under way.
    idx_done: Option<u64>,
    writing: bool,
    /// What the device read last of what the driver wants, before the index that comes next; and that this alone permits the
    /// message of the present index.
    hint: Option<Wish>,
    hinted: bool,
    /// It cannot be said when a message is due.
    blurred: bool,
}

impl Slot {
    fn sends(&self) -> bool {
        self.ctrl & (MSI_VALID | MSI_MASK) == MSI_VALID
    }

    /// The present index and a wish permit a message.
    fn permit(&mut self, cycle: u64) {
        if self.may.is_some() && self.idx != self.idx_due {
            self.again = Some(cycle);
        }
        self.may.get_or_insert(cycle);
        self.idx_due = self.idx;
    }

    /// What a wish makes of the message of the present index: permitted, required.
    fn asks(&self, wish: Wish) -> (bool, bool) {
        match wish {
            Wish::Flags(f) => (f & AVAIL_F_NO_INTERRUPT == 0, f & AVAIL_F_NO_INTERRUPT == 0),
            Wish::UsedEvent(e) => (
                passes(e, self.idx, self.idx_told),
                passes(e, self.idx, self.idx_before),
            ),
        }
    }
}

/// True if moving an index from `old` to `new` passes `event` (virtio 1.4 §2.7.10).
fn passes(event: u16, new: u16, old: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

/// The slots of all devices.
#[derive(Debug, Default)]
pub(super) struct Msi {
    slots: HashMap<Key, Slot>,
    by_message: HashMap<(u64, u32), Vec<Key>>,
    /// Slots whose message is due, by the cycle since when; may hold slots that are served since.
    due: std::collections::VecDeque<(u64, Key)>,
    /// Members that owe a message for longer than the bound.
    overdue: HashMap<u64, Key>,
}

impl Msi {
    fn unlink(&mut self, key: Key) {
        if let Some(s) = self.slots.get(&key) {
            if let Some(list) = self.by_message.get_mut(&(s.addr, s.data)) {
                list.retain(|k| *k != key);
                if list.is_empty() {
                    self.by_message.remove(&(s.addr, s.data));
                }
            }
        }
    }

    /// MSI_SET or, with `fresh`, VQ_SETUP took effect.
    pub(super) fn set(
        &mut self,
        cycle: u64,
        key: Key,
        message: (u64, u32),
        ctrl: u32,
        fresh: bool,
    ) {
        self.unlink(key);
        let slot = self.slots.entry(key).or_default();
        let stays = slot.ctrl & ctrl & MSI_VALID != 0 && !fresh;
        if !stays {
            (slot.may, slot.must, slot.again) = (None, None, None);
            (slot.hint, slot.hinted) = (None, false);
        }
        if ctrl & MSI_MASK != 0
            || slot
                .again
                .is_some_and(|look| cycle.saturating_sub(look) > LAG)
        {
            slot.again = None;
        }
        let unmasked = stays && slot.ctrl & MSI_MASK != 0 && ctrl & MSI_MASK == 0;
        slot.must = match slot.may {
            // A message that became due while the slot was masked stands in its pending bit.
            Some(_) if unmasked => Some(cycle),
            _ if ctrl & MSI_MASK != 0 => None,
            _ => slot.must,
        };
        (slot.addr, slot.data) = message;
        slot.ctrl = ctrl & (MSI_VALID | MSI_MASK);
        if slot.must == Some(cycle) {
            self.due.push_back((cycle, key));
        }
        if ctrl & MSI_VALID != 0 {
            self.by_message.entry(message).or_default().push(key);
        }
    }

    /// The queue starts anew with that used index.
    pub(super) fn start(&mut self, key: Key, used_idx: u16) {
        let s = self.slots.entry(key).or_default();
        (s.idx, s.idx_before, s.idx_told, s.idx_done) = (used_idx, used_idx, used_idx, None);
        (s.may, s.must, s.again, s.blurred) = (None, None, None, false);
        (s.hint, s.hinted) = (None, false);
    }

    /// It cannot be said any more what the queue does.
    pub(super) fn blur(&mut self, key: Key) {
        let s = self.slots.entry(key).or_default();
        (s.must, s.blurred) = (None, true);
    }

    /// The slot's queue is reset: nothing may come from before.
    pub(super) fn quiet(&mut self, key: Key) {
        if let Some(s) = self.slots.get_mut(&key) {
            (s.may, s.must, s.again) = (None, None, None);
            (s.idx_done, s.blurred) = (None, false);
            (s.hint, s.hinted) = (None, false);
        }
    }

    /// The device is reset or gone: its slots are invalid.
    pub(super) fn drop_member(&mut self, id: u64, indices: u16) {
        for k in (0..indices).chain([CONFIG_MSI]).map(|n| key(id, n)) {
            self.unlink(k);
            self.slots.remove(&k);
        }
        self.overdue.remove(&id);
    }

    /// The configuration changed: a message is required.
    pub(super) fn config(&mut self, cycle: u64, id: u64) {
        if let Some(s) = self.slots.get_mut(&key(id, CONFIG_MSI)) {
            if s.ctrl & MSI_VALID != 0 {
                s.may = Some(cycle);
            }
        }
    }

    /// `used.idx` was written.
    pub(super) fn used(&mut self, key: Key, idx: u16) {
        let s = self.slots.entry(key).or_default();
        (s.idx_before, s.idx, s.idx_done) = (s.idx, idx, None);
        s.hinted = false;
        s.writing = true;
    }

    /// The `used.idx` write has its response.
    pub(super) fn used_done(&mut self, cycle: u64, key: Key) {
        let Some(s) = self.slots.get_mut(&key) else {
            return;
        };
        (s.idx_done, s.writing) = (Some(cycle), false);
        let Some(hint) = s.hint.take() else {
            return;
        };
        if s.asks(hint).1 && s.sends() && !s.blurred {
            let fresh = s.may.is_none();
            s.permit(cycle);
            (s.hinted, s.must) = (fresh, s.must.or(Some(cycle)));
            self.due.push_back((cycle, key));
        }
    }

    /// The device read, with a request `issued` then, what the driver wants.
    pub(super) fn wish(&mut self, cycle: u64, key: Key, wish: Wish, issued: u64) {
        let Some(s) = self.slots.get_mut(&key) else {
            return;
        };
        if !s.writing {
            s.hint = Some(wish);
        }
        if s.idx_done.is_none_or(|done| issued <= done) || s.idx == s.idx_told {
            return;
        }
        if s.blurred {
            return;
        }
        // A device that looks after the index has not sent what the look before it permitted.
        if std::mem::take(&mut s.hinted) {
            s.may = None;
        }
        let (may, must) = s.asks(wish);
        if may && s.ctrl & MSI_VALID != 0 {
            s.permit(cycle);
        }
        // Only the first look after the index counts as a demand; a later one that says no takes it back.
        if !must {
            s.must = None;
        } else if s.may == Some(cycle) && s.sends() && s.must.is_none() {
            s.must = Some(cycle);
            self.due.push_back((cycle, key));
        }
    }

    /// A message was sent that stood on the port since cycle `issued`. `fault` says whether a device may have a reason of its own for a
    /// configuration message. Gives the slots that it may have come from, and whether it is one that only a fault explains; or the rule
    /// that it breaks and why.
    pub(super) fn message(
        &mut self,
        issued: u64,
        message: (u64, u32),
        mut fault: impl FnMut(u64) -> bool,
    ) -> Result<(Vec<Key>, bool), (&'static str, String)> {
        let Some(keys) = self.by_message.get(&message) else {
            let why = format!("no valid slot holds {:#x} <- {:#x}", message.0, message.1);
            return Err(("no-slot", why));
        };
        let mut why = (
            "masked",
            format!("every slot with {:#x} is masked", message.0),
        );
        let mut found = Vec::new();
        let mut by_fault = false;
        for &k in keys {
            let Some(s) = self.slots.get(&k).filter(|s| s.sends()) else {
                continue;
            };
            match s.may {
                _ if s.blurred => found.push(k),
                Some(since) if issued > since => found.push(k),
                Some(_) => {
                    why = (
                        "early",
                        format!("slot {k:#x}: sent before its reason was known"),
                    );
                }
                None if k & 0xffff == u64::from(CONFIG_MSI) && fault(member(k)) => {
                    found.push(k);
                    by_fault = true;
                }
                None => {
                    let slot = format!("slot {k:#x} (member << 16 | queue) has nothing to tell");
                    why = ("not-due", slot);
                }
            }
        }
        if found.is_empty() {
            return Err(why);
        }
        // Which of several slots with one message it was cannot be said: none owes it any more, each may still send its own.
        let one = found.len() == 1;
        for k in &found {
            if let Some(s) = self.slots.get_mut(k) {
                s.must = None;
                if one {
                    // One without a look before it (blurred) tells all that there is.
                    s.idx_told = if std::mem::replace(&mut s.may, s.again.take()).is_some() {
                        s.idx_due
                    } else {
                        s.idx
                    };
                }
            }
        }
        Ok((found, by_fault && one))
    }

    /// Device `id` was seen at work in cycle `cycle`: it has not faulted. Gives a slot whose message is missing.
    pub(super) fn alive(&mut self, cycle: u64, id: u64) -> Option<(Key, u64)> {
        while let Some(&(since, key)) = self.due.front() {
            let owed = self.slots.get(&key).is_some_and(|s| s.must == Some(since));
            if owed && cycle.saturating_sub(since) <= BOUND {
                break;
            }
            if owed {
                self.overdue.insert(member(key), key);
            }
            self.due.pop_front();
        }
        let key = *self.overdue.get(&id)?;
        match self.slots.get(&key).and_then(|s| s.must) {
            Some(since) if cycle.saturating_sub(since) > BOUND => Some((key, since)),
            _ => {
                self.overdue.remove(&id);
                None
            }
        }
    }

    /// The device is known to have faulted: it owes nothing any more.
    pub(super) fn faulted(&mut self, id: u64, indices: u16) {
        for n in 0..indices {
            if let Some(s) = self.slots.get_mut(&key(id, n)) {
                s.must = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: Key = 3 << 16 | 1;
    const M: (u64, u32) = (0xfee0_0000, 0x41);

    /// A slot with a used index written at 10 and answered at 20.
    fn used() -> Msi {
        let mut m = Msi::default();
        m.set(1, K, M, MSI_VALID, true);
        m.start(K, 7);
        m.used(K, 8);
        m.used_done(20, K);
        m
    }

    fn send(m: &mut Msi, issued: u64) -> Result<Key, &'static str> {
        m.message(issued, M, |_| false)
            .map(|k| k.0[0])
            .map_err(|e| e.0)
    }

    #[test]
    fn one_message_follows_a_read_that_asks_for_it() {
        for wish in [Wish::Flags(0), Wish::UsedEvent(7)] {
            let mut m = used();
            m.wish(30, K, wish, 21);
            assert_eq!(send(&mut m, 31), Ok(K));
            assert_eq!(send(&mut m, 32), Err("not-due"));
            assert_eq!(m.alive(31 + 2 * BOUND, 3), None);
        }
    }

    #[test]
    fn a_message_before_the_response_or_the_read_is_found() {
        let mut m = used();
        assert_eq!(send(&mut m, 31), Err("not-due"));
        m.wish(30, K, Wish::Flags(0), 20);
        assert_eq!(
            send(&mut m, 31),
            Err("not-due"),
            "the read was issued before the response"
        );
        m.wish(30, K, Wish::Flags(0), 21);
        assert_eq!(send(&mut m, 30), Err("early"));
    }

    #[test]
    fn a_wish_seen_before_the_index_is_due_with_its_response() {
        for (wish, sends) in [
            (Wish::Flags(0), true),
            (Wish::UsedEvent(7), true),
            (Wish::UsedEvent(8), false),
            (Wish::Flags(1), false),
        ] {
            let hinted = || {
                let mut m = Msi::default();
                m.set(1, K, M, MSI_VALID, true);
                m.start(K, 7);
                m.wish(9, K, wish, 5);
                m.used(K, 8);
                m.used_done(20, K);
                m
            };
            let mut m = hinted();
            assert!(send(&mut m, 20).is_err(), "before the response");
            assert_eq!(send(&mut m, 21).is_ok(), sends, "{wish:?}");
            assert!(send(&mut m, 22).is_err(), "once");
            assert_eq!(m.alive(21 + 2 * BOUND, 3), None);
            let mut m = hinted();
            assert_eq!(m.alive(21 + BOUND, 3).is_some(), sends, "or it is missing");
            m.wish(30, K, Wish::UsedEvent(8), 25);
            assert_eq!(send(&mut m, 40), Err("not-due"), "a later look counts");
            assert_eq!(m.alive(31 + 2 * BOUND, 3), None);
        }
    }

    #[test]
    fn suppressed_masked_invalid_and_foreign_messages_are_found() {
        for wish in [Wish::Flags(1), Wish::UsedEvent(8), Wish::UsedEvent(6)] {
            let mut m = used();
            m.wish(30, K, wish, 21);
            assert_eq!(send(&mut m, 31), Err("not-due"), "{wish:?}");
        }
        let mut m = used();
        m.wish(30, K, Wish::Flags(0), 21);
        m.set(31, K, M, MSI_VALID | MSI_MASK, false);
        assert_eq!(send(&mut m, 32), Err("masked"));
        m.set(33, K, M, MSI_VALID, false);
        assert_eq!(send(&mut m, 34), Ok(K), "unmasking sends what is pending");
        m.set(35, K, M, 0, false);
        assert_eq!(send(&mut m, 36), Err("no-slot"));
        let mut m = used();
        m.wish(30, K, Wish::Flags(0), 21);
        m.drop_member(3, 2);
        assert_eq!(send(&mut m, 31), Err("no-slot"));
        let mut m = used();
        m.wish(30, K, Wish::Flags(0), 21);
        m.quiet(K);
        assert_eq!(send(&mut m, 31), Err("not-due"));
    }

    #[test]
    fn what_was_remembered_and_the_next_are_two_messages() {
        let mut m = used();
        m.set(21, K, M, MSI_VALID | MSI_MASK, false);
        m.wish(30, K, Wish::Flags(0), 22);
        m.used(K, 9);
        m.used_done(40, K);
        m.set(41, K, M, MSI_VALID, false);
        assert_eq!(send(&mut m, 42), Ok(K), "the remembered one");
        m.wish(50, K, Wish::Flags(0), 43);
        assert_eq!(send(&mut m, 51), Ok(K), "that of the next index");
        assert_eq!(send(&mut m, 52), Err("not-due"));
    }

    #[test]
    fn a_missing_message_is_found_when_the_device_works_on() {
        let mut m = used();
        m.wish(30, K, Wish::Flags(0), 21);
        assert_eq!(m.alive(30 + BOUND, 3), None);
        assert_eq!(m.alive(31 + BOUND, 4), None);
        assert_eq!(m.alive(31 + BOUND, 3), Some((K, 30)));
        m.faulted(3, 2);
        assert_eq!(m.alive(31 + BOUND, 3), None);
        // Pending at unmask counts from there.
        let mut m = used();
        m.set(25, K, M, MSI_VALID | MSI_MASK, false);
        m.wish(30, K, Wish::Flags(0), 21);
        assert_eq!(m.alive(90 + BOUND, 3), None);
        m.set(100 + BOUND, K, M, MSI_VALID, false);
        assert_eq!(m.alive(101 + 2 * BOUND, 3), Some((K, 100 + BOUND)));
    }

    #[test]
    fn slots_that_share_a_message_are_not_taken_for_each_other() {
        let other = key(4, 0);
        let mut m = used();
        m.set(1, other, M, MSI_VALID, true);
        m.start(other, 0);
        m.used(other, 1);
        m.used_done(20, other);
        m.wish(30, K, Wish::Flags(0), 21);
        m.wish(30, other, Wish::Flags(0), 21);
        assert!(send(&mut m, 31).is_ok());
        m.drop_member(3, 2);
        assert_eq!(
            send(&mut m, 32),
            Ok(other),
            "member 4 may not have sent its own"
        );
        assert_eq!(send(&mut m, 33), Err("not-due"));
    }

    #[test]
    fn further_looks_at_one_index_permit_one_message() {
        let mut m = used();
        m.wish(30, K, Wish::Flags(0), 21);
        m.wish(40, K, Wish::Flags(0), 31);
        assert_eq!(send(&mut m, 35), Ok(K), "known since the first look");
        assert_eq!(send(&mut m, 41), Err("not-due"));
    }

    #[test]
    fn a_look_just_before_the_unmasking_may_send_beside_the_remembered_message() {
        for (unmask, second) in [(41, Ok(K)), (41 + 2 * LAG, Err("not-due"))] {
            let mut m = used();
            m.set(25, K, M, MSI_VALID | MSI_MASK, false);
            m.wish(30, K, Wish::Flags(0), 21);
            m.used(K, 9);
            m.used_done(35, K);
            m.wish(40, K, Wish::Flags(0), 36);
            m.set(unmask, K, M, MSI_VALID, false);
            assert_eq!(send(&mut m, unmask + 1), Ok(K));
            assert_eq!(send(&mut m, unmask + 2), second);
            assert_eq!(send(&mut m, unmask + 3), Err("not-due"));
        }
    }

    #[test]
    fn a_configuration_message_needs_a_change_or_a_fault() {
        let c = key(3, CONFIG_MSI);
        let mut m = Msi::default();
        m.set(1, c, M, MSI_VALID, false);
        assert_eq!(send(&mut m, 5), Err("not-due"));
        m.config(6, 3);
        assert_eq!(send(&mut m, 7), Ok(c));
        assert_eq!(m.message(8, M, |id| id == 3), Ok((vec![c], true)));
    }
}

#[cfg(test)]
#[path = "msi_tests.rs"]
mod trace_tests;
