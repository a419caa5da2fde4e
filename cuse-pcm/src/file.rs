//! The open files of one card: one handler per ioctl, parked replies, the poll mask.
//!
//! Single-threaded and free of descriptors, threads and clocks: a request and the time are handed in, answers leave
//! through the request's [`Reply`]. Must not know how requests arrive.

pub mod argument;
pub mod company;
pub mod control;
mod control_compat;
mod control_elem;
mod control_read;
pub mod open;
pub mod pcm;
pub mod pcm_compat;
mod pcm_dmabuf;
pub mod pcm_old;
pub mod pcm_position;
pub mod pcm_setup;
pub mod pcm_t32;
pub mod pcm_transfer;
pub mod poll;
mod samples;
pub mod status;
pub mod table;
mod transfer_result;
pub mod wait;

use std::sync::Arc;

use hw_backends::units::{Nanos, Now};
use uapi::Errno;

use crate::card::{Card, Member, SubstreamId};
use crate::request::{Abi, Answer, Caller, ClientMemory, FileHandle, Operation, Reply, Request};
use argument::Argument;
use pcm::PcmCall;
use table::{Kind, OpenFile, Table};
use wait::{Parked, Waiting, Work};

/// How often one event may lead to another one before the rest has to wait for the next call.
const ROUNDS: usize = 64;

/// What a handler came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The ioctl's return value.
    Done(Result<i32, Errno>),
    /// To be answered later; the time-out is a length.
    Wait(Option<Nanos>, Work),
}

impl From<Result<(), Errno>> for Outcome {
    fn from(result: Result<(), Errno>) -> Outcome {
        Outcome::Done(result.map(|()| 0))
    }
}

/// The open files of one card, and the card itself.
#[derive(Debug)]
pub struct Files {
    card: Card,
    table: Table,
    parked: Parked,
    /// What read(2) fetched, kept for the next one.
    scratch: Vec<u8>,
    /// Substreams on which something is due; empty between calls.
    due: Vec<SubstreamId>,
    /// The card was taken away.
    gone: bool,
    /// What the LINK under way names, where that is not one of the card's own files.
    link_target: Option<Member>,
    tidings: company::Tidings,
}

/// One ioctl as the transport brought it.
struct Ioctl<'a> {
    file: FileHandle,
    cmd: u32,
    arg: u64,
    abi: Abi,
    input: &'a [u8],
    out_size: usize,
    caller: Caller,
}

impl Files {
    /// No file is open yet.
    #[must_use]
    pub fn new(card: Card) -> Files {
        let (table, parked) = (Table::default(), Parked::default());
        Files {
            card,
            table,
            parked,
            scratch: Vec::new(),
            due: Vec::new(),
            gone: false,
            link_target: None,
            tidings: company::Tidings::default(),
        }
    }

    /// The card, for status displays.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The card, for what comes from its owner and not from a client. [`Files::tick`] afterwards lets waiting clients
    /// see what changed.
    pub fn card_mut(&mut self) -> &mut Card {
        &mut self.card
    }

    /// How many files are open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.table.len()
    }

    /// How many requests wait for their answer.
    #[must_use]
    pub fn parked_requests(&self) -> usize {
        self.parked.len()
    }

    /// Answers now, or parks the reply and answers from a later `handle` or [`Files::tick`].
    pub fn handle(&mut self, request: Request<'_>, now: &Now) {
        let Request {
            caller,
            operation,
            reply,
            memory,
            ..
        } = request;
        match operation {
            Operation::Open {
                node,
                flags,
                backing,
            } => {
                self.open(
                    open::Opening {
                        node,
                        flags,
                        backing,
                        caller,
                        process: memory.process(),
                    },
                    reply,
                    memory,
                    now,
                );
            }
            Operation::Release { file } => self.release(file, reply, now),
            Operation::Ioctl {
                file,
                cmd,
                arg,
                abi,
                input,
                out_size,
            } => {
                let ioctl = Ioctl {
                    file,
                    cmd,
                    arg,
                    abi,
                    input,
                    out_size,
                    caller,
                };
                self.ioctl(&ioctl, reply, memory, now);
            }
            Operation::Read { file, size, flags } => {
                self.read(file, size, flags, reply, memory, now);
            }
            Operation::Write { file, data, .. } => self.write(file, data, reply, memory, now),
            Operation::Poll { file, events, wake } => self.poll(file, events, wake, reply),
            Operation::Interrupt { of } => {
                self.parked.interrupt(&mut self.card, of, now);
                reply.send(&Answer::Done);
            }
        }
        self.settle(now);
    }

    /// Device deadlines and time-outs that are due: pointer updates, wake-ups, parked requests.
    pub fn tick(&mut self, now: &Now) {
        let mut due = std::mem::take(&mut self.due);
        let substreams = self.card.open_substreams();
        due.extend(substreams.filter_map(|(id, substream)| {
            let is_due = substream.next_event().is_some_and(|at| at <= now.monotonic);
            is_due.then_some(id)
        }));
        for id in due.drain(..) {
            self.card.together(&id, now, |card| {
                if let Some(substream) = card.substream_mut(&id) {
                    substream.elapsed(now);
                }
            });
        }
        self.due = due;
        self.settle(now);
        self.parked.time_out(&mut self.card, now);
        self.settle(now);
    }

    /// When [`Files::tick`] is next needed, on the monotonic clock; `None` if never.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        let device = self
            .card
            .open_substreams()
            .filter_map(|(_, s)| s.next_event())
            .min();
        match (device, self.parked.next_deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn ioctl(&mut self, ioctl: &Ioctl<'_>, reply: Reply, memory: Arc<dyn ClientMemory>, now: &Now) {
        if self.gone {
            return reply.fail(Errno::ENODEV);
        }
        let &Ioctl {
            cmd,
            arg,
            abi,
            input,
            out_size,
            caller,
            ..
        } = ioctl;
        let mut argument = Argument::new(cmd, arg, abi, input, out_size, caller, &*memory);
        let elsewhere = self.link_target.take();
        let linked = elsewhere.or_else(|| pcm::link_target(&argument, &self.table, &self.card));
        let outcome = match self.table.get_mut(ioctl.file) {
            None => Outcome::Done(Err(Errno::EBADF)),
            Some(OpenFile {
                kind: Kind::Pcm(file),
                ..
            }) => pcm::ioctl(&mut PcmCall {
                file,
                card: &mut self.card,
                argument: &mut argument,
                linked,
                now,
            }),
            Some(OpenFile {
                kind: Kind::Control(file),
                ..
            }) => Outcome::Done(file.ioctl(&mut argument, &mut self.card)),
        };
        match outcome {
            Outcome::Done(result) => reply.send(&Answer::Ioctl(result, argument.output())),
            Outcome::Wait(timeout, work) => {
                let waiting = Waiting {
                    file: Some(ioctl.file),
                    reply,
                    memory,
                    work,
                };
                self.parked.park(waiting, timeout, &mut self.card, now);
            }
        }
    }

    fn release(&mut self, file: FileHandle, reply: Reply, now: &Now) {
        let cause = if self.gone {
            Errno::ENODEV
        } else {
            Errno::EBADFD
        };
        self.parked.end_file(&mut self.card, file, cause, now);
        match self.table.remove(file).map(|file| file.kind) {
            Some(Kind::Pcm(closed)) => self.close_substream(&closed.substream, now),
            Some(Kind::Control(mut closed)) => closed.release(&mut self.card),
            None => {}
        }
        reply.send(&Answer::Done);
    }

    /// The card is taken away: whoever waits is answered, and every open file answers ENODEV from now on. Nothing is
    /// linked with it any more.
    pub fn disconnect(&mut self, now: &Now) {
        self.gone = true;
        let open: Vec<_> = self.card.open_substreams().map(|(id, _)| id).collect();
        for id in open {
            self.card.together(&id, now, |card| {
                if let Some(substream) = card.substream_mut(&id) {
                    substream.disconnect(now);
                }
            });
        }
        self.card.unlink_all();
        self.parked.disconnect(&mut self.card, now);
        self.table.wake_all();
        self.settle(now);
    }

    /// Lets what became due reach those who wait for it.
    fn settle(&mut self, now: &Now) {
        for _ in 0..ROUNDS {
            self.tidings.ties_changed |= self.card.take_links_made();
            if self.card.take_links_broken() {
                self.tidings.regrouped = true;
                self.tidings.ties_changed = true;
                self.parked.regroup(&mut self.card, now);
            }
            let mut due = std::mem::take(&mut self.due);
            for (id, substream) in self.card.open_substreams_mut() {
                let wakeups = substream.take_wakeups();
                if wakeups.pollers {
                    self.table.wake_pollers(&id);
                }
                if wakeups.transfers {
                    due.push(id);
                }
            }
            let mut quiet = due.is_empty();
            for id in due.drain(..) {
                let own = self.card.own(&id);
                if self.card.in_company() {
                    self.tidings.woken.push(own);
                }
                self.parked.wake(&mut self.card, &own, now);
            }
            self.due = due;
            quiet &= !self.tell_control_files(now);
            if quiet {
                return;
            }
        }
    }
}
