//! The only unsafe code: the C functions of the Verilated models. C++ side: `cpp/model.h`.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::ptr::NonNull;
use std::sync::Mutex;

use shoal_abi::ports::{Inputs, Outputs};

/// The functions of one model; `Table` in `cpp/model.h`.
#[repr(C)]
struct Table {
    create: unsafe extern "C" fn(i32, c_int, *const *const c_char) -> *mut c_void,
    destroy: unsafe extern "C" fn(*mut c_void),
    outputs: unsafe extern "C" fn(*mut c_void, *mut Outputs),
    step: unsafe extern "C" fn(*mut c_void, *const Inputs, *mut Outputs),
    trace_open: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    trace_close: unsafe extern "C" fn(*mut c_void),
}

macro_rules! models {
    ($($getter:ident = $profile:literal,)*) => {
        extern "C" {
            $(fn $getter() -> &'static Table;)*
        }
        fn table(profile: &str) -> Option<&'static Table> {
            match profile {
                // SAFETY: the getter takes nothing and returns the address of a constant that is never null.
                $($profile => Some(unsafe { $getter() }),)*
                _ => None,
            }
        }
    };
}
include!(concat!(env!("OUT_DIR"), "/models.rs"));

extern "C" {
    fn shoal_fst_to_vcd(fst: *const c_char, vcd: *const c_char) -> c_int;
}

/// Verilator keeps the state of its random numbers per thread but the sign to reseed it per process: two models made
/// at the same time would take each other's numbers.
static CREATE: Mutex<()> = Mutex::new(());

/// One instance of one model.
pub struct Model {
    table: &'static Table,
    handle: NonNull<c_void>,
}

// SAFETY: a model owns its context and touches nothing of the thread that made it but the thread's current context,
// which every function that needs it sets first.
unsafe impl Send for Model {}

impl Model {
    /// Is there a model of `profile`?
    pub fn exists(profile: &str) -> bool {
        table(profile).is_some()
    }

    /// A new instance with random state from `seed`, which is not 0. `args` start with a program name.
    pub fn new(profile: &str, seed: i32, args: &[CString]) -> Option<Self> {
        let table = table(profile)?;
        let pointers: Vec<*const c_char> = args.iter().map(|a| a.as_ptr()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        let _one_at_a_time = CREATE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // SAFETY: `pointers` holds `count` C strings that outlive the call; the context copies them.
        let handle = unsafe { (table.create)(seed, count, pointers.as_ptr()) };
        Some(Self {
            table,
            handle: NonNull::new(handle)?,
        })
    }

    /// One clock cycle: the edge samples `inputs`; the outputs stand after it.
    pub fn step(&mut self, inputs: &Inputs, outputs: &mut Outputs) {
        // SAFETY: the handle is live until drop; the structs have the layout that the shim asserts, and the shim
        // writes 0 or 1 into every `bool`, the value of a one-bit port.
        unsafe { (self.table.step)(self.handle.as_ptr(), inputs, outputs) }
    }

    /// The outputs as they stand.
    pub fn outputs(&self, outputs: &mut Outputs) {
        // SAFETY: as in `step`; the model is only read.
        unsafe { (self.table.outputs)(self.handle.as_ptr(), outputs) }
    }

    /// Starts an FST waveform; false if the file cannot be written.
    pub fn trace_open(&mut self, path: &CStr) -> bool {
        // SAFETY: the handle is live, the path is a C string for the length of the call.
        unsafe { (self.table.trace_open)(self.handle.as_ptr(), path.as_ptr()) == 1 }
    }

    /// Ends the waveform, if there is one.
    pub fn trace_close(&mut self) {
        // SAFETY: the handle is live; without a waveform the call does nothing.
        unsafe { (self.table.trace_close)(self.handle.as_ptr()) }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: the handle came from `create` and is not used again.
        unsafe { (self.table.destroy)(self.handle.as_ptr()) }
    }
}

/// Writes the VCD file of a closed FST file; false if that fails.
pub fn fst_to_vcd(fst: &CStr, vcd: &CStr) -> bool {
    // SAFETY: two C strings for the length of the call; the function keeps nothing.
    unsafe { shoal_fst_to_vcd(fst.as_ptr(), vcd.as_ptr()) == 1 }
}
