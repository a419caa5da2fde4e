//! A client's calls on a node, and the mount they go to.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

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

/// A served mount in a mount namespace of a daemon's own; killed when dropped.
#[derive(Debug)]
pub(crate) struct Served {
    daemon: Mutex<Child>,
    /// Open as long as the daemon may speak.
    _said: BufReader<ChildStdout>,
    pid: u32,
    folder: tempfile::TempDir,
}

const KIND: &str = "TRANSPORT_TEST_KIND";
const CARDS: &str = "TRANSPORT_TEST_CARDS";
const FOLDER: &str = "TRANSPORT_TEST_FOLDER";

impl Served {
    /// Serves `cards` fakes from another process: a client in the daemon's own would wait for itself.
    pub(crate) fn new(map: MapKind, cards: usize) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let mut daemon = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "the_daemon", "--ignored", "--nocapture"])
            .env(KIND, format!("{map:?}"))
            .env(CARDS, cards.to_string())
            .env(FOLDER, folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(daemon.stdout.take().unwrap());
        let lines = said.by_ref().lines();
        let ready = lines
            .map_while(Result::ok)
            .any(|line| line.ends_with("ready"));
        let pid = daemon.id();
        let served = Served {
            daemon: Mutex::new(daemon),
            _said: said,
            pid,
            folder,
        };
        assert!(ready, "the daemon did not start");
        served
    }

    /// The mounted directory, seen through the daemon's namespace.
    pub(crate) fn root(&self) -> PathBuf {
        PathBuf::from(format!(
            "/proc/{}/root{}",
            self.pid,
            self.folder.path().display()
        ))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn open(&self, name: &str) -> Open {
        Open::new(self.path(name), 0).unwrap()
    }

    /// Has the daemon stop in an orderly way; returns when it has ended.
    pub(crate) fn stop(&self) {
        let mut daemon = self.daemon.lock().unwrap();
        drop(daemon.stdin.take());
        assert!(daemon.wait().unwrap().success());
    }

    /// Kills the daemon; returns when it has ended.
    pub(crate) fn kill(&self) {
        let mut daemon = self.daemon.lock().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let daemon = self.daemon.get_mut().unwrap();
        let _ = daemon.kill();
        let _ = daemon.wait();
    }
}

/// The other process: serves until its standard input ends.
pub(crate) fn daemon() {
    let variable = |name| std::env::var(name).unwrap();
    let map = match variable(KIND).as_str() {
        "Passthrough" => MapKind::Passthrough,
        "PageCache" => MapKind::PageCache,
        _ => MapKind::Auto,
    };
    let cards: usize = variable(CARDS).parse().unwrap();
    let nodes = (0..cards)
        .flat_map(|card| {
            [Node::Control, PLAYBACK].map(|node| NodeSpec::new(CardIndex(card), card as u32, node))
        })
        .collect();
    let config = MountConfig {
        map,
        ..MountConfig::new(nodes)
    };
    let (fd, mounted) = mount_at(Path::new(&variable(FOLDER)), &MountOptions::default()).unwrap();
    let mount = Mount::new(fd, mounted, config, 3).unwrap();
    let fakes = (0..cards).map(|_| Box::new(Fake::default()) as Box<dyn Service>);
    let server = Server::start(fakes.collect(), &[mount]).unwrap();
    if map != MapKind::Auto {
        assert_eq!(server.kinds(), [map]);
    }
    println!("{:?} ready", server.kinds());
    let _ = io::stdin().read_to_end(&mut Vec::new());
    server.stop();
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
        let served = Served::new(kind, 1);
        test(&served);
    }
}
