//! What is asked of names, attributes and the directory.

use uapi::Errno;
use uapi::fuse::{Attr, AttrOut, EntryOut, Kstatfs, OpenOut, flags::fattr, opcode};
use zerocopy::IntoBytes;

use super::Mount;
use crate::transport::nodes::ROOT;
use crate::transport::wire::{Body, Listing, Message};

/// A size no position reaches: within it direct writes run side by side, and every offset can be mapped.
const SIZE: u64 = 1 << 50;
/// The size before the open. The kernel opens nothing larger for 32-bit programs that do not say O_LARGEFILE, and a
/// device they may open.
const FRESH_SIZE: u64 = 0x7fff_ffff;
/// Seconds for which attributes may be kept.
const ATTR_VALID: u64 = 3600;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;
const DT_REG: u32 = 8;
const DT_DIR: u32 = 4;

impl Mount {
    pub(super) fn names(&self, m: &Message<'_>) {
        let unique = m.unique;
        let sent = match m.body {
            Body::Lookup { name } => self.lookup(m, name),
            Body::Forget { count } => {
                self.nodes.forget(m.inode, count);
                return;
            }
            Body::BatchForget(each) => {
                each.iter()
                    .for_each(|one| self.nodes.forget(one.nodeid, one.nlookup));
                return;
            }
            Body::Getattr => self.attributes(m),
            // Truncating at open and touching change nothing on a device either.
            Body::Setattr { valid } if valid & (fattr::MODE | fattr::UID | fattr::GID) == 0 => {
                self.attributes(m)
            }
            Body::Setattr { .. } => self.session.channel.fail(unique, Errno::EPERM),
            Body::Access | Body::Releasedir => self.session.channel.reply(unique, &[], &[]),
            Body::Statfs => {
                let about = Kstatfs {
                    bsize: 4096,
                    frsize: 4096,
                    namelen: 255,
                    ..Kstatfs::default()
                };
                self.session.channel.reply(unique, about.as_bytes(), &[])
            }
            Body::Opendir => self
                .session
                .channel
                .reply(unique, OpenOut::default().as_bytes(), &[]),
            Body::Readdir { offset, size } => self.readdir(unique, offset, size),
            Body::Destroy => self.session.channel.reply(unique, &[], &[]),
            Body::Other { opcode } if changes_names(opcode) => {
                self.session.channel.fail(unique, Errno::EPERM)
            }
            _ => self.session.channel.fail(unique, Errno::ENOSYS),
        };
        self.session.sent(sent);
    }

    fn lookup(&self, m: &Message<'_>, name: &[u8]) -> Result<(), Errno> {
        if m.inode != ROOT {
            return self.session.channel.fail(m.unique, Errno::ENOENT);
        }
        match self.nodes.lookup(name, m.caller.tid) {
            Ok(nodeid) => {
                let attr = self.attr(nodeid);
                let entry = EntryOut {
                    nodeid,
                    attr_valid: ATTR_VALID,
                    attr,
                    ..EntryOut::default()
                };
                self.session.channel.reply(m.unique, entry.as_bytes(), &[])
            }
            Err(e) => self.session.channel.fail(m.unique, e),
        }
    }

    fn attributes(&self, m: &Message<'_>) -> Result<(), Errno> {
        if !self.nodes.exists(m.inode) {
            return self.session.channel.fail(m.unique, Errno::ENOENT);
        }
        let out = AttrOut {
            attr_valid: ATTR_VALID,
            attr_valid_nsec: 0,
            dummy: 0,
            attr: self.attr(m.inode),
        };
        self.session.channel.reply(m.unique, out.as_bytes(), &[])
    }

    fn attr(&self, inode: u64) -> Attr {
        let (mode, nlink, size) = if inode == ROOT {
            (S_IFDIR | 0o755, 2, 0)
        } else {
            // Where the client is to map cached pages, the daemon's own lookup of the inode tells the kernel the new size.
            let size = if self.nodes.is_fresh(inode) {
                FRESH_SIZE
            } else {
                SIZE
            };
            (S_IFREG | (self.config.mode & 0o777), 1, size)
        };
        let (uid, gid) = (self.config.uid, self.config.gid);
        Attr {
            ino: inode,
            size,
            mode,
            nlink,
            uid,
            gid,
            blksize: 4096,
            ..Attr::default()
        }
    }

    fn readdir(&self, unique: u64, offset: u64, size: usize) -> Result<(), Errno> {
        let dots = [(ROOT, DT_DIR, "."), (ROOT, DT_DIR, "..")];
        // Inodes are made at lookup; a listing needs only some number.
        let specs = self.nodes.specs();
        let nodes = specs
            .iter()
            .zip(2u64..)
            .map(|(spec, ino)| (ino, DT_REG, spec.name.as_str()));
        let mut listing = Listing::new(size.min(1 << 16));
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        for ((ino, kind, name), next) in dots.into_iter().chain(nodes).zip(1u64..).skip(skip) {
            if !listing.push(ino, next, kind, name.as_bytes()) {
                break;
            }
        }
        self.session.channel.reply(unique, listing.bytes(), &[])
    }
}

/// Requests that would make or take away names: the directory is as it is.
fn changes_names(code: u32) -> bool {
    matches!(
        code,
        opcode::SYMLINK
            | opcode::MKNOD
            | opcode::MKDIR
            | opcode::UNLINK
            | opcode::RMDIR
            | opcode::RENAME
            | opcode::LINK
            | opcode::CREATE
            | opcode::RENAME2
            | opcode::TMPFILE
    )
}
