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
