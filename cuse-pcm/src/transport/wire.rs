//! Messages of `/dev/fuse` and `/dev/cuse` taken apart, and answers put together.
//!
//! Pure: bytes in, plain data out. Everything here is checked against the bytes that are there, never against what a
//! message says of itself. Knows nothing of mounts or devices.

use uapi::fuse::{
    self, BatchForgetIn, CuseInitIn, Dirent, ForgetIn, ForgetOne, InHeader, InitIn, InterruptIn,
    IoctlIn, IoctlOut, OpenIn, PollIn, ReadIn, ReleaseIn, SetattrIn, WriteIn, flags, opcode,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::request::{Abi, Caller};

/// A message of the kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message<'a> {
    /// Names the request; what an answer refers to.
    pub unique: u64,
    /// The inode asked about; 0 where none is.
    pub inode: u64,
    /// Who asks.
    pub caller: Caller,
    /// What is asked.
    pub body: Body<'a>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "the fields are those of the protocol's structures"
)]
pub enum Body<'a> {
    Init(InitIn),
    CuseInit(CuseInitIn),
    Lookup {
        name: &'a [u8],
    },
    Forget {
        count: u64,
    },
    BatchForget(Forgets<'a>),
    Getattr,
    Setattr {
        valid: u32,
    },
    Access,
    Statfs,
    Opendir,
    Readdir {
        offset: u64,
        size: usize,
    },
    Releasedir,
    Open {
        flags: u32,
    },
    Release {
        fh: u64,
    },
    Read {
        fh: u64,
        offset: u64,
        size: usize,
        flags: u32,
        cached: bool,
    },
    Write {
        fh: u64,
        offset: u64,
        data: &'a [u8],
        flags: u32,
        cached: bool,
    },
    Ioctl(Ioctl<'a>),
    Poll {
        fh: u64,
        kh: u64,
        events: u32,
        sleeps: bool,
    },
    Interrupt {
        of: u64,
    },
    Destroy,
    /// Something no device node needs.
    Other {
        opcode: u32,
    },
}

/// Inodes of which the kernel drops references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgets<'a>(&'a [u8]);

impl Forgets<'_> {
    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = ForgetOne> + '_ {
        self.0
            .chunks_exact(size_of::<ForgetOne>())
            .filter_map(prefix)
    }
}

/// An ioctl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ioctl<'a> {
    /// Open file, by the number that answered its OPEN.
    pub fh: u64,
    /// Command.
    pub cmd: u32,
    /// Argument word.
    pub arg: u64,
    /// Flags, see [`fuse::flags::ioctl`].
    pub flags: u32,
    /// Bytes that came along.
    pub input: &'a [u8],
    /// Bytes that can go back.
    pub out_size: usize,
}

impl Ioctl<'_> {
    /// The width of the caller's structures. x32 has 64-bit ones for all ALSA knows.
    #[must_use]
    pub fn abi(&self) -> Abi {
        if self.flags & flags::ioctl::IS_32BIT != 0 && self.flags & flags::ioctl::COMPAT_X32 == 0 {
            Abi::Compat
        } else {
            Abi::Native
        }
    }
}

/// A message that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The request, where at least the header was whole: it is answered EIO.
    pub unique: Option<u64>,
}

/// Takes a message apart.
///
/// # Errors
/// [`Malformed`] where bytes are missing.
pub fn decode(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let (header, rest) =
        InHeader::read_from_prefix(bytes).map_err(|_| Malformed { unique: None })?;
    let body = body(header.opcode, rest).ok_or(Malformed {
        unique: Some(header.unique),
    })?;
    let caller = Caller {
        tid: header.pid,
        uid: header.uid,
        gid: header.gid,
    };
    Ok(Message {
        unique: header.unique,
        inode: header.nodeid,
        caller,
        body,
    })
}

fn body(code: u32, rest: &[u8]) -> Option<Body<'_>> {
    Some(match code {
        opcode::IOCTL => Body::Ioctl(ioctl(rest)?),
        opcode::READ => read(rest)?,
        opcode::WRITE => write(rest)?,
        opcode::POLL => {
            let p: PollIn = prefix(rest)?;
            let sleeps = p.flags & flags::poll::SCHEDULE_NOTIFY != 0;
            Body::Poll {
                fh: p.fh,
                kh: p.kh,
                events: p.events,
                sleeps,
            }
        }
        opcode::INTERRUPT => Body::Interrupt {
            of: prefix::<InterruptIn>(rest)?.unique,
        },
        opcode::OPEN => Body::Open {
            flags: prefix::<OpenIn>(rest)?.flags,
        },
        opcode::RELEASE => Body::Release {
            fh: prefix::<ReleaseIn>(rest)?.fh,
        },
        opcode::LOOKUP => Body::Lookup { name: name(rest)? },
        opcode::FORGET => Body::Forget {
            count: prefix::<ForgetIn>(rest)?.nlookup,
        },
        opcode::BATCH_FORGET => batch_forget(rest)?,
        opcode::GETATTR => Body::Getattr,
        opcode::SETATTR => Body::Setattr {
            valid: prefix::<SetattrIn>(rest)?.valid,
        },
        opcode::ACCESS => Body::Access,
        opcode::STATFS => Body::Statfs,
        opcode::OPENDIR => Body::Opendir,
        opcode::READDIR => {
            let r: ReadIn = prefix(rest)?;
            Body::Readdir {
                offset: r.offset,
                size: size(r.size)?,
            }
        }
        opcode::RELEASEDIR => Body::Releasedir,
        opcode::INIT => Body::Init(init(rest)?),
        opcode::CUSE_INIT => Body::CuseInit(prefix(rest)?),
        opcode::DESTROY => Body::Destroy,
        opcode => Body::Other { opcode },
    })
}

fn prefix<T: FromBytes>(bytes: &[u8]) -> Option<T> {
    T::read_from_prefix(bytes).ok().map(|(value, _)| value)
}

fn size(bytes: u32) -> Option<usize> {
    usize::try_from(bytes).ok()
}

fn ioctl(rest: &[u8]) -> Option<Ioctl<'_>> {
    let (i, input) = IoctlIn::read_from_prefix(rest).ok()?;
    Some(Ioctl {
        fh: i.fh,
        cmd: i.cmd,
        arg: i.arg,
        flags: i.flags,
        input: input.get(..size(i.in_size)?)?,
        out_size: size(i.out_size)?,
    })
}

fn read(rest: &[u8]) -> Option<Body<'_>> {
    let r: ReadIn = prefix(rest)?;
    // read(2) names its lock owner, the page cache has none.
    let cached = r.read_flags & flags::read::LOCKOWNER == 0;
    Some(Body::Read {
        fh: r.fh,
        offset: r.offset,
        size: size(r.size)?,
        flags: r.flags,
        cached,
    })
}

fn write(rest: &[u8]) -> Option<Body<'_>> {
    let (w, data) = WriteIn::read_from_prefix(rest).ok()?;
    let cached = w.write_flags & flags::write::CACHE != 0;
    Some(Body::Write {
        fh: w.fh,
        offset: w.offset,
        data: data.get(..size(w.size)?)?,
        flags: w.flags,
        cached,
    })
}

fn name(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().position(|&b| b == 0)?;
    rest.get(..end)
}

fn batch_forget(rest: &[u8]) -> Option<Body<'_>> {
    let (head, each) = BatchForgetIn::read_from_prefix(rest).ok()?;
    let length = size(head.count)?.checked_mul(size_of::<ForgetOne>())?;
    Some(Body::BatchForget(Forgets(each.get(..length)?)))
}

/// Kernels before 7.36 send a shorter INIT: what is missing is zero.
fn init(rest: &[u8]) -> Option<InitIn> {
    const SHORT: usize = 16;
    if rest.len() < SHORT {
        return None;
    }
    let mut whole = [0u8; size_of::<InitIn>()];
    let n = rest.len().min(whole.len());
    whole.get_mut(..n)?.copy_from_slice(rest.get(..n)?);
    prefix(&whole)
}

/// The head of an answer to an ioctl that returned `result` (negative: an error number).
#[must_use]
pub fn ioctl_result(result: i32) -> IoctlOut {
    IoctlOut {
        result,
        flags: 0,
        in_iovs: 0,
        out_iovs: 0,
    }
}

/// A list of directory entries, as long as fits.
#[derive(Debug)]
pub struct Listing {
    bytes: Vec<u8>,
    limit: usize,
}

impl Listing {
    /// At most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Listing {
        Listing {
            bytes: Vec::new(),
            limit,
        }
    }

    /// Adds an entry; `next` is where reading goes on after it, `kind` its `DT_*`. False if there is no room.
    pub fn push(&mut self, ino: u64, next: u64, kind: u32, name: &[u8]) -> bool {
        let Ok(namelen) = u32::try_from(name.len()) else {
            return false;
        };
        let end = self
            .bytes
            .len()
            .saturating_add(fuse::dirent_size(name.len()));
        if end > self.limit {
            return false;
        }
        self.bytes.extend_from_slice(
            Dirent {
                ino,
                off: next,
                namelen,
                kind,
            }
            .as_bytes(),
        );
        self.bytes.extend_from_slice(name);
        self.bytes.resize(end, 0);
        true
    }

    /// The entries.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A message as the kernel would send it; for tests and fake kernels.
#[must_use]
pub fn encode_request<T: IntoBytes + Immutable + KnownLayout>(
    header: InHeader,
    body: &T,
    tail: &[u8],
) -> Vec<u8> {
    let len = size_of::<InHeader>() + size_of_val(body) + tail.len();
    let header = InHeader {
        len: u32::try_from(len).unwrap_or(u32::MAX),
        ..header
    };
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(body.as_bytes());
    bytes.extend_from_slice(tail);
    bytes
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
