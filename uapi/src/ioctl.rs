//! How an ioctl number is made: `dir << 30 | size << 16 | type << 8 | nr`.

/// No argument by the number's own word (the argument may still be a value).
pub const NONE: u32 = 0;
/// The caller hands data to the device (`_IOW`).
pub const WRITE: u32 = 1;
/// The device hands data to the caller (`_IOR`).
pub const READ: u32 = 2;

/// Computes an ioctl number.
#[must_use]
pub const fn number(dir: u32, kind: u8, nr: u8, size: usize) -> u32 {
    (dir << 30) | ((size as u32) << 16) | ((kind as u32) << 8) | nr as u32
}

/// The direction bits of a number.
#[must_use]
pub const fn dir(cmd: u32) -> u32 {
    cmd >> 30
}

/// The argument size in bytes that a number announces.
#[must_use]
pub const fn size(cmd: u32) -> usize {
    ((cmd >> 16) & 0x3fff) as usize
}

/// The type byte of a number: 'A' PCM, 'U' control, 'T' timer.
#[must_use]
pub const fn kind(cmd: u32) -> u8 {
    ((cmd >> 8) & 0xff) as u8
}

/// The command within its type.
#[must_use]
pub const fn nr(cmd: u32) -> u8 {
    (cmd & 0xff) as u8
}

/// What the argument word of an ioctl really is, whatever the direction bits of its number say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Nothing: the word is ignored.
    None,
    /// The word itself is the argument (an `int`), not an address.
    Value,
    /// The address of data that is read.
    In,
    /// The address of data that is written.
    Out,
    /// The address of data that is read, then written.
    InOut,
}

impl Shape {
    /// Whether the caller's memory at the argument is read.
    #[must_use]
    pub const fn reads(self) -> bool {
        matches!(self, Shape::In | Shape::InOut)
    }

    /// Whether the caller's memory at the argument is written.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Shape::Out | Shape::InOut)
    }
}

/// What is known of one ioctl number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The full number.
    pub cmd: u32,
    /// The header's name without its common prefix, e.g. `HW_PARAMS`.
    pub name: &'static str,
    /// The argument as it really is.
    pub shape: Shape,
    /// Whether more of the caller's memory is reached than the number's size tells: behind an address in the
    /// structure, or directly after it (TLV).
    pub indirect: bool,
}

impl Row {
    /// A row whose argument is all in the structure.
    #[must_use]
    pub const fn new(cmd: u32, name: &'static str, shape: Shape) -> Row {
        Row {
            cmd,
            name,
            shape,
            indirect: false,
        }
    }

    /// A row whose argument reaches further.
    #[must_use]
    pub const fn indirect(cmd: u32, name: &'static str, shape: Shape) -> Row {
        Row {
            cmd,
            name,
            shape,
            indirect: true,
        }
    }

    /// The command within its type.
    #[must_use]
    pub const fn nr(&self) -> u8 {
        nr(self.cmd)
    }

    /// The structure's size in bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        size(self.cmd)
    }

    /// The structure is read although the number does not say so (`_IOR`): a transport that goes by the number brings
    /// no input (READI_FRAMES, READN_FRAMES, CHANNEL_INFO, PCM_NEXT_DEVICE, HWDEP_INFO).
    #[must_use]
    pub const fn reads_unannounced(&self) -> bool {
        self.shape.reads() && dir(self.cmd) & WRITE == 0
    }

    /// The structure is written although the number does not say so (`_IOW`): a transport that goes by the number
    /// carries no result back (WRITEI_FRAMES, WRITEN_FRAMES, REWIND, FORWARD).
    #[must_use]
    pub const fn writes_unannounced(&self) -> bool {
        self.shape.writes() && dir(self.cmd) & READ == 0
    }
}

/// The row of a number in a table.
#[must_use]
pub fn find(table: &'static [Row], cmd: u32) -> Option<&'static Row> {
    table.iter().find(|row| row.cmd == cmd)
}
