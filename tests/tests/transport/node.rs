//! A client's calls on a node, and what they go to: a mount, or devices where the tests run on devices.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use cuse_pcm::request::Node;
use cuse_pcm::server::{Server, Service};
use cuse_pcm::transport::CardIndex;
use cuse_pcm::transport::cuse::Cuse;
use cuse_pcm::transport::cuse::device_node::{self, Access};
use cuse_pcm::transport::mount::{MapKind, Mount, MountConfig};
use cuse_pcm::transport::mounting::{MountOptions, mount_at};
use cuse_pcm::transport::nodes::NodeSpec;
use cuse_pcm::transport::opens::Opens;
use cuse_pcm_tests::place::{Nodes, Place, as_root, place};
use hw_backends::units::Direction;

use crate::service::{Fake, PEEK, POKE};

/// `pcmC0D0p`.
pub(crate) const PLAYBACK: Node = Node::Pcm {
    device: 0,
    direction: Direction::Playback,
};

/// Served nodes, by another process, which is killed when this is dropped. Mounts are in a namespace of its own on this
/// machine.
#[derive(Debug)]
pub(crate) struct Served {
    daemon: Mutex<Child>,
    /// Open as long as the daemon may speak.
    _said: BufReader<ChildStdout>,
    /// Where the nodes are, for a client.
    root: PathBuf,
    /// The first card's number.
    number: u32,
    _folder: tempfile::TempDir,
}

const KIND: &str = "TRANSPORT_TEST_KIND";
const CARDS: &str = "TRANSPORT_TEST_CARDS";
const FOLDER: &str = "TRANSPORT_TEST_FOLDER";
const NUMBER: &str = "TRANSPORT_TEST_NUMBER";

/// Whether the tests run on devices.
fn on_devices() -> bool {
    place().is_some_and(|place| place.nodes == Nodes::Cuse)
}

/// The daemon's process, which is this program. In the virtual machine it needs no namespace.
fn this_program(place: Option<Place>) -> Command {
    let program = std::env::current_exe().unwrap();
    if place.is_some() {
        return as_root(program.to_str().unwrap());
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]);
    command.arg(program);
    command
}

impl Served {
    /// Serves `cards` fakes from another process: a client in the daemon's own would wait for itself. Devices share no
    /// memory, whatever `map` says.
    pub(crate) fn new(map: MapKind, cards: usize) -> Served {
        let folder = tempfile::tempdir().unwrap();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Pairs of numbers, each free again when the others have been used.
        let next = NEXT.fetch_add(2, Ordering::Relaxed) % 24;
        let number = if on_devices() { 8 + next } else { 0 };
        let mut daemon = this_program(place())
            .args(["--exact", "the_daemon", "--ignored", "--nocapture"])
            .env(KIND, format!("{map:?}"))
            .env(NUMBER, number.to_string())
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
        let root = match place() {
            None => PathBuf::from(format!(
                "/proc/{}/root{}",
                daemon.id(),
                folder.path().display()
            )),
            Some(_) if on_devices() => PathBuf::from("/dev/snd"),
            Some(_) => folder.path().to_owned(),
        };
        let served = Served {
            daemon: Mutex::new(daemon),
            _said: said,
            root,
            number,
            _folder: folder,
        };
        assert!(ready, "the daemon did not start");
        served
    }

    /// The directory of the nodes.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of the node that has this name if the first card's number is 0.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let mut name = name.to_owned();
        for card in [1, 0] {
            name = name.replacen(&format!("C{card}"), &format!("C{}", self.number + card), 1);
        }
        self.root.join(name)
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
    let first: u32 = variable(NUMBER).parse().unwrap();
    let nodes: Vec<NodeSpec> = (0..cards)
        .flat_map(|card| {
            let spec = |node| NodeSpec::new(CardIndex(card), first + card as u32, node);
            [Node::Control, PLAYBACK].map(spec)
        })
        .collect();
    let fakes = (0..cards).map(|_| Box::new(Fake::default()) as Box<dyn Service>);
    let fakes = fakes.collect();
    let server = if on_devices() {
        serve_devices(fakes, nodes)
    } else {
        serve_mount(fakes, nodes, map, Path::new(&variable(FOLDER)))
    };
    println!("{:?} ready", server.kinds());
    let _ = io::stdin().read_to_end(&mut Vec::new());
    server.stop();
}

fn serve_mount(
    fakes: Vec<Box<dyn Service>>,
    nodes: Vec<NodeSpec>,
    map: MapKind,
    folder: &Path,
) -> Server {
    let config = MountConfig {
        map,
        ..MountConfig::new(nodes)
    };
    let (fd, mounted) = mount_at(folder, &MountOptions::default()).unwrap();
    let mount = Mount::new(fd, mounted, config, 3).unwrap();
    let server = Server::start(fakes, &[mount]).unwrap();
    if map != MapKind::Auto {
        assert_eq!(server.kinds(), [map]);
    }
    server
}

fn serve_devices(fakes: Vec<Box<dyn Service>>, nodes: Vec<NodeSpec>) -> Server {
    let mut server = Server::start(fakes, &[]).unwrap();
    let opens = Opens::default();
    for (connection, spec) in (0..).zip(nodes) {
        let name = spec.name.clone();
        let device = Cuse::open(spec, connection, opens.beside()).unwrap();
        server.add_device(&device).unwrap();
        device.set_number(device_node::settle(&name, &Access::default()).unwrap());
    }
    server
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

/// The ways to share memory; on devices one that stands for none.
pub(crate) fn ways() -> &'static [MapKind] {
    if on_devices() {
        &[MapKind::Auto]
    } else {
        &[MapKind::Passthrough, MapKind::PageCache]
    }
}

/// Runs `test` for both ways to share memory, once on devices.
pub(crate) fn both(test: impl Fn(&Served)) {
    for &kind in ways() {
        let served = Served::new(kind, 1);
        test(&served);
    }
}
