//! Memory of the fake machine: pages exist from allocation to release, any other access is refused.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

const PAGE: u64 = crate::platform::PAGE_BYTES;

/// Memory by platform address.
pub trait Memory: Clone + 'static {
    /// `pages` contiguous zeroed pages.
    fn alloc(&self, pages: u64) -> Option<u64>;
    /// Gives them back.
    fn free(&self, addr: u64, pages: u64);
    /// Fills `buf`; false when some of it is no memory.
    fn read(&self, addr: u64, buf: &mut [u8]) -> bool;
    /// Stores `bytes`; false when some of it is no memory.
    fn write(&self, addr: u64, bytes: &[u8]) -> bool;
}

#[derive(Debug, Default)]
struct Pages {
    next: u64,
    pages: HashMap<u64, Vec<u8>>,
}

/// Memory in a table of pages. Addresses are never used twice, so that the use of a freed page shows.
#[derive(Clone, Debug, Default)]
pub struct PageMemory {
    shared: Rc<RefCell<Pages>>,
}

impl PageMemory {
    /// Calls `f` with each piece of `addr..addr + len` within a page: {page, start in it, start in the range, bytes}.
    fn pieces(addr: u64, len: usize, mut f: impl FnMut(u64, usize, usize, usize) -> bool) -> bool {
        let mut done = 0;
        while done < len {
            let Some(at) = addr.checked_add(done as u64) else {
                return false;
            };
            let start = (at % PAGE) as usize;
            let n = (PAGE as usize - start).min(len - done);
            if !f(at / PAGE, start, done, n) {
                return false;
            }
            done += n;
        }
        true
    }
}

impl Memory for PageMemory {
    fn alloc(&self, pages: u64) -> Option<u64> {
        let mut p = self.shared.borrow_mut();
        // A gap between allocations catches runs over the end; the start is far above 4 GiB.
        let first = 0x1_0000_0001 + p.next;
        p.next += pages + 1;
        for n in 0..pages {
            p.pages.insert(first + n, vec![0; PAGE as usize]);
        }
        Some(first * PAGE)
    }
    fn free(&self, addr: u64, pages: u64) {
        let mut p = self.shared.borrow_mut();
        for n in 0..pages {
            p.pages.remove(&(addr / PAGE + n));
        }
    }
    fn read(&self, addr: u64, buf: &mut [u8]) -> bool {
        let p = self.shared.borrow();
        let len = buf.len();
        Self::pieces(addr, len, |page, start, done, n| {
            p.pages.get(&page).is_some_and(|b| {
                buf[done..done + n].copy_from_slice(&b[start..start + n]);
                true
            })
        })
    }
    fn write(&self, addr: u64, bytes: &[u8]) -> bool {
        let mut p = self.shared.borrow_mut();
        Self::pieces(addr, bytes.len(), |page, start, done, n| {
            p.pages.get_mut(&page).is_some_and(|b| {
                b[start..start + n].copy_from_slice(&bytes[done..done + n]);
                true
            })
        })
    }
}
