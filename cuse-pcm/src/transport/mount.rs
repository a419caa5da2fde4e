//! A mounted directory of card nodes.
//!
//! Answers what concerns names, attributes and cached pages itself and at once; hands what concerns an open node on.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hw_backends::dma::{Backing, PrivateBacking};
use rustix::fs::{Mode, OFlags};
use uapi::Errno;
use uapi::fuse::{InitIn, OpenOut, flags::fopen};
use zerocopy::IntoBytes;

use super::init;
pub use super::init::MapKind;
use super::mounting::{Bound, Mounted};
use super::narrow::is_32_bit;
use super::nodes::{NodeSpec, Nodes};
use super::opens::{Memory, Opens, PendingOpen};
use super::page_cache::{Job, MapRequest, PageBacking};
use super::passthrough::{self, FileBacking};
use super::session::{Opening, Session};
use super::wire::{self, Body, Message};
use super::{CardIndex, Cards, Connection, Knock};
use crate::request::{Caller, Sink};

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
    session: Session,
    /// Taken, and thereby unmounted, at the end.
    mounted: Mutex<Option<Mounted>>,
    root: OwnedFd,
    nodes: Nodes,
    config: MountConfig,
    kind: OnceLock<MapKind>,
    jobs: Sender<Job>,
    work: Mutex<Option<(Receiver<Job>, Sender<Mapped>)>>,
    mapped: Mutex<Option<Receiver<Mapped>>>,
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
        Mount::beside(fd, mounted, config, connection, Opens::default())
    }

    /// The same; `opens` are [beside](Opens::beside) those of other connections.
    ///
    /// # Errors
    /// EMFILE.
    pub fn beside(
        fd: OwnedFd,
        mounted: Mounted,
        config: MountConfig,
        connection: u8,
        opens: Opens,
    ) -> Result<Arc<Mount>, Errno> {
        let root = mounted
            .root()
            .as_fd()
            .try_clone_to_owned()
            .map_err(|_| Errno::EMFILE)?;
        let (jobs, work) = std::sync::mpsc::channel();
        let (map, mapped) = std::sync::mpsc::channel();
        Ok(Arc::new(Mount {
            session: Session::new(fd, connection, opens),
            mounted: Mutex::new(Some(mounted)),
            root,
            nodes: Nodes::new(config.nodes.clone()),
            config,
            kind: OnceLock::new(),
            jobs,
            work: Mutex::new(Some((work, map))),
            mapped: Mutex::new(Some(mapped)),
            anchor_thread: AtomicU32::new(0),
            anchor_request: AtomicU64::new(0),
        }))
    }

    /// How memory is shared here; `None` before the kernel's INIT was answered.
    #[must_use]
    pub fn kind(&self) -> Option<MapKind> {
        self.kind.get().copied()
    }

    /// Shows more nodes.
    ///
    /// # Errors
    /// EEXIST: one of that name is there; nothing is shown.
    pub fn add_nodes(&self, nodes: Vec<NodeSpec>) -> Result<(), Errno> {
        self.nodes.add(nodes)
    }

    /// Shows the nodes of a card no more. Files that are open stay open.
    pub fn remove_nodes(&self, card: CardIndex) {
        self.nodes.remove(card);
    }

    /// Shows the node `name` at `path` too, over the file that is there. For a mount whose memory is passed through, and
    /// a node of which one file can be open at a time: all opens have one inode. To be called while the mount is served,
    /// and by no thread that serves.
    ///
    /// # Errors
    /// What open(2) and mount(2) say.
    pub fn bind(&self, name: &str, path: &Path) -> std::io::Result<Bound> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let node = rustix::fs::openat(&self.root, name, flags, Mode::empty())?;
        self.nodes.keep(rustix::fs::fstat(&node)?.st_ino);
        Bound::new(node, path)
    }

    /// Files that are open now.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.session.opens.count()
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

    fn dispatch(self: &Arc<Self>, m: &Message<'_>, cards: &dyn Cards) {
        match m.body {
            Body::Write {
                offset,
                data,
                cached: true,
                ..
            } => self.write_pages(m, offset, data),
            Body::Interrupt { of } => self.session.interrupt(of, &self.cards(), cards),
            Body::Open { flags } => self.open(m, flags, cards),
            Body::Release { fh } => self.release(m, fh),
            Body::Init(theirs) => self.init(m.unique, &theirs),
            Body::Statfs if self.is_anchors(m.caller) => {
                self.anchor_request.store(m.unique, Ordering::Release);
            }
            _ if self.session.pass_on(m, self) => {}
            _ => self.names(m),
        }
    }

    fn is_anchors(&self, caller: Caller) -> bool {
        caller.tid != 0 && caller.tid == self.anchor_thread.load(Ordering::Acquire)
    }

    fn init(&self, unique: u64, theirs: &InitIn) {
        let privileged = passthrough::permitted();
        let Some((answer, kind)) = init::negotiate(theirs, self.config.map, privileged) else {
            log::error!(
                "The kernel's FUSE protocol {}.{} is not understood",
                theirs.major,
                theirs.minor
            );
            self.session
                .sent(self.session.channel.fail(unique, Errno::EIO));
            return;
        };
        if kind == MapKind::Plain && self.config.map != MapKind::Plain {
            log::warn!(
                "This kernel cannot map nodes ({:?} was asked for); transfers work",
                self.config.map
            );
        }
        let _ = self.kind.set(kind);
        self.session
            .sent(self.session.channel.reply(unique, answer.as_bytes(), &[]));
    }

    fn open(self: &Arc<Self>, m: &Message<'_>, flags: u32, cards: &dyn Cards) {
        if self.nodes.open_granted(m.inode, m.caller.tid) {
            let out = OpenOut {
                fh: MAPPERS | m.inode,
                open_flags: fopen::DIRECT_IO | fopen::NOFLUSH,
                backing_id: 0,
            };
            self.session
                .sent(self.session.channel.reply(m.unique, out.as_bytes(), &[]));
            return;
        }
        let spec = match self.nodes.open(m.inode) {
            Ok(spec) => spec,
            Err(e) => {
                self.session.sent(self.session.channel.fail(m.unique, e));
                return;
            }
        };
        let narrow = is_32_bit(m.caller.tid);
        let kind = if spec.mmap {
            self.kind().unwrap_or(MapKind::Plain)
        } else {
            MapKind::Plain
        };
        let opened = match kind {
            MapKind::Passthrough => self.passthrough_memory(narrow),
            MapKind::PageCache => match self.send_to_mapper(m, flags, narrow) {
                Ok(()) => return,
                Err(e) => Err(e),
            },
            MapKind::Auto | MapKind::Plain => Ok((Memory::Plain, plain())),
        };
        match opened {
            Ok((memory, backing)) => {
                self.deliver_open(m.unique, m.inode, m.caller, flags, memory, backing, cards);
            }
            Err(e) => {
                log::error!("No memory for an open of {}: {e}", spec.name);
                self.nodes.close(m.inode);
                self.session.sent(self.session.channel.fail(m.unique, e));
            }
        }
    }

    fn passthrough_memory(&self, narrow: bool) -> Result<(Memory, Box<dyn Backing>), Errno> {
        let backing = match FileBacking::new(narrow) {
            Err(e) if narrow => {
                log::info!("A 32-bit program gets no memory to map: {e}");
                return Ok((Memory::Plain, plain()));
            }
            backing => backing?,
        };
        let id = passthrough::register(&self.session.channel, backing.file())?;
        let memory = if narrow {
            Memory::Narrow(id)
        } else {
            Memory::Passthrough(id)
        };
        Ok((memory, Box::new(backing)))
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
        cards: &dyn Cards,
    ) {
        let Some(spec) = self.nodes.spec(inode) else {
            self.session
                .sent(self.session.channel.fail(unique, Errno::ENODEV));
            return;
        };
        let pending = PendingOpen {
            unique,
            card: spec.card,
            inode,
            memory,
            to: None,
        };
        let opening = Opening {
            node: spec.node,
            flags,
            caller,
        };
        let sink = Arc::clone(self) as Arc<dyn Sink>;
        self.session.open(pending, &opening, backing, sink, cards);
    }

    fn release(self: &Arc<Self>, m: &Message<'_>, fh: u64) {
        if fh & MAPPERS != 0 {
            self.nodes.close(fh & !MAPPERS);
            self.session
                .sent(self.session.channel.reply(m.unique, &[], &[]));
            return;
        }
        let Some((open, last)) = self.session.opens.remove(fh) else {
            self.session
                .sent(self.session.channel.fail(m.unique, Errno::EBADF));
            return;
        };
        self.nodes.close(open.inode);
        if last {
            self.forget_backing(open.memory);
        }
        let sink = Arc::clone(self) as Arc<dyn Sink>;
        self.session.release(m, &open, sink);
    }
}

impl Connection for Mount {
    const BUFFER: usize = init::BUFFER;

    fn session(&self) -> &Session {
        &self.session
    }

    fn in_turns(&self) -> bool {
        self.kind() == Some(MapKind::PageCache)
    }

    /// All that an open file is asked for, but for its cached pages; and the signals that end it.
    fn has_its_place(&self, message: &[u8]) -> bool {
        wire::decode(message).is_ok_and(|message| {
            matches!(
                message.body,
                Body::Ioctl(_)
                    | Body::Poll { .. }
                    | Body::Read { cached: false, .. }
                    | Body::Write { cached: false, .. }
                    | Body::Release { .. }
                    | Body::Interrupt { .. }
            )
        })
    }

    fn serve(self: &Arc<Self>, buffer: &mut [u8], length: usize, cards: &dyn Cards) {
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
            Ok(message) => return self.dispatch(&message, cards),
            Err(malformed) => return self.session.refuse_malformed(length, malformed.unique),
        };
        let (unique, inode, offset, size) = pages;
        self.read_pages(unique, inode, offset, size, buffer);
    }

    fn started(&self) -> bool {
        self.kind().is_some()
    }

    fn cards(&self) -> Vec<CardIndex> {
        let mut cards: Vec<_> = self.nodes.specs().iter().map(|s| s.card).collect();
        cards.sort_unstable();
        cards.dedup();
        cards
    }

    /// Calls on the root until nobody has to hear them any more.
    fn knock(&self) -> Option<Knock> {
        let root = self.root.try_clone().ok()?;
        Some(Box::new(move || rustix::fs::fstatfs(&root).is_ok()))
    }
}

fn plain() -> Box<dyn Backing> {
    Box::new(PrivateBacking::default())
}
