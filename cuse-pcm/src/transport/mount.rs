//! A mounted directory of card nodes.
//!
//! Answers what concerns names, attributes and cached pages itself and at once; hands what concerns an open node on.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hw_backends::dma::{Backing, PrivateBacking};
use uapi::Errno;
use uapi::fuse::{InitIn, OpenOut, flags::fopen};
use zerocopy::IntoBytes;

use super::channel::{Channel, Received};
use super::client_memory::Client;
use super::init;
pub use super::init::MapKind;
use super::mounting::Mounted;
use super::nodes::{NodeSpec, Nodes};
use super::opens::{Memory, Opens, PendingOpen};
use super::page_cache::{Job, MapRequest, PageBacking};
use super::passthrough::{self, FileBacking};
use super::wire::{self, Body, Message};
use super::{CardIndex, Deliver};
use crate::request::{Caller, FileHandle, Operation, PollHandle, Reply, Request, RequestId, Sink};

mod answer;
mod names;
mod pages;

/// Set in the kernel's file handle of opens that are the mapper's.
const MAPPERS: u64 = 1 << 63;

/// What a mount shall show.
#[derive(Clone, Debug)]
pub struct MountConfig {
    /// The nodes.
    pub nodes: Vec<NodeSpec>,
    /// Permission bits of the nodes.
    pub mode: u32,
    /// Owner of the nodes.
    pub uid: u32,
    /// Group of the nodes.
    pub gid: u32,
    /// How memory is shared.
    pub map: MapKind,
}

impl MountConfig {
    /// `nodes` for everyone, owned by the caller.
    #[must_use]
    pub fn new(nodes: Vec<NodeSpec>) -> MountConfig {
        MountConfig {
            nodes,
            mode: 0o666,
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            map: MapKind::Auto,
        }
    }
}

/// An open on its way from the mapper.
type Mapped = (MapRequest, Result<PageBacking, Errno>);

/// A mount.
#[derive(Debug)]
pub struct Mount {
    channel: Channel,
    /// Taken, and thereby unmounted, at the end.
    mounted: Mutex<Option<Mounted>>,
    root: OwnedFd,
    nodes: Nodes,
    opens: Opens,
    config: MountConfig,
    /// Told apart from other connections of the same card: request numbers of two may be the same.
    connection: u64,
    kind: OnceLock<MapKind>,
    jobs: Sender<Job>,
    work: Mutex<Option<(Receiver<Job>, Sender<Mapped>)>>,
    mapped: Mutex<Option<Receiver<Mapped>>>,
    over: AtomicBool,
    /// Thread id of the anchor, 0 while there is none.
    anchor_thread: AtomicU32,
    /// The anchor's request, 0 while there is none.
    anchor_request: AtomicU64,
}

impl Mount {
    /// Shows `config` over the connection `fd` of `mounted`. `connection` is a number of its own for every connection
    /// that serves the same cards.
    ///
    /// # Errors
    /// EMFILE.
    pub fn new(
        fd: OwnedFd,
        mounted: Mounted,
        config: MountConfig,
        connection: u8,
    ) -> Result<Arc<Mount>, Errno> {
        let root = mounted
            .root()
            .as_fd()
            .try_clone_to_owned()
            .map_err(|_| Errno::EMFILE)?;
        let (jobs, work) = std::sync::mpsc::channel();
        let (map, mapped) = std::sync::mpsc::channel();
        Ok(Arc::new(Mount {
            channel: Channel::new(fd),
            mounted: Mutex::new(Some(mounted)),
            root,
            nodes: Nodes::new(config.nodes.clone()),
            opens: Opens::default(),
            config,
            connection: u64::from(connection) << 56,
            kind: OnceLock::new(),
            jobs,
            work: Mutex::new(Some((work, map))),
            mapped: Mutex::new(Some(mapped)),
            over: AtomicBool::new(false),
            anchor_thread: AtomicU32::new(0),
            anchor_request: AtomicU64::new(0),
        }))
    }

    /// How memory is shared here; `None` before the kernel's INIT was answered.
    #[must_use]
    pub fn kind(&self) -> Option<MapKind> {
        self.kind.get().copied()
    }

    /// The cards whose nodes are shown, each once.
    #[must_use]
    pub fn cards(&self) -> Vec<CardIndex> {
        let mut cards: Vec<_> = self.nodes.specs().iter().map(|s| s.card).collect();
        cards.sort_unstable();
        cards.dedup();
        cards
    }

    /// Files that are open now.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.opens.count()
    }

    /// Whether the connection is over.
    #[must_use]
    pub fn over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// The mounted root: a call on it (statfs) reaches a reader.
    #[must_use]
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Takes the mount off its place. Open files go on.
    pub fn unmount(&self) {
        drop(
            self.mounted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// Waits until a message is there, at most so long (below a second); false if none came.
    #[must_use]
    pub fn wait(&self, at_most: Duration) -> bool {
        self.channel.wait(at_most)
    }

    /// Waits for one message; its bytes are then at the start of `buffer`, for [`Mount::serve`].
    pub fn receive(&self, buffer: &mut [u8]) -> Received {
        let received = self.channel.receive(buffer);
        if received == Received::Over {
            self.over.store(true, Ordering::Release);
        }
        received
    }

    /// Serves the message of `length` bytes in `buffer`, all of which is scratch space.
    pub fn serve(self: &Arc<Self>, buffer: &mut [u8], length: usize, deliver: &dyn Deliver) {
        let pages = match wire::decode(buffer.get(..length).unwrap_or(&[])) {
            Ok(Message {
                unique,
                inode,
                body:
                    Body::Read {
                        offset,
                        size,
                        cached: true,
                        ..
                    },
                ..
            }) => (unique, inode, offset, size),
            Ok(message) => return self.dispatch(&message, deliver),
            Err(malformed) => {
                log::error!("A message of {length} bytes was not understood");
                if let Some(unique) = malformed.unique {
                    self.sent(self.channel.fail(unique, Errno::EIO));
                }
                return;
            }
        };
        let (unique, inode, offset, size) = pages;
        self.read_pages(unique, inode, offset, size, buffer);
    }

    fn dispatch(self: &Arc<Self>, m: &Message<'_>, deliver: &dyn Deliver) {
        match m.body {
            Body::Ioctl(i) => {
                let (cmd, arg, abi, input, out_size) = (i.cmd, i.arg, i.abi(), i.input, i.out_size);
                self.to_file(m, i.fh, true, deliver, |file| Operation::Ioctl {
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
                self.to_file(m, fh, false, deliver, |file| Operation::Poll {
                    file,
                    events,
                    wake,
                });
            }
            Body::Write {
                offset,
                data,
                cached: true,
                ..
            } => self.write_pages(m, offset, data),
            Body::Read {
                fh, size, flags, ..
            } => {
                self.to_file(m, fh, false, deliver, |file| Operation::Read {
                    file,
                    size,
                    flags,
                });
            }
            Body::Write {
                fh, data, flags, ..
            } => {
                self.to_file(m, fh, false, deliver, |file| Operation::Write {
                    file,
                    data,
                    flags,
                });
            }
            Body::Interrupt { of } => self.interrupt(of, deliver),
            Body::Open { flags } => self.open(m, flags, deliver),
            Body::Release { fh } => self.release(m, fh, deliver),
            Body::Init(theirs) => self.init(m.unique, &theirs),
            Body::Statfs if self.is_anchors(m.caller) => {
                self.anchor_request.store(m.unique, Ordering::Release);
            }
            _ => self.names(m),
        }
    }

    fn is_anchors(&self, caller: Caller) -> bool {
        caller.tid != 0 && caller.tid == self.anchor_thread.load(Ordering::Acquire)
    }

    /// The request's name among all connections, and back.
    fn rename(&self, unique: u64) -> u64 {
        unique ^ self.connection
    }

    fn reply(self: &Arc<Self>, unique: u64, ioctl: bool) -> Reply {
        Reply::new(
            RequestId(self.rename(unique)),
            Arc::clone(self) as Arc<dyn Sink>,
            ioctl,
        )
    }

    fn to_file<'a>(
        self: &Arc<Self>,
        m: &Message<'_>,
        fh: u64,
        ioctl: bool,
        deliver: &dyn Deliver,
        operation: impl FnOnce(FileHandle) -> Operation<'a>,
    ) {
        let Some(open) = self.opens.get(fh) else {
            self.sent(self.channel.fail(m.unique, Errno::EBADF));
            return;
        };
        let reply = self.reply(m.unique, ioctl);
        let request = Request {
            id: reply.id(),
            caller: m.caller,
            operation: operation(open.file),
            reply,
            memory: open.client(m.caller.tid),
        };
        deliver.deliver(open.card, request);
    }

    fn interrupt(&self, of: u64, deliver: &dyn Deliver) {
        let of = RequestId(self.rename(of));
        // Which card the request went to is not kept; it is known to one of them at most.
        for card in self.cards() {
            deliver.deliver(
                card,
                Request {
                    id: of,
                    caller: Caller::default(),
                    operation: Operation::Interrupt { of },
                    reply: Reply::nobody(of),
                    memory: Arc::new(Client::new(0, 0)),
                },
            );
        }
    }

    fn init(&self, unique: u64, theirs: &InitIn) {
        let privileged = passthrough::permitted();
        let Some((answer, kind)) = init::negotiate(theirs, self.config.map, privileged) else {
            log::error!(
                "The kernel's FUSE protocol {}.{} is not understood",
                theirs.major,
                theirs.minor
            );
            self.sent(self.channel.fail(unique, Errno::EIO));
            return;
        };
        if kind == MapKind::Plain && self.config.map != MapKind::Plain {
            log::warn!(
                "This kernel cannot map nodes ({:?} was asked for); transfers work",
                self.config.map
            );
        }
        let _ = self.kind.set(kind);
        self.sent(self.channel.reply(unique, answer.as_bytes(), &[]));
    }

    fn open(self: &Arc<Self>, m: &Message<'_>, flags: u32, deliver: &dyn Deliver) {
        if self.nodes.open_granted(m.inode, m.caller.tid) {
            let out = OpenOut {
                fh: MAPPERS | m.inode,
                open_flags: fopen::DIRECT_IO | fopen::NOFLUSH,
                backing_id: 0,
            };
            self.sent(self.channel.reply(m.unique, out.as_bytes(), &[]));
            return;
        }
        let spec = match self.nodes.open(m.inode) {
            Ok(spec) => spec,
            Err(e) => {
                self.sent(self.channel.fail(m.unique, e));
                return;
            }
        };
        let kind = if spec.mmap {
            self.kind().unwrap_or(MapKind::Plain)
        } else {
            MapKind::Plain
        };
        let opened = match kind {
            MapKind::Passthrough => self.passthrough_memory(),
            MapKind::PageCache => match self.send_to_mapper(m, flags) {
                Ok(()) => return,
                Err(e) => Err(e),
            },
            MapKind::Auto | MapKind::Plain => Ok((Memory::Plain, plain())),
        };
        match opened {
            Ok((memory, backing)) => {
                self.deliver_open(m.unique, m.inode, m.caller, flags, memory, backing, deliver);
            }
            Err(e) => {
                log::error!("No memory for an open of {}: {e}", spec.name);
                self.nodes.close(m.inode);
                self.sent(self.channel.fail(m.unique, e));
            }
        }
    }

    fn passthrough_memory(&self) -> Result<(Memory, Box<dyn Backing>), Errno> {
        let backing = FileBacking::new()?;
        let id = passthrough::register(&self.channel, backing.file())?;
        Ok((Memory::Passthrough(id), Box::new(backing)))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one request")]
    fn deliver_open(
        self: &Arc<Self>,
        unique: u64,
        inode: u64,
        caller: Caller,
        flags: u32,
        memory: Memory,
        backing: Box<dyn Backing>,
        deliver: &dyn Deliver,
    ) {
        let Some(spec) = self.nodes.spec(inode) else {
            self.sent(self.channel.fail(unique, Errno::ENODEV));
            return;
        };
        self.opens.begin(PendingOpen {
            unique,
            card: spec.card,
            inode,
            memory,
        });
        let reply = self.reply(unique, false);
        let operation = Operation::Open {
            node: spec.node,
            flags,
            backing,
        };
        let memory = Arc::new(Client::new(caller.tid, inode));
        deliver.deliver(
            spec.card,
            Request {
                id: reply.id(),
                caller,
                operation,
                reply,
                memory,
            },
        );
    }

    fn release(self: &Arc<Self>, m: &Message<'_>, fh: u64, deliver: &dyn Deliver) {
        if fh & MAPPERS != 0 {
            self.nodes.close(fh & !MAPPERS);
            self.sent(self.channel.reply(m.unique, &[], &[]));
            return;
        }
        let Some((open, last)) = self.opens.remove(fh) else {
            self.sent(self.channel.fail(m.unique, Errno::EBADF));
            return;
        };
        self.nodes.close(open.inode);
        if last {
            self.forget_backing(open.memory);
        }
        let reply = self.reply(m.unique, false);
        let operation = Operation::Release { file: open.file };
        let memory = open.client(m.caller.tid);
        deliver.deliver(
            open.card,
            Request {
                id: reply.id(),
                caller: m.caller,
                operation,
                reply,
                memory,
            },
        );
    }

    /// An answer that the kernel did not take leaves nobody waiting: the request is gone, or so is the connection.
    fn sent(&self, result: Result<(), Errno>) {
        if let Err(e) = result {
            if e == Errno::ENOENT {
                log::trace!("An answer came after its request was gone");
            } else if !self.over() {
                log::warn!("An answer was not taken: {e}");
            }
        }
    }
}

fn plain() -> Box<dyn Backing> {
    Box::new(PrivateBacking::default())
}
