//! How far a receive visit may go on with entries read later, and how far the available ring is known to go.
//!
//! Combinational. Stage B, in `walk.rs`; contract §3.6 step 4. A visit has eight chains at most, and no wrap of the used ring.

use rust_hdl::prelude::*;
use shoal_abi::profile::VISIT_CHAINS;

use crate::block_default;
use crate::ctx_types::VqRec;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Reach {
    /// The virtqueue.
    pub vq: Signal<In, VqRec>,
    /// Chains that the visit may have.
    pub most: Signal<Out, Bits<16>>,
    /// Chains offered, as far as is known without a look.
    pub known: Signal<Out, Bits<16>>,
    mask: Signal<Local, Bits<16>>,
    used_room: Signal<Local, Bits<16>>,
    one: Constant<Bits<16>>,
    eight: Constant<Bits<16>>,
}

impl Default for Reach {
    fn default() -> Self {
        block_default!(
            vq, most, known, mask, used_room;
            one = 1u64, eight = VISIT_CHAINS as u64
        )
    }
}

impl Logic for Reach {
    #[hdl_gen]
    fn update(&mut self) {
        self.mask.next = self.vq.val().size - self.one.val();
        self.used_room.next = self.vq.val().size - (self.vq.val().used_idx & self.mask.val());
        self.most.next = self.used_room.val();
        if self.eight.val() < self.used_room.val() {
            self.most.next = self.eight.val();
        }
        self.known.next = self.vq.val().avail_cache - self.vq.val().last_avail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_lints_clean() {
        crate::util::assert_lint_clean("reach", Reach::default());
    }
}
