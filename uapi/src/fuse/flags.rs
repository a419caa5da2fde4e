//! Flags of FUSE messages, one module a field.
#![expect(missing_docs, reason = "the names are the field's own")]

/// `OpenOut::open_flags` (`FOPEN_*`).
pub mod fopen {
    pub const DIRECT_IO: u32 = 1;
    pub const KEEP_CACHE: u32 = 1 << 1;
    pub const NONSEEKABLE: u32 = 1 << 2;
    pub const CACHE_DIR: u32 = 1 << 3;
    pub const STREAM: u32 = 1 << 4;
    pub const NOFLUSH: u32 = 1 << 5;
    pub const PARALLEL_DIRECT_WRITES: u32 = 1 << 6;
    pub const PASSTHROUGH: u32 = 1 << 7;
}

/// The 64 flags of INIT (`FUSE_*`); the upper 32 travel in `flags2`.
pub mod init {
    pub const ASYNC_READ: u64 = 1;
    pub const POSIX_LOCKS: u64 = 1 << 1;
    pub const FILE_OPS: u64 = 1 << 2;
    pub const ATOMIC_O_TRUNC: u64 = 1 << 3;
    pub const EXPORT_SUPPORT: u64 = 1 << 4;
    pub const BIG_WRITES: u64 = 1 << 5;
    pub const DONT_MASK: u64 = 1 << 6;
    pub const SPLICE_WRITE: u64 = 1 << 7;
    pub const SPLICE_MOVE: u64 = 1 << 8;
    pub const SPLICE_READ: u64 = 1 << 9;
    pub const FLOCK_LOCKS: u64 = 1 << 10;
    pub const HAS_IOCTL_DIR: u64 = 1 << 11;
    pub const AUTO_INVAL_DATA: u64 = 1 << 12;
    pub const DO_READDIRPLUS: u64 = 1 << 13;
    pub const READDIRPLUS_AUTO: u64 = 1 << 14;
    pub const ASYNC_DIO: u64 = 1 << 15;
    pub const WRITEBACK_CACHE: u64 = 1 << 16;
    pub const NO_OPEN_SUPPORT: u64 = 1 << 17;
    pub const PARALLEL_DIROPS: u64 = 1 << 18;
    pub const HANDLE_KILLPRIV: u64 = 1 << 19;
    pub const POSIX_ACL: u64 = 1 << 20;
    pub const ABORT_ERROR: u64 = 1 << 21;
    pub const MAX_PAGES: u64 = 1 << 22;
    pub const CACHE_SYMLINKS: u64 = 1 << 23;
    pub const NO_OPENDIR_SUPPORT: u64 = 1 << 24;
    pub const EXPLICIT_INVAL_DATA: u64 = 1 << 25;
    pub const MAP_ALIGNMENT: u64 = 1 << 26;
    pub const SUBMOUNTS: u64 = 1 << 27;
    pub const HANDLE_KILLPRIV_V2: u64 = 1 << 28;
    pub const SETXATTR_EXT: u64 = 1 << 29;
    /// `flags2` is there.
    pub const INIT_EXT: u64 = 1 << 30;
    pub const SECURITY_CTX: u64 = 1 << 32;
    pub const HAS_INODE_DAX: u64 = 1 << 33;
    pub const CREATE_SUPP_GROUP: u64 = 1 << 34;
    pub const HAS_EXPIRE_ONLY: u64 = 1 << 35;
    /// A shared mmap of a file opened with `fopen::DIRECT_IO` is served from the page cache.
    pub const DIRECT_IO_ALLOW_MMAP: u64 = 1 << 36;
    pub const PASSTHROUGH: u64 = 1 << 37;
    pub const NO_EXPORT_SUPPORT: u64 = 1 << 38;
    pub const HAS_RESEND: u64 = 1 << 39;
    pub const ALLOW_IDMAP: u64 = 1 << 40;
    pub const OVER_IO_URING: u64 = 1 << 41;
    pub const REQUEST_TIMEOUT: u64 = 1 << 42;

    /// The two words of a message, lower first.
    #[must_use]
    pub const fn split(flags: u64) -> (u32, u32) {
        ((flags & 0xffff_ffff) as u32, (flags >> 32) as u32)
    }

    /// The flags of two words, lower first; the upper counts only with [`INIT_EXT`].
    #[must_use]
    pub const fn join(flags: u32, flags2: u32) -> u64 {
        let low = flags as u64;
        if low & INIT_EXT == 0 {
            low
        } else {
            low | (flags2 as u64) << 32
        }
    }
}

/// `CuseInitIn::flags` and `CuseInitOut::flags` (`CUSE_*`).
pub mod cuse {
    /// ioctls of any shape, with retry.
    pub const UNRESTRICTED_IOCTL: u32 = 1;
}

/// `IoctlIn::flags` and `IoctlOut::flags` (`FUSE_IOCTL_*`).
pub mod ioctl {
    pub const COMPAT: u32 = 1;
    pub const UNRESTRICTED: u32 = 1 << 1;
    pub const RETRY: u32 = 1 << 2;
    pub const IS_32BIT: u32 = 1 << 3;
    pub const DIR: u32 = 1 << 4;
    pub const COMPAT_X32: u32 = 1 << 5;
}

/// `PollIn::flags` (`FUSE_POLL_*`).
pub mod poll {
    /// The caller is going to sleep: notify it.
    pub const SCHEDULE_NOTIFY: u32 = 1;
}

/// `WriteIn::write_flags` (`FUSE_WRITE_*`).
pub mod write {
    /// Written back from the page cache.
    pub const CACHE: u32 = 1;
    pub const LOCKOWNER: u32 = 1 << 1;
    pub const KILL_SUIDGID: u32 = 1 << 2;
}

/// `ReadIn::read_flags` (`FUSE_READ_*`).
pub mod read {
    pub const LOCKOWNER: u32 = 1 << 1;
}

/// `ReleaseIn::release_flags` (`FUSE_RELEASE_*`).
pub mod release {
    pub const FLUSH: u32 = 1;
    pub const FLOCK_UNLOCK: u32 = 1 << 1;
}

/// `GetattrIn::getattr_flags` (`FUSE_GETATTR_*`).
pub mod getattr {
    pub const FH: u32 = 1;
}

/// `SetattrIn::valid` (`FATTR_*`).
pub mod fattr {
    pub const MODE: u32 = 1;
    pub const UID: u32 = 1 << 1;
    pub const GID: u32 = 1 << 2;
    pub const SIZE: u32 = 1 << 3;
    pub const ATIME: u32 = 1 << 4;
    pub const MTIME: u32 = 1 << 5;
    pub const FH: u32 = 1 << 6;
    pub const ATIME_NOW: u32 = 1 << 7;
    pub const MTIME_NOW: u32 = 1 << 8;
    pub const LOCKOWNER: u32 = 1 << 9;
    pub const CTIME: u32 = 1 << 10;
    pub const KILL_SUIDGID: u32 = 1 << 11;
}

/// `OpenIn::open_flags` (`FUSE_OPEN_*`).
pub mod open {
    pub const KILL_SUIDGID: u32 = 1;
}

/// `Attr::flags` (`FUSE_ATTR_*`).
pub mod attr {
    pub const SUBMOUNT: u32 = 1;
    pub const DAX: u32 = 1 << 1;
}
