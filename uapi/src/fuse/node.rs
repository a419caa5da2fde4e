//! Names, attributes and directories.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Attributes of a node; 88 bytes.
#[doc(alias = "fuse_attr")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Attr {
    /// Inode number.
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// Seconds.
    pub atime: u64,
    /// Seconds.
    pub mtime: u64,
    /// Seconds.
    pub ctime: u64,
    /// Nanoseconds.
    pub atimensec: u32,
    /// Nanoseconds.
    pub mtimensec: u32,
    /// Nanoseconds.
    pub ctimensec: u32,
    /// Type and permissions (`S_IF*`).
    pub mode: u32,
    /// Links.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device number.
    pub rdev: u32,
    /// Preferred size of transfers, bytes.
    pub blksize: u32,
    /// [`super::flags::attr`].
    pub flags: u32,
}

/// LOOKUP, answered; 128 bytes.
#[doc(alias = "fuse_entry_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct EntryOut {
    /// Node id; 0: no such name, and that may be cached.
    pub nodeid: u64,
    /// With the node id unique while mounted.
    pub generation: u64,
    /// How long the name may be cached, seconds.
    pub entry_valid: u64,
    /// How long the attributes may be cached, seconds.
    pub attr_valid: u64,
    /// Nanoseconds.
    pub entry_valid_nsec: u32,
    /// Nanoseconds.
    pub attr_valid_nsec: u32,
    /// The attributes.
    pub attr: Attr,
}

/// FORGET.
#[doc(alias = "fuse_forget_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ForgetIn {
    /// How many lookups are forgotten.
    pub nlookup: u64,
}

/// One of BATCH_FORGET.
#[doc(alias = "fuse_forget_one")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ForgetOne {
    /// Node id.
    pub nodeid: u64,
    /// How many lookups are forgotten.
    pub nlookup: u64,
}

/// BATCH_FORGET; `count` times [`ForgetOne`] follow.
#[doc(alias = "fuse_batch_forget_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BatchForgetIn {
    /// How many follow.
    pub count: u32,
    /// Padding.
    pub dummy: u32,
}

/// GETATTR, asked.
#[doc(alias = "fuse_getattr_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GetattrIn {
    /// [`super::flags::getattr`].
    pub getattr_flags: u32,
    /// Padding.
    pub dummy: u32,
    /// Open file, if the flags say so.
    pub fh: u64,
}

/// GETATTR and SETATTR, answered; 104 bytes.
#[doc(alias = "fuse_attr_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct AttrOut {
    /// How long the attributes may be cached, seconds.
    pub attr_valid: u64,
    /// Nanoseconds.
    pub attr_valid_nsec: u32,
    /// Padding.
    pub dummy: u32,
    /// The attributes.
    pub attr: Attr,
}

/// SETATTR, asked.
#[doc(alias = "fuse_setattr_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SetattrIn {
    /// [`super::flags::fattr`].
    pub valid: u32,
    /// Padding.
    pub padding: u32,
    /// Open file.
    pub fh: u64,
    /// Bytes.
    pub size: u64,
    /// Lock owner.
    pub lock_owner: u64,
    /// Seconds.
    pub atime: u64,
    /// Seconds.
    pub mtime: u64,
    /// Seconds.
    pub ctime: u64,
    /// Nanoseconds.
    pub atimensec: u32,
    /// Nanoseconds.
    pub mtimensec: u32,
    /// Nanoseconds.
    pub ctimensec: u32,
    /// Type and permissions.
    pub mode: u32,
    /// Unused.
    pub unused4: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Unused.
    pub unused5: u32,
}

/// STATFS, answered (`struct fuse_statfs_out` is nothing else); 80 bytes.
#[doc(alias = "fuse_kstatfs")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Kstatfs {
    /// Blocks.
    pub blocks: u64,
    /// Free blocks.
    pub bfree: u64,
    /// Free blocks for users.
    pub bavail: u64,
    /// Inodes.
    pub files: u64,
    /// Free inodes.
    pub ffree: u64,
    /// Preferred size of transfers, bytes.
    pub bsize: u32,
    /// Longest name, bytes.
    pub namelen: u32,
    /// Size of a block, bytes.
    pub frsize: u32,
    /// Padding.
    pub padding: u32,
    /// Zero.
    pub spare: [u32; 6],
}

/// ACCESS, asked.
#[doc(alias = "fuse_access_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct AccessIn {
    /// `R_OK`, `W_OK`, `X_OK`.
    pub mask: u32,
    /// Padding.
    pub padding: u32,
}

/// GETXATTR and LISTXATTR, asked.
#[doc(alias = "fuse_getxattr_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GetxattrIn {
    /// Room, bytes; 0 asks for the size.
    pub size: u32,
    /// Padding.
    pub padding: u32,
}

/// READDIR, answered: the head of one entry; the name follows, padded to 8 bytes ([`super::dirent_size`]).
#[doc(alias = "fuse_dirent")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Dirent {
    /// Inode number.
    pub ino: u64,
    /// Position after this entry.
    pub off: u64,
    /// Bytes of the name.
    pub namelen: u32,
    /// `DT_*`: `mode >> 12`.
    pub kind: u32,
}
