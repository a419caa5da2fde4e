//! Neutral words between a transport and the files: what is asked, by whom, and a [`Reply`] that is consumed exactly once.
//!
//! Knows nothing of FUSE, CUSE, cards or streams.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use hw_backends::dma::{Area, Backing, Shared};
use uapi::Errno;

/// Who asks: the calling thread and its credentials, as the transport reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Thread id.
    pub tid: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A device node of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// `controlC*`.
    Control,
    /// `pcmC*D<device>p` or `...c`.
    Pcm {
        /// Device number.
        device: u32,
        /// Direction.
        direction: hw_backends::units::Direction,
    },
}

/// Which of the served cards; an index, not ALSA's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CardIndex(pub usize);

/// Names one open descriptor; chosen by the files at open, unique while the daemon lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileHandle(pub u64);

/// Names one request; an interrupt refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Names a sleeping poller; to be woken through [`Sink::wake`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PollHandle(pub u64);

/// The width of the caller's structures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Abi {
    /// The daemon's own.
    #[default]
    Native,
    /// A 32-bit caller.
    Compat,
}

/// What is asked.
#[derive(Debug)]
pub enum Operation<'a> {
    /// Open a node; `backing` is the memory of this open.
    Open {
        /// The node.
        node: Node,
        /// Open flags (`O_*`).
        flags: u32,
        /// Memory for ring and pages.
        backing: Box<dyn Backing>,
    },
    /// The last reference to an open file is gone. No answer data.
    Release {
        /// The open file.
        file: FileHandle,
    },
    /// An ioctl.
    Ioctl {
        /// The open file.
        file: FileHandle,
        /// Full 32-bit command.
        cmd: u32,
        /// The argument word: a value, or an address in the caller.
        arg: u64,
        /// Width of the caller's structures.
        abi: Abi,
        /// The bytes the transport already carried (by the number's W bit); may be empty.
        input: &'a [u8],
        /// How many bytes the reply can carry back (by the number's R bit). What does not fit there goes through
        /// [`ClientMemory`].
        out_size: usize,
    },
    /// read(2).
    Read {
        /// The open file.
        file: FileHandle,
        /// Bytes asked for.
        size: usize,
        /// The file's current flags (`O_*`).
        flags: u32,
    },
    /// write(2).
    Write {
        /// The open file.
        file: FileHandle,
        /// The bytes.
        data: &'a [u8],
        /// The file's current flags (`O_*`).
        flags: u32,
    },
    /// poll(2).
    Poll {
        /// The open file.
        file: FileHandle,
        /// Events asked for.
        events: u32,
        /// Set when the caller is going to sleep: wake it at the next change.
        wake: Option<PollHandle>,
    },
    /// A signal came for a request that was read before. No answer.
    Interrupt {
        /// The request.
        of: RequestId,
    },
}

/// A request as it arrives.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its name.
    pub id: RequestId,
    /// Who asks.
    pub caller: Caller,
    /// What.
    pub operation: Operation<'a>,
    /// How to answer.
    pub reply: Reply,
    /// The caller's memory.
    pub memory: Arc<dyn ClientMemory>,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// To open.
    Opened(FileHandle),
    /// To open: the file, and another one that uses the memory which both are to map; what this open brought is dropped.
    Shared(FileHandle, FileHandle),
    /// To ioctl: the return value (≥ 0) or errno, and bytes to copy back at `arg` (at most `out_size`; may go with
    /// an error).
    Ioctl(Result<i32, Errno>, &'a [u8]),
    /// To read: the bytes.
    Data(&'a [u8]),
    /// To write: how many bytes were taken.
    Written(usize),
    /// To poll: the events that are ready.
    Ready(u32),
    /// To anything else that succeeded.
    Done,
    /// To anything that failed (not ioctl).
    Failed(Errno),
}

/// Where answers and wake-ups go. Implemented by a transport, and by a recorder in tests.
pub trait Sink: Send + Sync + fmt::Debug {
    /// Answers request `id`. Called once for each.
    fn answer(&self, id: RequestId, answer: &Answer<'_>);
    /// Wakes a sleeping poller.
    fn wake(&self, poller: PollHandle);
}

/// The right to answer one request, once. Dropped unanswered, it answers EIO.
#[derive(Debug)]
pub struct Reply {
    id: RequestId,
    sink: Option<Arc<dyn Sink>>,
    ioctl: bool,
}

impl Reply {
    /// A reply to request `id`; `ioctl` says which kind of answer an error takes.
    #[must_use]
    pub fn new(id: RequestId, sink: Arc<dyn Sink>, ioctl: bool) -> Reply {
        Reply {
            id,
            sink: Some(sink),
            ioctl,
        }
    }

    /// A reply that nobody waits for (interrupt).
    #[must_use]
    pub fn nobody(id: RequestId) -> Reply {
        Reply {
            id,
            sink: None,
            ioctl: false,
        }
    }

    /// The request's name.
    #[must_use]
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// Where the answer will go; wake-ups for a poller go there as well.
    #[must_use]
    pub fn sink(&self) -> Option<Arc<dyn Sink>> {
        self.sink.clone()
    }

    /// Answers.
    pub fn send(mut self, answer: &Answer<'_>) {
        if let Some(sink) = self.sink.take() {
            sink.answer(self.id, answer);
        }
    }

    /// Answers with an error, in the form the request takes.
    pub fn fail(self, errno: Errno) {
        if self.ioctl {
            self.send(&Answer::Ioctl(Err(errno), &[]));
        } else {
            self.send(&Answer::Failed(errno));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            log::warn!("Request {} was dropped without an answer", self.id.0);
            let answer = if self.ioctl {
                Answer::Ioctl(Err(Errno::EIO), &[])
            } else {
                Answer::Failed(Errno::EIO)
            };
            sink.answer(self.id, &answer);
        }
    }
}

/// The caller's memory, while its request is unanswered.
pub trait ClientMemory: Send + Sync + fmt::Debug {
    /// Copies bytes at `address` of the caller.
    ///
    /// # Errors
    /// EFAULT.
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Errno>;

    /// Stores bytes at `address` of the caller.
    ///
    /// # Errors
    /// EFAULT.
    fn write(&self, address: u64, from: &[u8]) -> Result<(), Errno>;

    /// Copies from the caller straight into a ring: all of `into`.
    ///
    /// # Errors
    /// EFAULT; part of the area may have been overwritten.
    fn read_area(&self, address: u64, into: &Area) -> Result<(), Errno>;

    /// Copies straight out of a ring into the caller: all of `from`.
    ///
    /// # Errors
    /// EFAULT.
    fn write_area(&self, address: u64, from: &Area) -> Result<(), Errno>;

    /// The most bytes that one call can move. What goes beyond is not moved, and the call says so in its count.
    fn reach(&self) -> u64 {
        u64::MAX
    }

    /// Said before bytes at `address` are moved piece by piece: all that may be (`back`: stored there). Whoever has to
    /// fetch them can do it at once.
    ///
    /// # Errors
    /// EFAULT: they are not there. The request may come again with them.
    fn announce(&self, _address: u64, _bytes: u64, _back: bool) -> Result<(), Errno> {
        Ok(())
    }

    /// The file status flags (`O_*`) of the descriptor the request came through, as they are now, where they can be
    /// found out. PREPARE and DRAIN look at O_NONBLOCK.
    fn file_flags(&self) -> Option<u32>;

    /// Process id (thread group) of the caller, as the daemon sees it; 0 if unknown.
    fn process(&self) -> u32;

    /// By the time the call returns to the caller, it has a descriptor of `file`, and its number is stored at `address` as
    /// an `int`. Should that fail after the request is answered, the call fails all the same.
    ///
    /// # Errors
    /// EPERM: there is no way to do that for this caller. EFAULT, EMFILE.
    fn give_descriptor(&self, _file: &Shared, _address: u64) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// A descriptor of the caller, as one of our own.
    ///
    /// # Errors
    /// EBADF: the caller has none of that number, or it cannot be fetched.
    fn take_descriptor(&self, _number: i32) -> Result<OwnedFd, Errno> {
        Err(Errno::EBADF)
    }

    /// The open file behind a descriptor of the caller (LINK names one), if it is one of this card's and that can be
    /// found out.
    fn open_file(&self, _descriptor: i32) -> Option<FileHandle> {
        None
    }

    /// The same, if it is one of another card's.
    fn open_file_elsewhere(&self, _descriptor: i32) -> Option<(CardIndex, FileHandle)> {
        None
    }
}
