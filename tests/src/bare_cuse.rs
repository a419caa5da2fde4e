//! The least a CUSE device can cost: one thread that answers every ioctl at once and touches nobody's memory. What a
//! benchmark of the card's devices is compared with.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;

use cuse_pcm::transport::cuse::CUSE;
use uapi::Errno;
use uapi::fuse::flags::{cuse, fopen};
use uapi::fuse::{CuseInitIn, CuseInitOut, InHeader, OpenOut, opcode};
use zerocopy::{FromBytes, IntoBytes};

use crate::bare_fuse::{body, nothing, serve};

/// The device's path.
pub const PATH: &str = "/dev/bare";
const NAME: &[u8] = b"DEVNAME=bare\0";

/// Makes the device [`PATH`] and serves it until the process ends. Each ioctl gives 0 and no bytes.
///
/// # Errors
/// What opening `/dev/cuse` gives.
pub fn serve_device() -> io::Result<()> {
    let fd: OwnedFd = OpenOptions::new().read(true).write(true).open(CUSE)?.into();
    serve(&fd, other);
    Ok(())
}

fn other(header: &InHeader, rest: &[u8], answer: &mut [u8]) -> usize {
    let unique = header.unique;
    match header.opcode {
        opcode::CUSE_INIT => {
            let theirs = CuseInitIn::read_from_prefix(rest).map_or(0, |(init, _)| init.minor);
            let init = CuseInitOut {
                major: 7,
                minor: theirs.min(41),
                flags: cuse::UNRESTRICTED_IOCTL,
                max_read: 4096,
                max_write: 4096,
                ..CuseInitOut::default()
            };
            body(answer, unique, &*[init.as_bytes(), NAME].concat())
        }
        opcode::OPEN => {
            let out = OpenOut {
                open_flags: fopen::DIRECT_IO,
                ..OpenOut::default()
            };
            body(answer, unique, &out)
        }
        opcode::RELEASE | opcode::FLUSH => nothing(answer, unique, 0),
        opcode::INTERRUPT => 0,
        _ => nothing(answer, unique, -Errno::ENOSYS.0),
    }
}
