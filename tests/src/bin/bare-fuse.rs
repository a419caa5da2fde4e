//! The floor of the round-trip benchmarks: a FUSE server with one file, `floor`, that answers every ioctl at once with
//! success and zeros, from one thread and one buffer. `bare-fuse DIR` mounts on DIR and says `ready`.
#![allow(clippy::panic, reason = "a benchmark's helper fails loudly")]

use std::io::{IoSlice, Read, Write};
use std::os::fd::AsRawFd;

use rustix::mount::{MountFlags, mount};
use uapi::fuse::{
    Attr, AttrOut, EntryOut, InHeader, InitIn, InitOut, IoctlIn, IoctlOut, OpenOut, OutHeader,
    flags, opcode,
};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

const FILE: u64 = 2;
const BUFFER: usize = 1 << 20;

fn main() -> std::io::Result<()> {
    let Some(at) = std::env::args().nth(1) else {
        panic!("usage: bare-fuse DIR")
    };
    let mut fuse = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")?;
    let data = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0,allow_other",
        fuse.as_raw_fd()
    );
    let data = std::ffi::CString::new(data)?;
    mount(
        "bare-fuse",
        at.as_str(),
        "fuse",
        MountFlags::NOSUID | MountFlags::NODEV,
        data.as_c_str(),
    )?;
    println!("ready");
    let mut buffer = vec![0u8; BUFFER + 4096];
    loop {
        let n = fuse.read(&mut buffer)?;
        let Ok((header, body)) = InHeader::read_from_prefix(&buffer[..n]) else {
            continue;
        };
        answer(&mut fuse, &header, body)?;
    }
}

fn answer(fuse: &mut std::fs::File, header: &InHeader, body: &[u8]) -> std::io::Result<()> {
    match header.opcode {
        opcode::IOCTL => {
            let out_size = IoctlIn::read_from_prefix(body).map_or(0, |(i, _)| i.out_size as usize);
            let zeros = [0u8; 4096];
            send(
                fuse,
                header,
                0,
                &[
                    IoctlOut::new_zeroed().as_bytes(),
                    &zeros[..out_size.min(4096)],
                ],
            )
        }
        opcode::INIT => {
            let asked = InitIn::read_from_prefix(body).map_or(0, |(i, _)| i.flags);
            let mut out = InitOut::new_zeroed();
            (out.major, out.minor, out.max_write) = (7, 41, BUFFER as u32);
            out.flags = asked & (flags::init::INIT_EXT | flags::init::MAX_PAGES) as u32;
            out.max_pages = 256;
            send(fuse, header, 0, &[out.as_bytes()])
        }
        opcode::LOOKUP => {
            let mut out = EntryOut::new_zeroed();
            (out.nodeid, out.attr) = (FILE, attributes(FILE));
            send(fuse, header, 0, &[out.as_bytes()])
        }
        opcode::GETATTR => {
            let mut out = AttrOut::new_zeroed();
            out.attr = attributes(header.nodeid);
            send(fuse, header, 0, &[out.as_bytes()])
        }
        opcode::OPEN => {
            let mut out = OpenOut::new_zeroed();
            out.open_flags = flags::fopen::DIRECT_IO;
            send(fuse, header, 0, &[out.as_bytes()])
        }
        opcode::RELEASE | opcode::FLUSH => send(fuse, header, 0, &[]),
        opcode::FORGET | opcode::BATCH_FORGET | opcode::INTERRUPT => Ok(()),
        _ => send(fuse, header, -38, &[]),
    }
}

fn attributes(node: u64) -> Attr {
    let mut attr = Attr::new_zeroed();
    (attr.ino, attr.nlink, attr.mode) = (node, 1, if node == FILE { 0o100_666 } else { 0o40755 });
    attr
}

fn send(
    fuse: &mut std::fs::File,
    to: &InHeader,
    error: i32,
    parts: &[&[u8]],
) -> std::io::Result<()> {
    let len = size_of::<OutHeader>() + parts.iter().map(|p| p.len()).sum::<usize>();
    let header = OutHeader {
        len: len as u32,
        error,
        unique: to.unique,
    };
    let (first, second) = (
        parts.first().copied().unwrap_or(&[]),
        parts.get(1).copied().unwrap_or(&[]),
    );
    // The only refusal is for a request that was given up meanwhile.
    let _ = fuse.write_vectored(&[
        IoSlice::new(header.as_bytes()),
        IoSlice::new(first),
        IoSlice::new(second),
    ]);
    Ok(())
}
