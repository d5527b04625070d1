//! Memory of a client that takes it back: a file that is cut while it is mapped here answers accesses beyond its new end with SIGBUS,
//! which ends a process. A page like that is replaced by one of zeroes; what the client loses is its own. So is a page of a file that
//! the system has no memory for (a full tmpfs): the client does not see what is written there.

use std::sync::Once;

/// Makes this process survive pages that their file no longer has, from now on.
pub(crate) fn survive() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: `action` is a whole, initialised `sigaction`; the handler is of the kind that SA_SIGINFO says.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = replace_page as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut());
        }
    });
}

/// The handler. It calls nothing but the system.
extern "C" fn replace_page(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    const PAGE: usize = 4096;
    // SAFETY: the system passes a `siginfo_t` with an address for SIGBUS. The page is replaced only if there is none behind it, so that
    // nothing that can be read here is lost; the mapping stays as long as before.
    unsafe {
        if (*info).si_code == libc::BUS_ADRERR {
            let page = ((*info).si_addr() as usize & !(PAGE - 1)) as *mut libc::c_void;
            let prot = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
            if libc::mmap(page, PAGE, prot, flags, -1, 0) != libc::MAP_FAILED {
                return;
            }
        }
        // Another cause: the access is made again and ends the process as it would have.
        libc::signal(libc::SIGBUS, libc::SIG_DFL);
    }
}
