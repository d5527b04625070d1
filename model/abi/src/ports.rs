//! The ports of `shoal_top`, in order, and the two plain structs that carry them.
//!
//! Names are those of the Verilog module. Outputs are functions of state alone: no input reaches an output within a cycle.

use crate::profile::{Profile, DATA_WORDS};

/// Direction seen from the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dir {
    /// Driven by the environment.
    In,
    /// Driven by the device.
    Out,
}

/// Width of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The same in every profile, bits.
    Fixed(usize),
    /// The profile's data width.
    Data,
    /// One bit a byte of the data width.
    Strb,
    /// The profile's AXI ID width.
    Id,
}

/// One port of the top module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Verilog name; the field of [`Inputs`] or [`Outputs`] has the same name.
    pub name: &'static str,
    /// Direction.
    pub dir: Dir,
    /// Width.
    pub width: Width,
    /// Where the field starts in [`Inputs`] or [`Outputs`], bytes.
    pub offset: usize,
    /// Size of the field, bytes.
    pub bytes: usize,
}

impl Port {
    /// Width in bits in profile `p`.
    #[must_use]
    pub const fn bits(&self, p: &Profile) -> usize {
        match self.width {
            Width::Fixed(n) => n,
            Width::Data => p.data_w,
            Width::Strb => p.data_w / 8,
            Width::Id => p.id_w,
        }
    }
}

/// A value on a data port: word 0 holds bits 63:0. Words above the profile's width are 0.
pub type Data = [u64; DATA_WORDS];

/// The value whose first words are `low`.
#[must_use]
pub const fn data<const N: usize>(low: [u64; N]) -> Data {
    let mut d = [0; DATA_WORDS];
    let mut n = 0;
    while n < N && n < DATA_WORDS {
        d[n] = low[n];
        n += 1;
    }
    d
}

macro_rules! port_width {
    (Data) => {
        Width::Data
    };
    (Strb) => {
        Width::Strb
    };
    (Id) => {
        Width::Id
    };
    ($n:literal) => {
        Width::Fixed($n)
    };
}

/// A field type that a port value can be read from as 64-bit words.
pub trait PortValue {
    /// The value, low word first.
    fn words(&self) -> Data;
    /// The value whose words are `d`; bits above the type are lost.
    fn from_words(d: Data) -> Self;
}
macro_rules! port_value { ($($t:ty),*) => { $(impl PortValue for $t {
    fn words(&self) -> Data { let mut d = [0; DATA_WORDS]; d[0] = u64::from(*self); d }
    #[allow(clippy::cast_possible_truncation)]
    fn from_words(d: Data) -> Self { d[0] as $t }
})* } }
port_value!(u8, u16, u32, u64);
impl PortValue for bool {
    fn words(&self) -> Data {
        u64::from(*self).words()
    }
    fn from_words(d: Data) -> Self {
        d[0] & 1 == 1
    }
}
impl PortValue for Data {
    fn words(&self) -> Data {
        *self
    }
    fn from_words(d: Data) -> Self {
        d
    }
}

macro_rules! ports {
    (inputs { $($(#[$idoc:meta])* $i:ident : $it:ty = $iw:tt,)* } outputs { $($(#[$odoc:meta])* $o:ident : $ot:ty = $ow:tt,)* }) => {
        /// Input ports sampled at one rising edge of `clock`. Bits above a port's width are 0.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Inputs { $($(#[$idoc])* pub $i: $it,)* }
        /// Output ports as they stand before one rising edge of `clock`. Bits above a port's width are 0.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct Outputs { $($(#[$odoc])* pub $o: $ot,)* }
        /// Input ports but for `clock`, in the order of [`Inputs`].
        pub const INPUTS: &[Port] = &[$(Port { name: stringify!($i), dir: Dir::In, width: port_width!($iw), offset: core::mem::offset_of!(Inputs, $i), bytes: size_of::<$it>() },)*];
        /// Output ports, in the order of [`Outputs`].
        pub const OUTPUTS: &[Port] = &[$(Port { name: stringify!($o), dir: Dir::Out, width: port_width!($ow), offset: core::mem::offset_of!(Outputs, $o), bytes: size_of::<$ot>() },)*];
        impl Inputs {
            /// The inputs whose port values are those that `f` gives, asked in the order of [`INPUTS`].
            pub fn from_fn(mut f: impl FnMut(&'static Port) -> Data) -> Self {
                let mut n = 0;
                $(let $i = { n += 1; <$it as PortValue>::from_words(f(&INPUTS[n - 1])) };)*
                Self { $($i,)* }
            }
            /// Calls `f` with every port and its value.
            pub fn each(&self, mut f: impl FnMut(&'static Port, Data)) {
                let mut n = 0;
                $({ f(&INPUTS[n], self.$i.words()); n += 1; })*
                let _ = n;
            }
        }
        impl Outputs {
            /// Calls `f` with every port and its value.
            pub fn each(&self, mut f: impl FnMut(&'static Port, Data)) {
                let mut n = 0;
                $({ f(&OUTPUTS[n], self.$o.words()); n += 1; })*
                let _ = n;
            }
        }
    };
}

ports! {
    inputs {
        /// Synchronous reset, active high.
        reset: bool = 1,
        /// Write address, bytes.
        s_axil_awaddr: u32 = 32,
        /// Protection type; ignored.
        s_axil_awprot: u8 = 3,
        /// Write address valid.
        s_axil_awvalid: bool = 1,
        /// Write data.
        s_axil_wdata: u32 = 32,
        /// Write byte enables.
        s_axil_wstrb: u8 = 4,
        /// Write data valid.
        s_axil_wvalid: bool = 1,
        /// Ready for the write response.
        s_axil_bready: bool = 1,
        /// Read address, bytes.
        s_axil_araddr: u32 = 32,
        /// Protection type; ignored.
        s_axil_arprot: u8 = 3,
        /// Read address valid.
        s_axil_arvalid: bool = 1,
        /// Ready for read data.
        s_axil_rready: bool = 1,
        /// Write address accepted.
        m_axi_awready: bool = 1,
        /// Write data accepted.
        m_axi_wready: bool = 1,
        /// Write response ID.
        m_axi_bid: u16 = Id,
        /// Write response: 0 OKAY, 2 SLVERR, 3 DECERR.
        m_axi_bresp: u8 = 2,
        /// Write response valid.
        m_axi_bvalid: bool = 1,
        /// Read address accepted.
        m_axi_arready: bool = 1,
        /// Read data ID.
        m_axi_rid: u16 = Id,
        /// Read data.
        m_axi_rdata: Data = Data,
        /// Read response: 0 OKAY, 2 SLVERR, 3 DECERR.
        m_axi_rresp: u8 = 2,
        /// Last beat of a burst.
        m_axi_rlast: bool = 1,
        /// Read data valid.
        m_axi_rvalid: bool = 1,
        /// Host-to-card stream accepted.
        m_axis_tready: bool = 1,
        /// Card-to-host data.
        s_axis_tdata: Data = Data,
        /// Card-to-host byte enables: all ones but on the last beat, there contiguous from bit 0.
        s_axis_tkeep: u64 = Strb,
        /// Last beat of a packet.
        s_axis_tlast: bool = 1,
        /// Card-to-host data valid.
        s_axis_tvalid: bool = 1,
        /// Member id.
        s_axis_tdest: u32 = 20,
        /// Virtqueue index within the device.
        s_axis_tid: u16 = 16,
        /// Side band, see `stream`.
        s_axis_tuser: u64 = 64,
    }
    outputs {
        /// Write address accepted.
        s_axil_awready: bool = 1,
        /// Write data accepted.
        s_axil_wready: bool = 1,
        /// Write response: 0 OKAY, 2 SLVERR.
        s_axil_bresp: u8 = 2,
        /// Write response valid.
        s_axil_bvalid: bool = 1,
        /// Read address accepted.
        s_axil_arready: bool = 1,
        /// Read data.
        s_axil_rdata: u32 = 32,
        /// Read response: 0 OKAY, 2 SLVERR.
        s_axil_rresp: u8 = 2,
        /// Read data valid.
        s_axil_rvalid: bool = 1,
        /// Write ID.
        m_axi_awid: u16 = Id,
        /// Write address, bytes.
        m_axi_awaddr: u64 = 64,
        /// Beats - 1.
        m_axi_awlen: u8 = 8,
        /// log2(bytes a beat).
        m_axi_awsize: u8 = 3,
        /// Burst type: 1 INCR.
        m_axi_awburst: u8 = 2,
        /// Lock: 0.
        m_axi_awlock: bool = 1,
        /// Cache attributes: 0b0011.
        m_axi_awcache: u8 = 4,
        /// Protection: 0b010.
        m_axi_awprot: u8 = 3,
        /// Quality of service: 0.
        m_axi_awqos: u8 = 4,
        /// Region: 0.
        m_axi_awregion: u8 = 4,
        /// \[19:0\] PASID, \[20\] PASID valid, \[21\] interrupt message.
        m_axi_awuser: u32 = 22,
        /// Write address valid.
        m_axi_awvalid: bool = 1,
        /// Write data.
        m_axi_wdata: Data = Data,
        /// Write byte enables.
        m_axi_wstrb: u64 = Strb,
        /// Last beat.
        m_axi_wlast: bool = 1,
        /// Write data valid.
        m_axi_wvalid: bool = 1,
        /// Ready for a write response; always 1 out of reset.
        m_axi_bready: bool = 1,
        /// Read ID.
        m_axi_arid: u16 = Id,
        /// Read address, bytes.
        m_axi_araddr: u64 = 64,
        /// Beats - 1.
        m_axi_arlen: u8 = 8,
        /// log2(bytes a beat).
        m_axi_arsize: u8 = 3,
        /// Burst type: 1 INCR.
        m_axi_arburst: u8 = 2,
        /// Lock: 0.
        m_axi_arlock: bool = 1,
        /// Cache attributes: 0b0011.
        m_axi_arcache: u8 = 4,
        /// Protection: 0b010.
        m_axi_arprot: u8 = 3,
        /// Quality of service: 0.
        m_axi_arqos: u8 = 4,
        /// Region: 0.
        m_axi_arregion: u8 = 4,
        /// \[19:0\] PASID, \[20\] PASID valid, \[21\] 0.
        m_axi_aruser: u32 = 22,
        /// Read address valid.
        m_axi_arvalid: bool = 1,
        /// Ready for read data; always 1 out of reset.
        m_axi_rready: bool = 1,
        /// Host-to-card data.
        m_axis_tdata: Data = Data,
        /// Host-to-card byte enables: all ones but on the last beat, there contiguous from bit 0.
        m_axis_tkeep: u64 = Strb,
        /// Last beat of a packet.
        m_axis_tlast: bool = 1,
        /// Host-to-card data valid.
        m_axis_tvalid: bool = 1,
        /// Member id.
        m_axis_tdest: u32 = 20,
        /// Virtqueue index within the device.
        m_axis_tid: u16 = 16,
        /// Side band, see `stream`.
        m_axis_tuser: u64 = 64,
        /// Card-to-host stream accepted.
        s_axis_tready: bool = 1,
    }
}
