//! The least a FUSE file can cost: one thread that answers every ioctl at once, with no card behind. What a benchmark of
//! the mounts is compared with.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use cuse_pcm::transport::mounting::{MountOptions, Mounted, mount_at};
use uapi::fuse::{
    Attr, AttrOut, EntryOut, InHeader, InitIn, InitOut, IoctlIn, IoctlOut, OpenOut, OutHeader,
    flags::fopen, opcode,
};
use zerocopy::{FromBytes, IntoBytes};

/// The file's name.
const NAME: &str = "bare";
const FILE: u64 = 2;
const HEADER: usize = size_of::<OutHeader>();
const RESULT: usize = size_of::<IoctlOut>();
/// The least the kernel accepts.
const BUFFER: usize = 8192;
/// Bytes of an answer at most: the largest ioctl.
const ANSWER: usize = HEADER + RESULT + (1 << 14);

/// A served directory with the file `bare`; ends when dropped.
#[derive(Debug)]
pub struct BareServer {
    mounted: Option<Mounted>,
    path: PathBuf,
    server: Option<JoinHandle<()>>,
}

impl BareServer {
    /// Mounts on the directory `at`. Each ioctl gives 0 and, by its number, that many zero bytes.
    ///
    /// # Errors
    /// What mounting gives.
    pub fn start(at: &Path) -> std::io::Result<BareServer> {
        let (fd, mounted) = mount_at(at, &MountOptions::default())?;
        let server = std::thread::spawn(move || serve(&fd, other));
        Ok(BareServer {
            mounted: Some(mounted),
            path: at.join(NAME),
            server: Some(server),
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        // The connection ends with the mount, once no file of it is open.
        self.mounted.take();
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

/// Writes the answer to a request that is no ioctl, returns its length; 0 for none.
pub(crate) type Other = fn(&InHeader, &[u8], &mut [u8]) -> usize;

/// Answers until the connection is over.
pub(crate) fn serve(fd: &OwnedFd, other: Other) {
    let mut request = vec![0u8; BUFFER];
    let mut answer = vec![0u8; ANSWER];
    loop {
        match rustix::io::read(fd, &mut *request) {
            Ok(n) => {
                let length = answer_to(&request[..n], &mut answer, other);
                if length > 0 {
                    let _ = rustix::io::write(fd, &answer[..length]);
                }
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN | rustix::io::Errno::NOENT) => {}
            Err(_) => return,
        }
    }
}

/// Writes the answer, returns its length; 0 for none.
fn answer_to(request: &[u8], answer: &mut [u8], other: Other) -> usize {
    let Ok((header, rest)) = InHeader::ref_from_prefix(request) else {
        return 0;
    };
    if header.opcode == opcode::IOCTL {
        let Ok((ioctl, _)) = IoctlIn::ref_from_prefix(rest) else {
            return 0;
        };
        let length = HEADER + RESULT + ioctl.out_size as usize;
        head(answer, length, 0, header.unique);
        answer[HEADER..length].fill(0);
        return length;
    }
    other(header, rest, answer)
}

fn other(header: &InHeader, rest: &[u8], answer: &mut [u8]) -> usize {
    let unique = header.unique;
    match header.opcode {
        opcode::INIT => body(answer, unique, &init(rest)),
        opcode::LOOKUP if rest.starts_with(b"bare\0") => {
            let entry = EntryOut {
                nodeid: FILE,
                entry_valid: 3600,
                attr_valid: 3600,
                attr: attr(FILE),
                ..EntryOut::default()
            };
            body(answer, unique, &entry)
        }
        opcode::GETATTR => {
            let out = AttrOut {
                attr_valid: 3600,
                attr: attr(header.nodeid),
                ..AttrOut::default()
            };
            body(answer, unique, &out)
        }
        opcode::OPEN => {
            let out = OpenOut {
                open_flags: fopen::DIRECT_IO | fopen::NOFLUSH,
                ..OpenOut::default()
            };
            body(answer, unique, &out)
        }
        opcode::RELEASE => nothing(answer, unique, 0),
        opcode::FORGET | opcode::BATCH_FORGET | opcode::INTERRUPT => 0,
        opcode::LOOKUP => nothing(answer, unique, -uapi::Errno::ENOENT.0),
        _ => nothing(answer, unique, -uapi::Errno::ENOSYS.0),
    }
}

/// An answer without a body.
pub(crate) fn nothing(answer: &mut [u8], unique: u64, error: i32) -> usize {
    head(answer, HEADER, error, unique);
    HEADER
}

fn head(answer: &mut [u8], length: usize, error: i32, unique: u64) {
    let out = OutHeader {
        len: length as u32,
        error,
        unique,
    };
    answer[..HEADER].copy_from_slice(out.as_bytes());
}

/// An answer with a body.
pub(crate) fn body<T: IntoBytes + zerocopy::Immutable + ?Sized>(
    answer: &mut [u8],
    unique: u64,
    body: &T,
) -> usize {
    let length = HEADER + size_of_val(body);
    head(answer, length, 0, unique);
    answer[HEADER..length].copy_from_slice(body.as_bytes());
    length
}

fn init(rest: &[u8]) -> InitOut {
    let theirs = InitIn::read_from_prefix(rest).map_or(InitIn::default(), |(init, _)| init);
    InitOut {
        major: 7,
        minor: theirs.minor.min(41),
        max_readahead: theirs.max_readahead,
        max_background: 16,
        congestion_threshold: 12,
        max_write: 4096,
        time_gran: 1,
        ..InitOut::default()
    }
}

fn attr(inode: u64) -> Attr {
    let mode = if inode == FILE { 0o100_666 } else { 0o040_755 };
    Attr {
        ino: inode,
        mode,
        nlink: 1,
        ..Attr::default()
    }
}
