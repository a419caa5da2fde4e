//! A service with no card behind: what it is told by ioctls it does to the memory and the replies of its opens.

use std::collections::HashMap;
use std::sync::Arc;

use cuse_pcm::request::{
    Answer, FileHandle, Node, Operation, PollHandle, Reply, Request, RequestId, Sink,
};
use cuse_pcm::server::Service;
use hw_backends::dma::{Area, Backing};
use hw_backends::units::{Nanos, Now};
use uapi::Errno;
use uapi::ioctl::{NONE, READ, WRITE, number};

/// Bytes of a ring.
pub(crate) const RING: usize = 65536;
/// Result 12345.
pub(crate) const NUMBER: u32 = number(NONE, b'A', 0x80, 0);
/// The 8 bytes come back reversed.
pub(crate) const REVERSE: u32 = number(READ | WRITE, b'A', 0x81, 8);
/// 136 bytes, as SYNC_PTR has, come back.
pub(crate) const ECHO_136: u32 = number(READ | WRITE, b'A', 0x8f, 136);
/// EBADFD with 4 of 8 bytes.
pub(crate) const ERROR_WITH_BYTES: u32 = number(READ | WRITE, b'A', 0x82, 8);
/// Waits for an interrupt.
pub(crate) const BLOCK: u32 = number(NONE, b'A', 0x83, 0);
/// `[place, offset, byte]` are u64: fills 8 bytes there. Place 0 ring, 1..4 pages.
pub(crate) const POKE: u32 = number(READ | WRITE, b'A', 0x84, 24);
/// `[place, offset, _]`: the 8 bytes there come back in the third word.
pub(crate) const PEEK: u32 = number(READ | WRITE, b'A', 0x85, 24);
/// `[address, length, _]`: copies the client's bytes into the ring, through its memory.
pub(crate) const FETCH: u32 = number(WRITE, b'A', 0x86, 24);
/// Result: the file's flags as /proc shows them.
pub(crate) const FLAGS: u32 = number(NONE, b'A', 0x87, 0);
/// Result: the caller's process.
pub(crate) const PROCESS: u32 = number(NONE, b'A', 0x88, 0);
/// Makes every file readable and wakes pollers after `arg` milliseconds.
pub(crate) const READY_AFTER: u32 = number(NONE, b'A', 0x89, 0);
/// Result: 1 if the memory can be mapped.
pub(crate) const MAPPABLE: u32 = number(NONE, b'A', 0x8a, 0);
/// Result: 1 for the control node.
pub(crate) const IS_CONTROL: u32 = number(NONE, b'A', 0x8e, 0);
/// Like `arg` ms (at least 10) of work with the card held.
pub(crate) const BUSY: u32 = number(NONE, b'A', 0x8b, 0);
/// Result: how many interrupts came.
pub(crate) const INTERRUPTS: u32 = number(NONE, b'A', 0x8c, 0);
/// Gives the ring back and takes it anew.
pub(crate) const REALLOCATE: u32 = number(NONE, b'A', 0x8d, 0);

#[derive(Debug)]
struct Open {
    node: Node,
    backing: Box<dyn Backing>,
    ring: Area,
    written: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Fake {
    opens: HashMap<FileHandle, Open>,
    next: u64,
    blocked: Vec<(RequestId, Reply)>,
    pollers: Vec<(PollHandle, Arc<dyn Sink>)>,
    ready: bool,
    ready_at: Option<Nanos>,
    interrupts: i32,
}

impl Fake {
    fn place(open: &Open, place: u64) -> Option<Area> {
        let pages = open.backing.pages();
        match place {
            0 => Some(open.ring.clone()),
            1 | 2 => pages.map(|p| p.status[place as usize - 1].clone()),
            3 | 4 => pages.map(|p| p.control[place as usize - 3].clone()),
            _ => None,
        }
    }

    fn ioctl(&mut self, request: Request<'_>, now: &Now) {
        let Operation::Ioctl {
            file,
            cmd,
            arg,
            input,
            out_size,
            ..
        } = request.operation
        else {
            return;
        };
        // What a device does not bring lies in the client's memory.
        let mut fetched = Vec::new();
        if input.is_empty() && uapi::ioctl::dir(cmd) & WRITE != 0 {
            fetched.resize(uapi::ioctl::size(cmd), 0);
            if let Err(errno) = request.memory.read(arg, &mut fetched) {
                return request.reply.fail(errno);
            }
        }
        let input = if input.is_empty() { &fetched } else { input };
        let word = |n: usize| u64::from_ne_bytes(input[n * 8..][..8].try_into().unwrap());
        let open = self.opens.get_mut(&file).unwrap();
        let mut out: Vec<u8> = Vec::new();
        let result = match cmd {
            NUMBER => Ok(12345),
            REVERSE => {
                out = input.iter().rev().copied().collect();
                Ok(0)
            }
            ECHO_136 => {
                out = input.to_vec();
                Ok(0)
            }
            ERROR_WITH_BYTES => {
                out = vec![1, 2, 3, 4];
                Err(Errno::EBADFD)
            }
            BLOCK => {
                self.blocked.push((request.id, request.reply));
                return;
            }
            POKE => {
                let area = Fake::place(open, word(0)).unwrap();
                area.write(word(1) as usize, &word(2).to_ne_bytes());
                Ok(0)
            }
            PEEK => {
                let mut bytes = [0; 8];
                Fake::place(open, word(0))
                    .unwrap()
                    .read(word(1) as usize, &mut bytes);
                out = input.to_vec();
                out[16..].copy_from_slice(&bytes);
                Ok(0)
            }
            FETCH => {
                let part = open.ring.part(0, word(1) as usize);
                request.memory.read_area(word(0), &part).map(|()| 0)
            }
            FLAGS => request
                .memory
                .file_flags()
                .map(|f| f as i32)
                .ok_or(Errno::EIO),
            PROCESS => Ok(request.memory.process() as i32),
            READY_AFTER => {
                self.ready_at = Some(now.monotonic.after(Nanos(arg * 1_000_000)));
                Ok(0)
            }
            IS_CONTROL => Ok(i32::from(open.node == Node::Control)),
            MAPPABLE => Ok(i32::from(open.backing.mappable())),
            BUSY => {
                std::thread::sleep(std::time::Duration::from_millis(arg.max(10)));
                Ok(0)
            }
            INTERRUPTS => Ok(self.interrupts),
            REALLOCATE => {
                open.backing.release();
                open.backing.allocate(RING).map(|ring| {
                    open.ring = ring;
                    0
                })
            }
            _ => Err(Errno::ENOTTY),
        };
        if !out.is_empty() && out_size == 0 {
            if let Err(errno) = request.memory.write(arg, &out) {
                return request.reply.fail(errno);
            }
            out.clear();
        }
        request.reply.send(&Answer::Ioctl(result, &out));
    }
}

impl Service for Fake {
    fn handle(&mut self, request: Request<'_>, now: &Now) {
        match request.operation {
            Operation::Open {
                node,
                flags,
                mut backing,
            } => {
                if flags & libc::O_EXCL as u32 != 0 || flags & libc::O_SYNC as u32 != 0 {
                    return request.reply.fail(Errno::EBUSY);
                }
                let shared = if flags & libc::O_APPEND as u32 == 0 {
                    None
                } else {
                    self.opens.keys().copied().max_by_key(|file| file.0)
                };
                let ring = match shared {
                    Some(with) => self.opens[&with].ring.clone(),
                    None => backing.allocate(RING).unwrap(),
                };
                self.next += 1;
                let file = FileHandle(self.next);
                self.opens.insert(
                    file,
                    Open {
                        node,
                        backing,
                        ring,
                        written: Vec::new(),
                    },
                );
                request.reply.send(&match shared {
                    Some(with) => Answer::Shared(file, with),
                    None => Answer::Opened(file),
                });
            }
            Operation::Release { file } => {
                self.opens.remove(&file).unwrap();
                request.reply.send(&Answer::Done);
            }
            Operation::Ioctl { .. } => self.ioctl(request, now),
            Operation::Read { file, size, flags } => {
                let open = self.opens.get_mut(&file).unwrap();
                if open.written.is_empty() {
                    if flags & libc::O_NONBLOCK as u32 != 0 {
                        return request.reply.fail(Errno::EAGAIN);
                    }
                    self.blocked.push((request.id, request.reply));
                    return;
                }
                let n = size.min(open.written.len());
                let bytes: Vec<u8> = open.written.drain(..n).collect();
                request.reply.send(&Answer::Data(&bytes));
            }
            Operation::Write { file, data, .. } => {
                self.opens
                    .get_mut(&file)
                    .unwrap()
                    .written
                    .extend_from_slice(data);
                request.reply.send(&Answer::Written(data.len()));
            }
            Operation::Poll { wake, .. } => {
                if let (Some(wake), Some(sink)) = (wake, request.reply.sink()) {
                    self.pollers.push((wake, sink));
                }
                let events = if self.ready { libc::POLLIN as u32 } else { 0 };
                request.reply.send(&Answer::Ready(events));
            }
            Operation::Interrupt { of } => {
                self.interrupts += 1;
                if let Some(at) = self.blocked.iter().position(|(id, _)| *id == of) {
                    self.blocked.swap_remove(at).1.fail(Errno::EINTR);
                }
            }
        }
    }

    fn tick(&mut self, now: &Now) {
        if self.ready_at.is_some_and(|at| at <= now.monotonic) {
            self.ready_at = None;
            self.ready = true;
            for (poller, sink) in self.pollers.drain(..) {
                sink.wake(poller);
            }
        }
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.ready_at
    }

    fn disconnect(&mut self, _now: &Now) {
        for (_, reply) in self.blocked.drain(..) {
            reply.fail(Errno::ENODEV);
        }
    }
}
