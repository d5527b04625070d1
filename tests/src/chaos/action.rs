//! What can happen in a chaos session. Actions are small values, so that a failing list shrinks well.

/// An admin command in flight.
#[derive(Clone, Debug)]
pub struct Command {
    /// Opcode.
    pub opcode: u16,
    /// Group type.
    pub group: u16,
    /// `group_member_id`.
    pub member: u64,
    /// Command data.
    pub data: Vec<u8>,
    /// Framing: 0 two descriptors, 1 indirect, 2 readable part in pieces of 5 bytes, 3 writable part in pieces of 6, 4 answer
    /// cut to 4 bytes, 5 command cut to half.
    pub framing: u8,
}

/// One buffer of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Desc {
    /// Offset in the buffer area, bytes.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
    /// Device-writable.
    pub write: bool,
}

/// A descriptor chain.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Buffers in order.
    pub descs: Vec<Desc>,
    /// Descriptors from this one on stand in an indirect table.
    pub indirect_from: Option<usize>,
    /// 0: on a net device all buffers are made writable or readable as the queue wants; 1..=8 none; else see `World::fill`.
    pub flaw: u8,
}

/// A device to create and start.
#[derive(Clone, Debug)]
pub struct Provision {
    /// Member id.
    pub member: u8,
    /// Block device with one queue, else net with two.
    pub blk: bool,
    /// ASID of the rings.
    pub rings: u8,
    /// ASID of the buffers.
    pub data: u8,
    /// EVENT_IDX.
    pub event: bool,
    /// INDIRECT_DESC.
    pub indirect: bool,
    /// log2 of the entries of every queue.
    pub log2: u8,
    /// `last_avail` and `used_idx` to start with.
    pub start: u16,
    /// Where the rings stand: see `layout::place`.
    pub place: u8,
}

/// A command that ends or interrupts what a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// DEV_MODE_SET stop.
    Stop,
    /// DEV_MODE_SET resume.
    Resume,
    /// STATUS_SET 0.
    Reset,
    /// DEV_DESTROY.
    Destroy,
    /// VQ_RESET of this queue.
    Queue(u8),
}

/// One step of a session.
#[derive(Clone, Debug)]
pub enum Action {
    /// Let time pass, cycles.
    Wait(u16),
    /// Put a command on the admin queue and notify.
    Admin(Command),
    /// Create and start a device in the ordinary way, waiting for each command.
    Provision(Provision),
    /// STATUS_GET of every device; those that need a reset are provisioned again.
    Heal,
    /// Provision this member again as it was provisioned last.
    Revive(u8),
    /// VQ_SETUP of queue q of a member, ready, from its first index on; waits.
    Ring(u8, u8),
    /// Put such a command on the admin queue, without waiting.
    Halt(u8, Halt),
    /// The same, with a long chain to transmit, while the card takes nothing from `m_axis` until the command has completed; then it takes again.
    Stuck(u8, Halt),
    /// MSI_SET of queue q of a member or 0xff for its configuration, masked or not, without waiting.
    Mask(u8, u8, bool),
    /// IOTLB_INVALIDATE, without waiting: kind, ASID, page of the arena, pages.
    Invalidate(u8, u8, u8, u8),
    /// CONFIG_SET of some bytes, without waiting: member, byte mask.
    Config(u8, u8),
    /// Write FQ_CTRL, FQ_BASE and FQ_HEAD: enable, base in memory, head.
    Faults(bool, bool, u16),
    /// Make chains available on queue q of a member and write its doorbell.
    Fill(u8, u8, Vec<Chain>),
    /// Suppress or ask for interrupts of queue q of a member: avail.flags, used_event counted from the available index.
    Quiet(u8, u8, bool, u8),
    /// Write a doorbell: page, index.
    Kick(u8, u16),
    /// Fill receive queue 0 of the n-th net device, then send it packets of so many bytes.
    Receive(u8, Vec<Chain>, Vec<u16>),
    /// Send a receive packet: member, vq, bytes.
    Packet(u8, u8, u16),
    /// Send an answer with the last tag seen on `m_axis`, changed by xor: member or 0 for the one seen, tag xor, bytes.
    Answer(u8, u16, u16),
    /// Write a register: offset, data, strobes.
    Write(u32, u32, u8),
    /// Read a register.
    Read(u32),
    /// Write 8 bytes of host memory: an address in rings or page tables, value.
    Poke(u32, u64),
    /// Change the memory system: latency, jitter, stall percent.
    Memory(u16, u8, u8),
    /// Change the streams: stall percent of `m_axis`, gap percent of `s_axis`.
    Streams(u8, u8),
    /// Warm reset by status 0, then set up again.
    Warm,
    /// Hard reset for some cycles, then set up again.
    Hard(u8),
}
