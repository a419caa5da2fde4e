//! A running daemon is asked to add, remove and show cards, on mounted nodes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cuse_pcm_tests::client::{PcmClient, STATUS_OFFSET, Setup};
use cuse_pcm_tests::harness::{folder, program, served_kinds, wait_until, words};
use cuse_pcm_tests::served::Served;
use serde_json::Value;

const ENODEV: Option<i32> = Some(19);

/// A daemon with its control socket.
struct Daemon {
    served: Served,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Daemon {
    fn start(kind: &[&str]) -> Daemon {
        let folder = folder();
        let socket = folder.path().join("control");
        let served = Served::start(&[kind, &["--socket", socket.to_str().unwrap()]].concat());
        Daemon {
            served,
            socket,
            _folder: folder,
        }
    }

    fn ask(&self, what: &[&str]) -> Output {
        Command::new(program())
            .args(what)
            .arg("--socket")
            .arg(&self.socket)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn done(&self, what: &[&str]) -> String {
        let output = self.ask(what);
        assert!(output.status.success(), "{what:?}: {}", words(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn refused(&self, what: &[&str]) -> String {
        let output = self.ask(what);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{what:?}: {}",
            words(&output)
        );
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.done(&["status", "--json"])).unwrap()
    }

    fn numbers(&self) -> Vec<u64> {
        let status = self.status();
        let cards = status["cards"].as_array().unwrap();
        cards
            .iter()
            .map(|card| card["number"].as_u64().unwrap())
            .collect()
    }
}

#[test]
fn cards_come_and_go_while_a_daemon_runs() {
    for kind in served_kinds() {
        let daemon = Daemon::start(kind);
        let mode = std::fs::metadata(&daemon.socket)
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let added = daemon.done(&["add"]);
        assert!(added.starts_with("added: card 1 (CUSE_1) in "), "{added}");
        daemon.done(&["add", "--card", "9", "--id", "Tape"]);
        assert_eq!(daemon.numbers(), [0, 1, 9], "{kind:?}");
        assert!(
            daemon
                .refused(&["add", "--card", "9"])
                .contains("Card number 9 is in use")
        );
        assert!(daemon.refused(&["add", "--id", "Tape"]).contains("--id"));
        assert!(
            daemon
                .refused(&["add", "--playback", "wav:/no/such/x.wav"])
                .contains("/no/such/x.wav")
        );
        assert!(
            daemon
                .refused(&["remove", "5"])
                .contains("There is no card 5")
        );
        assert!(daemon.served.node("pcmC9D0p").exists());
        assert_eq!(daemon.done(&["remove", "Tape"]), "removed: card 9 (Tape)\n");
        assert!(!daemon.served.node("pcmC9D0p").exists());
        assert_eq!(daemon.numbers(), [0, 1]);
    }
}

#[test]
fn clients_of_a_removed_card_get_enodev_and_status_names_them_before() {
    for kind in served_kinds() {
        let daemon = Daemon::start(kind);
        daemon.done(&["add", "--card", "4"]);
        let pcm = PcmClient::open(&daemon.served.node("pcmC4D0p"), 0).unwrap();
        pcm.set_up(&Setup::default()).unwrap();
        let page = pcm.map(STATUS_OFFSET, 4096).unwrap();
        let status = daemon.status();
        let stream = &status["cards"][1]["streams"][0];
        assert_eq!(stream["state"], "PREPARED", "{status}");
        assert_eq!(stream["parameters"]["rate"], 48000);
        assert_eq!(stream["owners"][0]["pid"], std::process::id());
        assert!(daemon.done(&["status"]).contains("S16_LE 48000 Hz 2 ch"));
        daemon.done(&["remove", "4"]);
        assert_eq!(pcm.status().unwrap_err().raw_os_error(), ENODEV);
        assert_eq!(
            page.u64_at(0) & 0xffff_ffff,
            8,
            "{kind:?}: the state is DISCONNECTED"
        );
        // The number is free although somebody has the old card open.
        daemon.done(&["add", "--card", "4"]);
        let next = PcmClient::open(&daemon.served.node("pcmC4D0p"), 0).unwrap();
        next.set_up(&Setup::default()).unwrap();
        assert_eq!(pcm.status().unwrap_err().raw_os_error(), ENODEV);
    }
}

#[test]
fn peers_that_say_nothing_or_nonsense_keep_nobody_waiting() {
    let daemon = Daemon::start(served_kinds()[0]);
    let connect = || UnixStream::connect(&daemon.socket).unwrap();
    let silent: Vec<UnixStream> = (0..5).map(|_| connect()).collect();
    let mut hostile = connect();
    hostile
        .write_all(b"{\"status\":{}} x\n{\"add\":{\"card\":{\"pcm\":[{\"substreams\":1e9}]}}}\n")
        .unwrap();
    hostile.write_all(&[b'x'; 70_000]).unwrap();
    let mut said = String::new();
    BufReader::new(&hostile).read_line(&mut said).unwrap();
    assert!(said.starts_with("{\"failed\":"), "{said}");
    assert_eq!(daemon.numbers(), [0]);
    hostile
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut rest = String::new();
    let _ = hostile.read_to_string(&mut rest);
    assert!(rest.contains("65536 bytes"), "{rest}");
    let more: Vec<UnixStream> = (0..5).map(|_| connect()).collect();
    wait_until("there is room again", Duration::from_secs(60), || {
        daemon.ask(&["status"]).status.success()
    });
    drop((silent, more));
}

#[test]
fn without_a_daemon_it_is_said_where_one_was_looked_for() {
    let output = Command::new(program())
        .args(["status", "--socket", "/no/such/socket"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("/no/such/socket") && said.contains("try: start one"),
        "{said}"
    );
}

#[test]
fn nodes_of_mounts_have_the_owner_and_the_mode_that_were_asked_for() {
    use std::os::unix::fs::MetadataExt as _;
    for kind in served_kinds() {
        let access = ["--owner", "65534", "--group", "5", "--mode", "640"];
        let served = Served::start(&[kind, &access].concat());
        let node = std::fs::metadata(served.node("pcmC0D0p")).unwrap();
        assert_eq!(
            (node.uid(), node.gid(), node.mode() & 0o777),
            (65534, 5, 0o640)
        );
    }
}
