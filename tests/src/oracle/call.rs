//! Scripts: calls that a client makes, as data.

use std::fmt;

use super::names::{flags_in_words, ioctl_name};

/// A node of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// `controlC*`
    Control,
    /// `pcmC*D<device>p`
    Playback(u32),
    /// `pcmC*D<device>c`
    Capture(u32),
}

impl Node {
    /// Its file name on card `card`.
    #[must_use]
    pub fn name(self, card: u32) -> String {
        match self {
            Node::Control => format!("controlC{card}"),
            Node::Playback(device) => format!("pcmC{card}D{device}p"),
            Node::Capture(device) => format!("pcmC{card}D{device}c"),
        }
    }
}

/// The argument of an ioctl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A value in the argument word itself.
    Value(i64),
    /// The address of these bytes.
    Bytes(Vec<u8>),
    /// The address of a `snd_xferi` with a buffer of sound.
    Xfer {
        /// Frames asked for.
        frames: u64,
        /// Where the buffer is.
        buffer: Buffer,
    },
    /// The address of a `snd_xfern`; channels whose bit is set in `holes` have no buffer.
    XferN {
        /// Frames asked for.
        frames: u64,
        /// Channels without a buffer.
        holes: u64,
    },
    /// The address of a `snd_ctl_elem_list` with room for `space` ids.
    List {
        /// First element wanted.
        offset: u32,
        /// Most elements wanted.
        space: u32,
    },
    /// The address of a `snd_ctl_elem_info` with the address of these names in it.
    Names {
        /// The structure.
        info: Vec<u8>,
        /// What its `names_ptr` points to.
        names: Vec<u8>,
    },
    /// The descriptor's number in a slot.
    Descriptor(u8),
}

/// Where the buffer of a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    /// Memory that holds a known pattern (writes), or marks (reads).
    Good,
    /// Address 0.
    Null,
    /// An address with nothing behind it.
    Bad,
}

/// One call. Open files and mappings have slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// open(2)
    Open {
        /// Slot for the file.
        slot: u8,
        /// Which node.
        node: Node,
        /// Flags.
        flags: i32,
    },
    /// close(2)
    Close {
        /// Whose.
        slot: u8,
    },
    /// ioctl(2)
    Ioctl {
        /// On which file.
        slot: u8,
        /// Number.
        cmd: u32,
        /// Argument.
        arg: Arg,
    },
    /// read(2) of `size` bytes
    Read {
        /// From which file.
        slot: u8,
        /// Bytes.
        size: u32,
    },
    /// write(2) of `size` bytes
    Write {
        /// To which file.
        slot: u8,
        /// Bytes.
        size: u32,
    },
    /// poll(2) without waiting
    Poll {
        /// Which file.
        slot: u8,
        /// For what.
        events: i16,
    },
    /// fcntl(F_SETFL)
    SetFlags {
        /// Which file.
        slot: u8,
        /// Flags.
        flags: i32,
    },
    /// mmap(2), shared
    Map {
        /// Slot for the mapping.
        map: u8,
        /// Of which file.
        slot: u8,
        /// Offset.
        offset: u64,
        /// Bytes.
        length: u32,
        /// Protection.
        prot: i32,
    },
    /// munmap(2)
    Unmap {
        /// Which mapping.
        map: u8,
    },
    /// Loads from a mapping
    Peek {
        /// Which mapping.
        map: u8,
        /// Where.
        offset: u32,
        /// How much.
        length: u32,
    },
    /// Stores into a mapping
    Poke {
        /// Which mapping.
        map: u8,
        /// Where.
        offset: u32,
        /// What.
        bytes: Vec<u8>,
    },
    /// Time passes
    Sleep {
        /// Microseconds.
        micros: u32,
    },
}

/// Calls in their order.
pub type Script = Vec<Call>;

impl Call {
    /// The file it is about.
    #[must_use]
    pub fn slot(&self) -> Option<u8> {
        match *self {
            Call::Open { slot, .. }
            | Call::Close { slot }
            | Call::Ioctl { slot, .. }
            | Call::Read { slot, .. }
            | Call::Write { slot, .. }
            | Call::Poll { slot, .. }
            | Call::SetFlags { slot, .. }
            | Call::Map { slot, .. } => Some(slot),
            _ => None,
        }
    }

    /// The call in one word: an ioctl's name, or the system call's.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Call::Ioctl { cmd, .. } => ioctl_name(*cmd),
            Call::Open { .. } => "open".to_owned(),
            Call::Close { .. } => "close".to_owned(),
            Call::Read { .. } => "read".to_owned(),
            Call::Write { .. } => "write".to_owned(),
            Call::Poll { .. } => "poll".to_owned(),
            Call::SetFlags { .. } => "fcntl".to_owned(),
            Call::Map { .. } => "mmap".to_owned(),
            Call::Unmap { .. } => "munmap".to_owned(),
            Call::Peek { .. } => "load".to_owned(),
            Call::Poke { .. } => "store".to_owned(),
            Call::Sleep { .. } => "sleep".to_owned(),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Open { slot, node, flags } => {
                write!(
                    f,
                    "{slot} = open({}, {})",
                    node.name(0),
                    flags_in_words(*flags)
                )
            }
            Call::Ioctl { slot, cmd, arg } => {
                write!(f, "ioctl({slot}, {}, ", ioctl_name(*cmd))?;
                arg_in_words(f, *cmd, arg)?;
                write!(f, ")")
            }
            Call::Close { slot } => write!(f, "close({slot})"),
            Call::Read { slot, size } => write!(f, "read({slot}, {size})"),
            Call::Write { slot, size } => write!(f, "write({slot}, {size})"),
            Call::Poll { slot, events } => write!(f, "poll({slot}, {events:#x})"),
            Call::SetFlags { slot, flags } => {
                write!(f, "fcntl({slot}, F_SETFL, {})", flags_in_words(*flags))
            }
            Call::Map {
                map,
                slot,
                offset,
                length,
                prot,
            } => {
                write!(
                    f,
                    "map {map} = mmap({slot}, {offset:#x}, {length}, prot {prot})"
                )
            }
            Call::Unmap { map } => write!(f, "munmap(map {map})"),
            Call::Peek {
                map,
                offset,
                length,
            } => write!(f, "load(map {map}, {offset}, {length})"),
            Call::Poke { map, offset, bytes } => {
                write!(f, "store(map {map}, {offset}, {bytes:02x?})")
            }
            Call::Sleep { micros } => write!(f, "sleep({micros} us)"),
        }
    }
}

fn arg_in_words(f: &mut fmt::Formatter<'_>, cmd: u32, arg: &Arg) -> fmt::Result {
    match arg {
        Arg::Value(value) => write!(f, "{value}"),
        Arg::Bytes(bytes) => write!(f, "{}", super::fields::in_words(cmd, bytes)),
        Arg::Xfer { frames, buffer } => write!(f, "{frames} frames, {buffer:?} buffer"),
        Arg::XferN { frames, holes } => write!(f, "{frames} frames, holes {holes:#x}"),
        Arg::List { offset, space } => write!(f, "offset {offset}, space {space}"),
        Arg::Names { info, names } => {
            write!(
                f,
                "{}, names {:?}",
                super::fields::in_words(cmd, info),
                String::from_utf8_lossy(names)
            )
        }
        Arg::Descriptor(slot) => write!(f, "the descriptor of {slot}"),
    }
}
