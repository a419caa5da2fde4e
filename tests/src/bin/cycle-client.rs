//! Adds a card to a running daemon, plays on it and removes it, again and again: `cycle-client SOCKET PID COUNT` ends with
//! status 0 if the daemon `PID` has no more descriptors, threads, mounts and devices then than after the first cycles,
//! and hardly more memory. The card's nodes are in /dev/snd.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helper fails loudly"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use cuse_pcm_tests::client::{PcmClient, Setup};

const ADD: &str = r#"{"add":{"card":{"number":9,"pcm":[{"free_run":true}]}}}"#;
const REMOVE: &str = r#"{"remove":{"card":"9"}}"#;
const NODE: &str = "/dev/snd/pcmC9D0p";
/// After so many everything that is made once has been made.
const WARM: u32 = 100;

fn main() {
    let [socket, pid, count] = [1, 2, 3].map(|n| std::env::args().nth(n).unwrap());
    let count: u32 = count.parse().unwrap();
    let mut daemon = Peer::new(&socket);
    let mut warm = None;
    for cycle in 0..count {
        if cycle == WARM {
            warm = Some(Left::of(&pid));
        }
        if cycle % 50 == 0 {
            println!("before {cycle}: {:?}", Left::of(&pid));
        }
        daemon.add();
        play();
        let said = daemon.ask(REMOVE);
        assert!(said.starts_with(r#"{"removed":{"number":9"#), "{said}");
        assert!(
            !Path::new(NODE).exists(),
            "{NODE} is there after cycle {cycle}"
        );
    }
    let warm = warm.unwrap();
    let since = Instant::now();
    let mut now = Left::of(&pid);
    // The last device goes a moment after its last close.
    while now.counts != warm.counts && since.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(50));
        now = Left::of(&pid);
    }
    println!("after {WARM}: {warm:?}\nafter {count}: {now:?}");
    assert_eq!(
        now.counts, warm.counts,
        "descriptors, threads, mounts, devices"
    );
    assert!(now.kilobytes < warm.kilobytes + 2048, "memory grew");
}

fn play() {
    let pcm = PcmClient::open(Path::new(NODE), 0).unwrap();
    let setup = Setup::default();
    pcm.set_up(&setup).unwrap();
    let frames = u64::from(setup.buffer) * 2;
    let data = vec![0u8; setup.buffer as usize * 8];
    assert_eq!(pcm.writei(&data, frames).unwrap(), frames);
}

/// The control connection.
struct Peer(BufReader<UnixStream>);

impl Peer {
    fn new(socket: &str) -> Peer {
        Peer(BufReader::new(UnixStream::connect(socket).unwrap()))
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.0.get_mut(), "{line}").unwrap();
        let mut said = String::new();
        self.0.read_line(&mut said).unwrap();
        said
    }

    /// The kernel may not have told of the last close yet: then the number is still in use.
    fn add(&mut self) {
        let since = Instant::now();
        loop {
            let said = self.ask(ADD);
            if said.starts_with(r#"{"added":{"number":9"#) {
                return;
            }
            let early = said.contains("in use") && since.elapsed() < Duration::from_secs(10);
            assert!(early, "{said}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What there is of a daemon.
#[derive(Debug)]
struct Left {
    counts: [usize; 4],
    kilobytes: u64,
}

impl Left {
    fn of(pid: &str) -> Left {
        let entries = |path: &str| std::fs::read_dir(path).map_or(0, Iterator::count);
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let resident = status
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:"))
            .unwrap();
        Left {
            counts: [
                entries(&format!("/proc/{pid}/fd")),
                entries(&format!("/proc/{pid}/task")),
                mounts.matches("cuse-pcm").count(),
                entries("/sys/class/cuse"),
            ],
            kilobytes: resident.trim().trim_end_matches(" kB").parse().unwrap(),
        }
    }
}
