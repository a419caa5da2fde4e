//! Arguments of the transfer ioctls.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct snd_xferi` of a 64-bit client: interleaved transfer.
#[doc(alias = "snd_xferi")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XferI {
    /// Frames moved, or −errno (returned).
    pub result: i64,
    /// Address of the samples in the client.
    pub buf: u64,
    /// Frames asked for.
    pub frames: u64,
}

/// `struct snd_xfern` of a 64-bit client: one buffer a channel.
#[doc(alias = "snd_xfern")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XferN {
    /// Frames moved, or −errno (returned).
    pub result: i64,
    /// Address of an array of `channels` addresses in the client.
    pub bufs: u64,
    /// Frames asked for.
    pub frames: u64,
}
