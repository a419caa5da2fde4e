//! A client's calls on a node, and the mount they go to.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cuse_pcm::request::Node;
use cuse_pcm::server::{Server, Service};
use cuse_pcm::transport::CardIndex;
use cuse_pcm::transport::mount::{MapKind, Mount, MountConfig};
use cuse_pcm::transport::mounting::{MountOptions, mount_at};
use cuse_pcm::transport::nodes::NodeSpec;
use hw_backends::units::Direction;

use crate::service::{Fake, PEEK, POKE};

/// `pcmC0D0p`.
pub(crate) const PLAYBACK: Node = Node::Pcm {
    device: 0,
    direction: Direction::Playback,
};

/// A served mount in a mount namespace of the calling thread.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) server: Mutex<Option<Server>>,
    pub(crate) folder: tempfile::TempDir,
}

impl Served {
    pub(crate) fn new(map: MapKind) -> Served {
        Served::with(map, vec![Box::new(Fake::default())])
    }

    pub(crate) fn with(map: MapKind, cards: Vec<Box<dyn Service>>) -> Served {
        own_namespace();
        let folder = tempfile::tempdir().unwrap();
        let nodes = (0..cards.len())
            .flat_map(|card| {
                [Node::Control, PLAYBACK]
                    .map(|node| NodeSpec::new(CardIndex(card), card as u32, node))
            })
            .collect();
        let config = MountConfig {
            map,
            ..MountConfig::new(nodes)
        };
        let (fd, mounted) = mount_at(folder.path(), &MountOptions::default()).unwrap();
        let mount = Mount::new(fd, mounted, config, 3).unwrap();
        let server = Server::start(cards, &[mount]).unwrap();
        assert_eq!(server.kinds(), [map]);
        Served {
            server: Mutex::new(Some(server)),
            folder,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn open(&self, name: &str) -> Open {
        Open::new(self.path(name), 0).unwrap()
    }
}

/// Mounts of this thread, and of those it starts, are seen by no one else and end with them.
pub(crate) fn own_namespace() {
    // SAFETY: a mount namespace has no memory; the thread's root and working directory stay as they are.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }.unwrap();
    rustix::mount::mount_change(
        "/",
        rustix::mount::MountPropagationFlags::REC | rustix::mount::MountPropagationFlags::PRIVATE,
    )
    .unwrap();
}

/// An open node.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) file: File,
}

impl Open {
    pub(crate) fn new(path: PathBuf, flags: i32) -> io::Result<Open> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)?;
        Ok(Open { file })
    }

    /// ioctl with a word.
    pub(crate) fn word(&self, cmd: u32, arg: u64) -> io::Result<i32> {
        // SAFETY: the commands used with this take a value, or none.
        let n = unsafe { libc::ioctl(self.file.as_raw_fd(), libc::Ioctl::from(cmd), arg) };
        if n < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(n)
        }
    }

    /// ioctl with a structure, as long as the number says.
    pub(crate) fn bytes<T>(&self, cmd: u32, arg: &mut T) -> io::Result<i32> {
        assert_eq!(uapi::ioctl::size(cmd), size_of::<T>());
        self.word(cmd, std::ptr::from_mut(arg) as u64)
    }

    /// Has the daemon store a word.
    pub(crate) fn poke(&self, place: u64, offset: u64, value: u64) {
        self.bytes(POKE, &mut [place, offset, value]).unwrap();
    }

    /// Has the daemon load a word.
    pub(crate) fn peek(&self, place: u64, offset: u64) -> u64 {
        let mut words = [place, offset, 0];
        self.bytes(PEEK, &mut words).unwrap();
        words[2]
    }

    /// Maps part of the node.
    pub(crate) fn map(&self, offset: u64, length: usize) -> io::Result<Map> {
        use rustix::mm::{MapFlags, ProtFlags, mmap};
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let at = unsafe {
            mmap(
                std::ptr::null_mut(),
                length,
                protection,
                MapFlags::SHARED,
                &self.file,
                offset,
            )
        }?;
        Ok(Map {
            at: at.cast(),
            length,
        })
    }
}

/// A client's mapping.
#[derive(Debug)]
pub(crate) struct Map {
    at: *mut u64,
    length: usize,
}

// SAFETY: plain memory without thread affinity; the tests order their accesses by calls.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    pub(crate) fn load(&self, word: usize) -> u64 {
        assert!(word * 8 < self.length);
        // SAFETY: inside the mapping, which `self` keeps; aligned.
        unsafe { self.at.add(word).read_volatile() }
    }

    pub(crate) fn store(&self, word: usize, value: u64) {
        assert!(word * 8 < self.length);
        // SAFETY: inside the mapping, which `self` keeps; aligned.
        unsafe { self.at.add(word).write_volatile(value) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nothing refers to it any more.
        let _ = unsafe { rustix::mm::munmap(self.at.cast(), self.length) };
    }
}

/// Runs `test` for both ways to share memory.
pub(crate) fn both(test: impl Fn(&Served)) {
    for kind in [MapKind::Passthrough, MapKind::PageCache] {
        let served = Served::new(kind);
        test(&served);
    }
}

pub(crate) type Nodes = Arc<Mutex<Vec<Node>>>;
