//! A card that `cuse-pcm serve` presents in a mount namespace of its own, reachable from the test through `/proc`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::harness::{folder, program};
use crate::place::{Nodes, as_root, place};

/// A served card; ends, with its mount, when dropped.
#[derive(Debug)]
pub struct Served {
    child: Child,
    nodes: PathBuf,
    card: u32,
    said: PathBuf,
    _folder: tempfile::TempDir,
}

/// In a mount namespace of its own: nothing stays mounted, whatever happens to the test.
fn in_a_namespace(at: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "--"])
        .arg(program())
        .args(["serve", "--at"])
        .arg(at);
    command
}

/// Where the machine ends with the tests. Gives the card's number, too: devices are everybody's.
fn in_the_open(nodes: Nodes, at: &Path) -> (Command, u32) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut command = as_root(&program().to_string_lossy());
    command.arg("serve");
    if nodes == Nodes::Mount {
        command.arg("--at").arg(at);
        return (command, 0);
    }
    let card = 8 + NEXT.fetch_add(1, Ordering::Relaxed) % 24;
    command.args(["--nodes", "cuse", "--card", &card.to_string()]);
    (command, card)
}

impl Served {
    /// Serves a card made with `options` and waits until it says that it is ready.
    ///
    /// # Panics
    /// If it does not become ready.
    #[must_use]
    pub fn start(options: &[&str]) -> Served {
        let folder = folder();
        let at = folder.path().join("snd");
        let made = std::fs::create_dir(&at);
        assert!(made.is_ok(), "{made:?}");
        let (mut command, card) = match place() {
            None => (in_a_namespace(&at), 0),
            Some(place) => in_the_open(place.nodes, &at),
        };
        if !options.contains(&"--socket") {
            command.arg("--socket").arg(folder.path().join("control"));
        }
        let said = folder.path().join("said");
        let Ok(errors) = File::create(&said) else {
            panic!("Cannot write {}", said.display())
        };
        let child = command
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn();
        let Ok(mut child) = child else {
            panic!("Cannot start {command:?}: {child:?}")
        };
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            let _ = BufReader::new(out).read_line(&mut line);
        }
        let nodes = match place() {
            None => PathBuf::from(format!("/proc/{}/root{}", child.id(), at.display())),
            Some(place) if place.nodes == Nodes::Mount => at,
            Some(_) => PathBuf::from("/dev/snd"),
        };
        let served = Served {
            child,
            nodes,
            card,
            said,
            _folder: folder,
        };
        assert!(
            line.starts_with("ready"),
            "serve said {line:?} instead of that it is ready, and {}",
            served.said()
        );
        served
    }

    /// The daemon's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it said on standard error so far.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// The path of a node of the card, named as if its number were 0.
    #[must_use]
    pub fn node(&self, name: &str) -> PathBuf {
        self.nodes
            .join(name.replacen("C0", &format!("C{}", self.card), 1))
    }

    /// Kills the daemon with SIGKILL and reaps it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How many descriptors the daemon has open.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        let listed = as_root("ls")
            .arg(format!("/proc/{}/fd", self.pid()))
            .output();
        listed.map_or(0, |listed| listed.stdout.split(|b| *b == b'\n').count())
    }

    /// The daemon's resident anonymous and shared memory, KiB.
    #[must_use]
    pub fn memory_kib(&self) -> u64 {
        let text =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = |name| {
            text.lines().find_map(|l: &str| {
                l.strip_prefix(name)?
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
        };
        line("RssAnon:").unwrap_or(0) + line("RssShmem:").unwrap_or(0)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
        // For whoever looks into a test that failed.
        eprint!("{}", self.said());
    }
}
