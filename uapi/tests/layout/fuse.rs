//! FUSE. The layouts are one for 64-bit and 32-bit daemons.

use uapi::fuse::{self, flags, notify, opcode};

use crate::compiler::{Checks, Client, constants, layout};

#[test]
fn fuse_headers_and_starts_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    c.line("#if FUSE_KERNEL_MINOR_VERSION >= 38");
    layout! {
        c, "struct fuse_in_header", fuse::InHeader { len, opcode, unique, nodeid, uid, gid, pid,
        total_extlen, padding }
    }
    c.line("#endif");
    layout! {
        c, "struct fuse_in_header", fuse::InHeader { len, opcode, unique, nodeid, uid, gid, pid }
        holes { total_extlen, padding }
    }
    layout! { c, "struct fuse_out_header", fuse::OutHeader { len, error, unique } }
    layout! {
        c, "struct fuse_init_in", fuse::InitIn { major, minor, max_readahead, flags, flags2, unused
        }
    }
    layout! {
        c, "struct fuse_init_out", fuse::InitOut { major, minor, max_readahead, flags,
        max_background, congestion_threshold, max_write, time_gran, max_pages, map_alignment, flags2
        } holes { max_stack_depth, request_timeout, unused }
    }
    c.line("#if FUSE_KERNEL_MINOR_VERSION >= 40");
    c.member(
        "struct fuse_init_out",
        "max_stack_depth",
        std::mem::offset_of!(fuse::InitOut, max_stack_depth),
        4,
    );
    layout! { c, "struct fuse_backing_map", fuse::BackingMap { fd, flags, padding } }
    c.member(
        "struct fuse_open_out",
        "backing_id",
        std::mem::offset_of!(fuse::OpenOut, backing_id),
        4,
    );
    c.line("#endif\n#if FUSE_KERNEL_MINOR_VERSION >= 43");
    c.member(
        "struct fuse_init_out",
        "request_timeout",
        std::mem::offset_of!(fuse::InitOut, request_timeout),
        2,
    );
    c.line("#endif");
    layout! { c, "struct cuse_init_in", fuse::CuseInitIn { major, minor, unused, flags } }
    layout! {
        c, "struct cuse_init_out", fuse::CuseInitOut { major, minor, unused, flags, max_read,
        max_write, dev_major, dev_minor, spare }
    }
    layout! { c, "struct fuse_interrupt_in", fuse::InterruptIn { unique } }
    c.assert();
}

#[test]
fn fuse_nodes_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    layout! {
        c, "struct fuse_attr", fuse::Attr { ino, size, blocks, atime, mtime, ctime, atimensec,
        mtimensec, ctimensec, mode, nlink, uid, gid, rdev, blksize, flags }
    }
    layout! {
        c, "struct fuse_entry_out", fuse::EntryOut { nodeid, generation, entry_valid, attr_valid,
        entry_valid_nsec, attr_valid_nsec, attr }
    }
    layout! { c, "struct fuse_forget_in", fuse::ForgetIn { nlookup } }
    layout! { c, "struct fuse_forget_one", fuse::ForgetOne { nodeid, nlookup } }
    layout! { c, "struct fuse_batch_forget_in", fuse::BatchForgetIn { count, dummy } }
    layout! { c, "struct fuse_getattr_in", fuse::GetattrIn { getattr_flags, dummy, fh } }
    layout! {
        c, "struct fuse_attr_out", fuse::AttrOut { attr_valid, attr_valid_nsec, dummy, attr }
    }
    layout! {
        c, "struct fuse_setattr_in", fuse::SetattrIn { valid, padding, fh, size, lock_owner, atime,
        mtime, ctime, atimensec, mtimensec, ctimensec, mode, unused4, uid, gid, unused5 }
    }
    layout! {
        c, "struct fuse_kstatfs", fuse::Kstatfs { blocks, bfree, bavail, files, ffree, bsize,
        namelen, frsize, padding, spare }
    }
    c.holds("sizeof(struct fuse_statfs_out) == sizeof(struct fuse_kstatfs)");
    layout! { c, "struct fuse_access_in", fuse::AccessIn { mask, padding } }
    layout! { c, "struct fuse_getxattr_in", fuse::GetxattrIn { size, padding } }
    layout! { c, "struct fuse_dirent", fuse::Dirent { ino, off, namelen, kind = "type" } }
    c.holds("FUSE_NAME_OFFSET == sizeof(struct fuse_dirent)");
    for length in [1usize, 8, 9, 255] {
        c.holds(&format!(
            "FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + {length}) == {}",
            fuse::dirent_size(length)
        ));
    }
    c.assert();
}

#[test]
fn fuse_open_files_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    layout! { c, "struct fuse_open_in", fuse::OpenIn { flags, open_flags } }
    layout! { c, "struct fuse_open_out", fuse::OpenOut { fh, open_flags } holes { backing_id } }
    layout! {
        c, "struct fuse_release_in", fuse::ReleaseIn { fh, flags, release_flags, lock_owner }
    }
    layout! { c, "struct fuse_flush_in", fuse::FlushIn { fh, unused, padding, lock_owner } }
    layout! {
        c, "struct fuse_read_in", fuse::ReadIn { fh, offset, size, read_flags, lock_owner, flags,
        padding }
    }
    layout! {
        c, "struct fuse_write_in", fuse::WriteIn { fh, offset, size, write_flags, lock_owner, flags,
        padding }
    }
    layout! { c, "struct fuse_write_out", fuse::WriteOut { size, padding } }
    layout! { c, "struct fuse_fsync_in", fuse::FsyncIn { fh, fsync_flags, padding } }
    layout! { c, "struct fuse_lseek_in", fuse::LseekIn { fh, offset, whence, padding } }
    layout! { c, "struct fuse_lseek_out", fuse::LseekOut { offset } }
    layout! {
        c, "struct fuse_fallocate_in", fuse::FallocateIn { fh, offset, length, mode, padding }
    }
    layout! { c, "struct fuse_ioctl_in", fuse::IoctlIn { fh, flags, cmd, arg, in_size, out_size } }
    layout! { c, "struct fuse_ioctl_iovec", fuse::IoctlIovec { base, len } }
    layout! { c, "struct fuse_ioctl_out", fuse::IoctlOut { result, flags, in_iovs, out_iovs } }
    layout! { c, "struct fuse_poll_in", fuse::PollIn { fh, kh, flags, events } }
    layout! { c, "struct fuse_poll_out", fuse::PollOut { revents, padding } }
    layout! { c, "struct fuse_notify_poll_wakeup_out", fuse::NotifyPollWakeupOut { kh } }
    layout! { c, "struct fuse_notify_inval_inode_out", fuse::NotifyInvalInodeOut { ino, off, len } }
    layout! {
        c, "struct fuse_notify_inval_entry_out", fuse::NotifyInvalEntryOut { parent, namelen } holes
        { flags }
    }
    layout! {
        c, "struct fuse_notify_delete_out", fuse::NotifyDeleteOut { parent, child, namelen, padding
        }
    }
    layout! {
        c, "struct fuse_notify_store_out", fuse::NotifyStoreOut { nodeid, offset, size, padding }
    }
    layout! {
        c, "struct fuse_notify_retrieve_out", fuse::NotifyRetrieveOut { notify_unique, nodeid,
        offset, size, padding }
    }
    c.assert();
}

#[test]
fn fuse_opcodes_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    constants! {
        c, "FUSE_", opcode, [LOOKUP, FORGET, GETATTR, SETATTR, READLINK, SYMLINK, MKNOD, MKDIR,
        UNLINK, RMDIR, RENAME, LINK, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, SETXATTR, GETXATTR,
        LISTXATTR, REMOVEXATTR, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR, GETLK, SETLK,
        SETLKW, ACCESS, CREATE, INTERRUPT, BMAP, DESTROY, IOCTL, POLL, NOTIFY_REPLY, BATCH_FORGET,
        FALLOCATE, READDIRPLUS, RENAME2, LSEEK, COPY_FILE_RANGE, SETUPMAPPING, REMOVEMAPPING,
        SYNCFS, TMPFILE]
    }
    c.constant("CUSE_INIT", i128::from(opcode::CUSE_INIT));
    c.line("#if FUSE_KERNEL_MINOR_VERSION >= 39");
    constants! { c, "FUSE_", opcode, [STATX] }
    c.line("#endif");
    constants! {
        c, "FUSE_NOTIFY_", notify, [POLL, INVAL_INODE, INVAL_ENTRY, STORE, RETRIEVE, DELETE]
    }
    c.line("#if FUSE_KERNEL_MINOR_VERSION >= 40");
    constants! { c, "FUSE_NOTIFY_", notify, [RESEND] }
    c.line("#endif");
    constants! { c, "FUSE_", fuse, [KERNEL_VERSION, ROOT_ID] }
    c.constant("FUSE_MIN_READ_BUFFER", fuse::MIN_READ_BUFFER as i128);
    c.constant("FUSE_IOCTL_MAX_IOV", fuse::IOCTL_MAX_IOV as i128);
    c.constant("CUSE_INIT_INFO_MAX", fuse::CUSE_INIT_INFO_MAX as i128);
    constants! {
        c, "FUSE_", fuse, [DEV_IOC_CLONE], newer [DEV_IOC_MAGIC, DEV_IOC_BACKING_OPEN,
        DEV_IOC_BACKING_CLOSE]
    }
    c.assert();
}

#[test]
fn fuse_flags_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    constants! {
        c, "FOPEN_", flags::fopen, [DIRECT_IO, KEEP_CACHE, NONSEEKABLE, CACHE_DIR, STREAM, NOFLUSH],
        newer [PARALLEL_DIRECT_WRITES, PASSTHROUGH]
    }
    constants! {
        c, "FUSE_", flags::init, [ASYNC_READ, POSIX_LOCKS, FILE_OPS, ATOMIC_O_TRUNC, EXPORT_SUPPORT,
        BIG_WRITES, DONT_MASK, SPLICE_WRITE, SPLICE_MOVE, SPLICE_READ, FLOCK_LOCKS, HAS_IOCTL_DIR,
        AUTO_INVAL_DATA, DO_READDIRPLUS, READDIRPLUS_AUTO, ASYNC_DIO, WRITEBACK_CACHE,
        NO_OPEN_SUPPORT, PARALLEL_DIROPS, HANDLE_KILLPRIV, POSIX_ACL, ABORT_ERROR, MAX_PAGES,
        CACHE_SYMLINKS, NO_OPENDIR_SUPPORT, EXPLICIT_INVAL_DATA, MAP_ALIGNMENT, SUBMOUNTS,
        HANDLE_KILLPRIV_V2, SETXATTR_EXT, INIT_EXT, SECURITY_CTX, HAS_INODE_DAX], newer
        [CREATE_SUPP_GROUP, HAS_EXPIRE_ONLY, DIRECT_IO_ALLOW_MMAP, PASSTHROUGH, NO_EXPORT_SUPPORT,
        HAS_RESEND, ALLOW_IDMAP, OVER_IO_URING, REQUEST_TIMEOUT]
    }
    constants! { c, "CUSE_", flags::cuse, [UNRESTRICTED_IOCTL] }
    constants! {
        c, "FUSE_IOCTL_", flags::ioctl, [COMPAT, UNRESTRICTED, RETRY, IS_32BIT = "32BIT", DIR,
        COMPAT_X32]
    }
    constants! { c, "FUSE_POLL_", flags::poll, [SCHEDULE_NOTIFY] }
    constants! { c, "FUSE_WRITE_", flags::write, [CACHE, LOCKOWNER, KILL_SUIDGID] }
    constants! { c, "FUSE_READ_", flags::read, [LOCKOWNER] }
    constants! { c, "FUSE_RELEASE_", flags::release, [FLUSH, FLOCK_UNLOCK] }
    constants! { c, "FUSE_GETATTR_", flags::getattr, [FH] }
    constants! {
        c, "FATTR_", flags::fattr, [MODE, UID, GID, SIZE, ATIME, MTIME, FH, ATIME_NOW, MTIME_NOW,
        LOCKOWNER, CTIME, KILL_SUIDGID]
    }
    constants! { c, "FUSE_OPEN_", flags::open, [KILL_SUIDGID] }
    constants! { c, "FUSE_ATTR_", flags::attr, [SUBMOUNT, DAX] }
    c.assert();
}
