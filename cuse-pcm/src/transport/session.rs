//! What a mount and a character device have in common: one connection to the kernel, requests of open files on their way
//! to a card, and answers on their way back.
//!
//! Knows nothing of names, and not how an open is answered.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hw_backends::dma::Backing;
use uapi::Errno;
use uapi::fuse::{PollOut, WriteOut};
use zerocopy::IntoBytes;

use super::channel::{Channel, Received};
use super::client_memory::Client;
use super::opens::{OpenFile, Opens, PendingOpen};
use super::wire::{Body, Message, ioctl_result};
use super::{CardIndex, Cards};
use crate::request::{
    Answer, Caller, ClientMemory, FileHandle, Node, Operation, PollHandle, Reply, Request,
    RequestId, Sink,
};

/// A connection with its open files.
#[derive(Debug)]
pub struct Session {
    /// To the kernel.
    pub channel: Channel,
    /// Open files.
    pub opens: Opens,
    /// Told apart from other connections of the same card: request numbers of two may be the same.
    connection: u64,
    over: AtomicBool,
}

/// Who opens which node how.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// The node.
    pub node: Node,
    /// Open flags (`O_*`).
    pub flags: u32,
    /// Who opens.
    pub caller: Caller,
}

impl Session {
    /// A connection over `fd`. `connection` is a number of its own for every connection that serves the same cards.
    #[must_use]
    pub fn new(fd: OwnedFd, connection: u8, opens: Opens) -> Session {
        Session {
            channel: Channel::new(fd),
            opens,
            connection: u64::from(connection) << 56,
            over: AtomicBool::new(false),
        }
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Waits for one message.
    pub fn receive(&self, buffer: &mut [u8]) -> Received {
        let received = self.channel.receive(buffer);
        if received == Received::Over {
            self.over.store(true, Ordering::Release);
        }
        received
    }

    /// The request's name among all connections, and back.
    #[must_use]
    pub fn rename(&self, unique: u64) -> u64 {
        unique ^ self.connection
    }

    fn reply(&self, unique: u64, ioctl: bool, sink: Arc<dyn Sink>) -> Reply {
        Reply::new(RequestId(self.rename(unique)), sink, ioctl)
    }

    /// Hands what asks an open file for something on to its card; false if the message is none of these. Reads and
    /// writes of cached pages are not told apart here.
    pub fn pass_on<S: Sink + 'static>(&self, m: &Message<'_>, sink: &Arc<S>) -> bool {
        match m.body {
            Body::Ioctl(i) => {
                let (cmd, arg, abi, input, out_size) = (i.cmd, i.arg, i.abi(), i.input, i.out_size);
                self.to_file(m, i.fh, sink, |file| Operation::Ioctl {
                    file,
                    cmd,
                    arg,
                    abi,
                    input,
                    out_size,
                });
            }
            Body::Poll {
                fh,
                kh,
                events,
                sleeps,
            } => {
                let wake = sleeps.then_some(PollHandle(kh));
                self.to_file(m, fh, sink, |file| Operation::Poll { file, events, wake });
            }
            Body::Read {
                fh, size, flags, ..
            } => {
                self.to_file(m, fh, sink, |file| Operation::Read { file, size, flags });
            }
            Body::Write {
                fh, data, flags, ..
            } => {
                self.to_file(m, fh, sink, |file| Operation::Write { file, data, flags });
            }
            _ => return false,
        }
        true
    }

    fn to_file<'a, S: Sink + 'static>(
        &self,
        m: &Message<'_>,
        fh: u64,
        sink: &Arc<S>,
        operation: impl FnOnce(FileHandle) -> Operation<'a>,
    ) {
        let Some(open) = self.opens.get(fh) else {
            self.sent(self.channel.fail(m.unique, Errno::EBADF));
            return;
        };
        let memory = open.client(m.caller.tid);
        let sink = Arc::clone(sink) as Arc<dyn Sink>;
        self.ask(m, &open, operation(open.file), memory, sink);
    }

    /// Hands an operation of an open file on, with the client's memory as it can be had.
    pub fn ask(
        &self,
        m: &Message<'_>,
        open: &OpenFile,
        operation: Operation<'_>,
        memory: Arc<dyn ClientMemory>,
        sink: Arc<dyn Sink>,
    ) {
        let ioctl = matches!(operation, Operation::Ioctl { .. });
        let reply = self.reply(m.unique, ioctl, sink);
        let request = Request {
            id: reply.id(),
            caller: m.caller,
            operation,
            reply,
            memory,
        };
        open.deliver(request);
    }

    /// A signal came for request `of`.
    pub fn interrupt(&self, of: u64, on: &[CardIndex], cards: &dyn Cards) {
        let of = RequestId(self.rename(of));
        // Which card the request went to is not kept; it is known to one of them at most.
        for card in on.iter().filter_map(|&card| cards.card(card)) {
            card.deliver(Request {
                id: of,
                caller: Caller::default(),
                operation: Operation::Interrupt { of },
                reply: Reply::nobody(of),
                memory: Arc::new(Client::new(0, 0)),
            });
        }
    }

    /// Asks the card for an open; the sink is told what came of it, and finds `pending` again.
    pub fn open(
        &self,
        mut pending: PendingOpen,
        opening: &Opening,
        backing: Box<dyn Backing>,
        sink: Arc<dyn Sink>,
        cards: &dyn Cards,
    ) {
        let reply = self.reply(pending.unique, false, sink);
        let operation = Operation::Open {
            node: opening.node,
            flags: opening.flags,
            backing,
        };
        let memory = Arc::new(Client::new(opening.caller.tid, pending.inode));
        let card = cards.card(pending.card);
        pending.to.clone_from(&card);
        self.opens.begin(pending);
        let Some(card) = card else {
            return reply.fail(Errno::ENODEV);
        };
        card.deliver(Request {
            id: reply.id(),
            caller: opening.caller,
            operation,
            reply,
            memory,
        });
    }

    /// Tells the card that the open file `open`, which is no longer among [`Session::opens`], was closed.
    pub fn release(&self, m: &Message<'_>, open: &OpenFile, sink: Arc<dyn Sink>) {
        let operation = Operation::Release { file: open.file };
        let memory = open.client(m.caller.tid);
        self.ask(m, open, operation, memory, sink);
    }

    /// Answers a request of an open file.
    ///
    /// # Errors
    /// What the kernel says of it, see [`Channel::reply`]; EIO for the answer to an open, which is not known here.
    pub fn answer(&self, unique: u64, answer: &Answer<'_>) -> Result<(), Errno> {
        match *answer {
            Answer::Ioctl(result, bytes) => {
                let number = result.unwrap_or_else(|e| e.0.saturating_neg());
                self.channel
                    .reply(unique, ioctl_result(number).as_bytes(), bytes)
            }
            Answer::Ready(revents) => {
                let out = PollOut {
                    revents,
                    padding: 0,
                };
                self.channel.reply(unique, out.as_bytes(), &[])
            }
            Answer::Written(bytes) => {
                let size = u32::try_from(bytes).unwrap_or(u32::MAX);
                self.channel
                    .reply(unique, WriteOut { size, padding: 0 }.as_bytes(), &[])
            }
            Answer::Data(bytes) => self.channel.reply(unique, bytes, &[]),
            Answer::Done => self.channel.reply(unique, &[], &[]),
            Answer::Failed(errno) => self.channel.fail(unique, errno),
            Answer::Opened(_) | Answer::Shared(..) => Err(Errno::EIO),
        }
    }

    /// Wakes a poller.
    pub fn wake(&self, poller: PollHandle) {
        self.sent(self.channel.notify_poll(poller.0));
    }

    /// A message that cannot be understood is answered all the same, where it has a name.
    pub fn refuse_malformed(&self, length: usize, unique: Option<u64>) {
        log::error!("A message of {length} bytes was not understood");
        if let Some(unique) = unique {
            self.sent(self.channel.fail(unique, Errno::EIO));
        }
    }

    /// An answer that the kernel did not take leaves nobody waiting: the request is gone, or so is the connection.
    pub fn sent(&self, result: Result<(), Errno>) {
        if let Err(e) = result {
            if e == Errno::ENOENT {
                log::trace!("An answer came after its request was gone");
            } else if !self.over() {
                log::warn!("An answer was not taken: {e}");
            }
        }
    }
}
