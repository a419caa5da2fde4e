//! A character device of its own for one node, made by way of `/dev/cuse`.
//!
//! The kernel passes every ioctl on with its argument word and nothing else (the unrestricted kind): arguments are
//! read from, and results stored into, the client's memory, in one round trip. Where that may not be reached, the kernel
//! is asked to carry the parts that are needed. A device has no memory to map.
//!
//! Knows the wire and the device's name; the owner and the place of the node are [`device_node`]'s.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use hw_backends::dma::PrivateBacking;
use rustix::fs::{Mode, OFlags};
use uapi::Errno;
use uapi::fuse::flags::{cuse, fopen};
use uapi::fuse::{CuseInitIn, CuseInitOut, KERNEL_MINOR_VERSION, KERNEL_VERSION, OpenOut};
use zerocopy::IntoBytes;

use super::nodes::NodeSpec;
use super::opens::{Memory, Opens, PendingOpen};
use super::session::{Opening, Session};
use super::wire::{self, Body, Ioctl, Message};
use super::{CardIndex, Cards, Connection, Knock};
use crate::request::{Answer, FileHandle, Operation, PollHandle, RequestId, Sink};
use carried::Verdict;
use retries::Retries;

mod carried;
pub mod device_node;
mod retries;

/// Where devices are made.
pub const CUSE: &str = "/dev/cuse";
/// Bytes of data in one READ or WRITE: the kernel splits there anyway.
const MAX_DATA: usize = 32 * 4096;
/// Room that any request needs.
const BUFFER: usize = MAX_DATA + 8192;

/// A character device.
#[derive(Debug)]
pub struct Cuse {
    session: Session,
    spec: NodeSpec,
    /// The kernel's INIT has been answered.
    started: OnceLock<()>,
    /// Device number; 0 before it is known.
    number: AtomicU64,
    /// Of clients whose memory is out of reach.
    retries: Retries,
}

impl Cuse {
    /// A device for the node `spec`; it is there once the kernel's INIT is answered. `connection` is a number of its own
    /// for every connection that serves the same cards, `opens` is [beside](Opens::beside) those of the others.
    ///
    /// # Errors
    /// ENOENT: the module is not loaded. EACCES: not root.
    pub fn open(spec: NodeSpec, connection: u8, opens: Opens) -> Result<Arc<Cuse>, Errno> {
        let fd = rustix::fs::open(CUSE, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .map_err(super::errno)?;
        Ok(Cuse::new(fd, spec, connection, opens))
    }

    /// The same over the connection `fd`.
    #[must_use]
    pub fn new(fd: OwnedFd, spec: NodeSpec, connection: u8, opens: Opens) -> Arc<Cuse> {
        Arc::new(Cuse {
            session: Session::new(fd, connection, opens),
            spec,
            started: OnceLock::new(),
            number: AtomicU64::new(0),
            retries: Retries::default(),
        })
    }

    /// The node.
    #[must_use]
    pub fn spec(&self) -> &NodeSpec {
        &self.spec
    }

    /// Tells the device its number (`st_rdev`), by which a client's descriptors are told apart.
    pub fn set_number(&self, number: u64) {
        self.number.store(number, Ordering::Release);
    }

    /// Takes the node away. Files that are open stay open, and the kernel's device is there until [`Knock`].
    pub fn hide(&self) {
        let number = self.number.load(Ordering::Acquire);
        if let Err(error) = device_node::remove(&self.spec.name, number) {
            log::warn!("The node {} stays for now: {error}", self.spec.name);
        }
    }

    fn dispatch(self: &Arc<Self>, m: &Message<'_>, cards: &dyn Cards) {
        let channel = &self.session.channel;
        match m.body {
            Body::Ioctl(i) if self.carry(m, &i) => {}
            _ if self.session.pass_on(m, self) => {}
            Body::Interrupt { of } => self.session.interrupt(of, &[self.spec.card], cards),
            Body::Open { flags } => self.open_file(m, flags, cards),
            Body::Release { fh } => match self.session.opens.remove(fh) {
                Some((open, _)) => {
                    let sink = Arc::clone(self) as Arc<dyn Sink>;
                    self.session.release(m, &open, sink);
                }
                None => self.session.sent(channel.fail(m.unique, Errno::EBADF)),
            },
            Body::CuseInit(theirs) => self.init(m.unique, theirs),
            Body::Destroy => self.session.sent(channel.reply(m.unique, &[], &[])),
            // These want no answer.
            Body::Forget { .. } | Body::BatchForget(_) => {}
            _ => self.session.sent(channel.fail(m.unique, Errno::ENOSYS)),
        }
    }

    fn init(&self, unique: u64, theirs: CuseInitIn) {
        let channel = &self.session.channel;
        let Some(answer) = negotiate(theirs) else {
            log::error!(
                "The kernel's CUSE protocol {}.{} is not understood",
                theirs.major,
                theirs.minor
            );
            return self.session.sent(channel.fail(unique, Errno::EIO));
        };
        let name = device_name(&self.spec);
        // When this returns the kernel has made the device, or ended the connection.
        let sent = channel.reply(unique, answer.as_bytes(), name.as_bytes());
        self.session.sent(sent);
        let _ = self.started.set(());
    }

    /// Serves an ioctl with what the kernel carries, if the client's memory may not be reached; else false.
    fn carry(self: &Arc<Self>, m: &Message<'_>, i: &Ioctl<'_>) -> bool {
        let Some(open) = self.session.opens.get(i.fh) else {
            return false;
        };
        let client = open.client(m.caller.tid);
        open.look_once(&client);
        if !client.is_out_of_reach(i.arg) {
            return false;
        }
        let memory = match self.retries.begin(m, i, client) {
            Ok(memory) => memory,
            Err(again) => {
                self.session.sent(self.ask_again(m.unique, &again));
                return true;
            }
        };
        let operation = Operation::Ioctl {
            file: open.file,
            cmd: i.cmd,
            arg: i.arg,
            abi: i.abi(),
            input: &[],
            out_size: 0,
        };
        let sink = Arc::clone(self) as Arc<dyn Sink>;
        self.session.ask(m, &open, operation, memory, sink);
        true
    }

    fn ask_again(&self, unique: u64, parts: &[carried::Range]) -> Result<(), Errno> {
        let (head, vectors) = carried::retry(parts);
        self.session
            .channel
            .reply(unique, head.as_bytes(), &vectors)
    }

    fn open_file(self: &Arc<Self>, m: &Message<'_>, flags: u32, cards: &dyn Cards) {
        let number = self.number.load(Ordering::Acquire);
        let pending = PendingOpen {
            unique: m.unique,
            card: self.spec.card,
            inode: 0,
            memory: Memory::Device { number, flags },
            to: None,
        };
        let opening = Opening {
            node: self.spec.node,
            flags,
            caller: m.caller,
        };
        let backing = Box::new(PrivateBacking::default());
        let sink = Arc::clone(self) as Arc<dyn Sink>;
        self.session.open(pending, &opening, backing, sink, cards);
    }

    fn opened(&self, unique: u64, file: FileHandle) -> Result<(), Errno> {
        let Some(pending) = self.session.opens.end(unique) else {
            log::error!("An answer to open came for a request that is none");
            return self.session.channel.fail(unique, Errno::EIO);
        };
        let (fh, _) = self.session.opens.insert(&pending, file, None);
        let out = OpenOut {
            fh,
            open_flags: fopen::DIRECT_IO,
            backing_id: 0,
        };
        self.session.channel.reply(unique, out.as_bytes(), &[])
    }
}

impl Sink for Cuse {
    fn answer(&self, id: RequestId, answer: &Answer<'_>) {
        let unique = self.session.rename(id.0);
        self.session.sent(match *answer {
            Answer::Opened(file) | Answer::Shared(file, _) => self.opened(unique, file),
            Answer::Failed(errno) => {
                // An open, or something else.
                let _ = self.session.opens.end(unique);
                self.session.channel.fail(unique, errno)
            }
            Answer::Ioctl(result, &[]) => match self.retries.end(unique, result) {
                Some(Verdict::Retry(parts)) => self.ask_again(unique, &parts),
                Some(Verdict::Done(bytes)) => {
                    self.session.answer(unique, &Answer::Ioctl(result, &bytes))
                }
                None => self.session.answer(unique, answer),
            },
            _ => self.session.answer(unique, answer),
        });
    }

    fn wake(&self, poller: PollHandle) {
        self.session.wake(poller);
    }
}

impl Connection for Cuse {
    const BUFFER: usize = BUFFER;

    fn session(&self) -> &Session {
        &self.session
    }

    fn serve(self: &Arc<Self>, buffer: &mut [u8], length: usize, cards: &dyn Cards) {
        match wire::decode(buffer.get(..length).unwrap_or(&[])) {
            Ok(message) => self.dispatch(&message, cards),
            Err(malformed) => self.session.refuse_malformed(length, malformed.unique),
        }
    }

    fn started(&self) -> bool {
        self.started.get().is_some()
    }

    fn cards(&self) -> Vec<CardIndex> {
        vec![self.spec.card]
    }

    /// Ends the connection from the kernel's side: clients have been told already that the card is gone.
    fn knock(&self) -> Option<Knock> {
        let path = device_node::class_directory(&self.spec.name).join("abort");
        match File::options().write(true).open(&path) {
            Ok(mut abort) => Some(Box::new(move || {
                // Fails only where the device is gone, and with it the connection.
                let _ = abort.write_all(b"1");
                false
            })),
            Err(_) if self.session.over() => Some(Box::new(|| false)),
            Err(e) => {
                log::error!("Cannot end the device {}: {e}", self.spec.name);
                None
            }
        }
    }
}

/// The answer to INIT; `None` for a protocol that is too old or unknown, or a kernel that passes on no values.
fn negotiate(theirs: CuseInitIn) -> Option<CuseInitOut> {
    if theirs.major != KERNEL_VERSION
        || theirs.minor < 28
        || theirs.flags & cuse::UNRESTRICTED_IOCTL == 0
    {
        return None;
    }
    let most = u32::try_from(MAX_DATA).ok()?;
    Some(CuseInitOut {
        major: KERNEL_VERSION,
        minor: KERNEL_MINOR_VERSION.min(theirs.minor),
        flags: cuse::UNRESTRICTED_IOCTL,
        max_read: most,
        max_write: most,
        // Any device number.
        ..CuseInitOut::default()
    })
}

/// What tells the kernel where the node is to be.
fn device_name(spec: &NodeSpec) -> String {
    format!("DEVNAME=snd/{}\0", spec.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::request::Node;

    const THEIRS: CuseInitIn = CuseInitIn {
        major: 7,
        minor: 45,
        unused: 0,
        flags: cuse::UNRESTRICTED_IOCTL,
    };

    #[test]
    fn the_answer_to_init_takes_values_and_any_device_number() {
        #[rustfmt::skip]
        let expected: &[u8] = &[
            7, 0, 0, 0, 41, 0, 0, 0, // version 7.41
            0, 0, 0, 0, 1, 0, 0, 0,  // unrestricted
            0, 0, 2, 0, 0, 0, 2, 0,  // 128 KiB
            0, 0, 0, 0, 0, 0, 0, 0,  // device number
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(negotiate(THEIRS).unwrap().as_bytes(), expected);
        let older = CuseInitIn {
            minor: 31,
            ..THEIRS
        };
        assert_eq!(negotiate(older).unwrap().minor, 31);
    }

    #[test]
    fn an_old_or_foreign_protocol_and_one_without_values_are_refused() {
        assert_eq!(negotiate(CuseInitIn { major: 8, ..THEIRS }), None);
        assert_eq!(
            negotiate(CuseInitIn {
                minor: 27,
                ..THEIRS
            }),
            None
        );
        assert_eq!(negotiate(CuseInitIn { flags: 0, ..THEIRS }), None);
    }

    #[test]
    fn the_name_is_below_snd_and_ends_in_nul() {
        let spec = NodeSpec::new(CardIndex(0), 7, Node::Control);
        assert_eq!(device_name(&spec), "DEVNAME=snd/controlC7\0");
    }
}
