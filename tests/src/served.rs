//! A card that `cuse-pcm serve` presents in a mount namespace of its own, reachable from the test through `/proc`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::harness::{folder, program};

/// A served card; ends, with its mount, when dropped.
#[derive(Debug)]
pub struct Served {
    child: Child,
    folder: tempfile::TempDir,
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
        // A mount namespace of its own: nothing stays mounted, whatever happens to the test.
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "--"])
            .arg(program())
            .arg("serve")
            .arg("--at")
            .arg(&at);
        let child = command
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            panic!("Cannot start `unshare`: {child:?}")
        };
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            let _ = BufReader::new(out).read_line(&mut line);
        }
        let served = Served { child, folder };
        assert!(
            line.starts_with("ready"),
            "serve said {line:?} instead of that it is ready"
        );
        served
    }

    /// The daemon's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The path of a node, for root outside the namespace.
    #[must_use]
    pub fn node(&self, name: &str) -> PathBuf {
        let at = self.folder.path().join("snd").join(name);
        PathBuf::from(format!("/proc/{}/root{}", self.child.id(), at.display()))
    }

    /// Kills the daemon with SIGKILL and reaps it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How many descriptors the daemon has open.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
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
    }
}
