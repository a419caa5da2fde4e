//! What a daemon sends unasked; the code is in the header ([`super::notify`]).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Unasked: wakes pollers.
#[doc(alias = "fuse_notify_poll_wakeup_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NotifyPollWakeupOut {
    /// Name of the poller.
    pub kh: u64,
}

/// Unasked: drops cached pages of a node.
#[doc(alias = "fuse_notify_inval_inode_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NotifyInvalInodeOut {
    /// Node id.
    pub ino: u64,
    /// Bytes; negative: attributes only.
    pub off: i64,
    /// Bytes; ≤ 0: to the end.
    pub len: i64,
}

/// Unasked: drops a cached name; name and NUL follow.
#[doc(alias = "fuse_notify_inval_entry_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NotifyInvalEntryOut {
    /// Node id of the directory.
    pub parent: u64,
    /// Bytes of the name, without NUL.
    pub namelen: u32,
    /// 1: expire only.
    pub flags: u32,
}

/// Unasked: a name is gone; name and NUL follow.
#[doc(alias = "fuse_notify_delete_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NotifyDeleteOut {
    /// Node id of the directory.
    pub parent: u64,
    /// Node id that was there.
    pub child: u64,
    /// Bytes of the name, without NUL.
    pub namelen: u32,
    /// Padding.
    pub padding: u32,
}

/// Unasked: puts data into the page cache; the bytes follow.
#[doc(alias = "fuse_notify_store_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NotifyStoreOut {
    /// Node id.
    pub nodeid: u64,
    /// Bytes.
    pub offset: u64,
    /// Bytes that follow.
    pub size: u32,
    /// Padding.
    pub padding: u32,
}

/// Unasked: asks for data of the page cache.
#[doc(alias = "fuse_notify_retrieve_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NotifyRetrieveOut {
    /// Name for the reply.
    pub notify_unique: u64,
    /// Node id.
    pub nodeid: u64,
    /// Bytes.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Padding.
    pub padding: u32,
}
