//! Why an operation of the driver failed.

use std::fmt;

use shoal_abi::cmd;

/// Result of driver operations.
pub type Result<T> = std::result::Result<T, Error>;

/// Status and qualifier of a refused admin command, with their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandStatus {
    /// Status, an errno number.
    pub status: u16,
    /// Status qualifier.
    pub qualifier: u16,
}

impl fmt::Display for CommandStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.status {
            cmd::OK => "OK",
            cmd::EAGAIN => "EAGAIN",
            cmd::EBUSY => "EBUSY",
            cmd::EEXIST => "EEXIST",
            cmd::EINVAL => "EINVAL",
            _ => "unknown status",
        };
        let qualifier = match self.qualifier {
            cmd::Q_OK => "OK",
            cmd::Q_INVALID_COMMAND => "INVALID_COMMAND",
            cmd::Q_INVALID_OPCODE => "INVALID_OPCODE",
            cmd::Q_INVALID_FIELD => "INVALID_FIELD",
            cmd::Q_INVALID_GROUP => "INVALID_GROUP",
            cmd::Q_INVALID_MEMBER => "INVALID_MEMBER",
            cmd::Q_NORESOURCE => "NORESOURCE",
            cmd::Q_TRYAGAIN => "TRYAGAIN",
            _ => "unknown qualifier",
        };
        write!(
            f,
            "{status} ({})/{qualifier} ({})",
            self.status, self.qualifier
        )
    }
}

/// Why an operation of the driver failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The platform cannot go on or has run out of something.
    #[error("platform: {0}")]
    Platform(String),
    /// Not a Shoal device, or one this driver does not know.
    #[error("register {register} reads {found:#x}, this driver needs {wanted:#x}")]
    Identity {
        /// Register.
        register: &'static str,
        /// Its value.
        found: u64,
        /// Value or bits needed.
        wanted: u64,
    },
    /// The device did not do something in time.
    #[error("{what} took more than {cycles} cycles")]
    Timeout {
        /// What was waited for.
        what: String,
        /// The bound.
        cycles: u64,
    },
    /// An admin command was refused.
    #[error("{command} for member {member}: {status}")]
    Command {
        /// Command.
        command: &'static str,
        /// Member id, 0 for the mgmtdev.
        member: u64,
        /// What the device answered.
        status: CommandStatus,
    },
    /// The device returned something that no command asked for.
    #[error("admin queue: used element {id} of {len} bytes matches no command in flight")]
    BadUsed {
        /// Descriptor index.
        id: u32,
        /// Length.
        len: u32,
    },
    /// The result of a command is shorter than its layout.
    #[error("{command}: {got} result bytes, {wanted} expected")]
    ShortResult {
        /// Command.
        command: &'static str,
        /// Bytes returned.
        got: usize,
        /// Bytes expected.
        wanted: usize,
    },
    /// No free descriptors in the admin queue: poll completions first.
    #[error("the admin queue is full")]
    QueueFull,
    /// A command does not fit into its buffers, or its framing is not possible.
    #[error("a command of {readable} + {writable} bytes in {descriptors} descriptors does not fit the admin queue")]
    Framing {
        /// Readable bytes.
        readable: usize,
        /// Writable bytes.
        writable: usize,
        /// Descriptors.
        descriptors: usize,
    },
    /// A pool is used up.
    #[error("no {wanted} free {what} are left of {total}")]
    Exhausted {
        /// What the pool holds.
        what: &'static str,
        /// How many were asked for.
        wanted: u32,
        /// Size of the pool.
        total: u32,
    },
    /// An argument is out of range.
    #[error("{what} {value:#x} is not allowed: {rule}")]
    Argument {
        /// Which.
        what: &'static str,
        /// Its value.
        value: u64,
        /// What it has to be.
        rule: &'static str,
    },
    /// A range to map overlaps a mapping.
    #[error("IOVA {iova:#x}..+{bytes:#x} overlaps a mapping")]
    Overlap {
        /// First byte.
        iova: u64,
        /// Bytes.
        bytes: u64,
    },
    /// A range to unmap is not mapped throughout.
    #[error("IOVA {iova:#x}..+{bytes:#x} is not mapped throughout")]
    NotMapped {
        /// First byte.
        iova: u64,
        /// Bytes.
        bytes: u64,
    },
    /// The operation is not possible in the state of the device or queue.
    #[error("{0}")]
    State(&'static str),
}

impl Error {
    /// Status and qualifier, if the device refused a command.
    #[must_use]
    pub const fn command_status(&self) -> Option<CommandStatus> {
        match self {
            Self::Command { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// True when the device asks for another try.
    #[must_use]
    pub fn is_try_again(&self) -> bool {
        self.command_status()
            .is_some_and(|s| s.status == cmd::EAGAIN)
    }
}
