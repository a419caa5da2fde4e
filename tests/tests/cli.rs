//! The program on the command line: what it says, what it returns, what it leaves behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cuse_pcm_tests::harness::{Kind, folder, kinds, program, run, run_command, wait_until, words};
use cuse_pcm_tests::wav_file::WavFile;

/// The program with these arguments, run to its end.
fn cuse_pcm(arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts that it fails with `status`, and that standard error holds all of `parts`.
fn assert_refused(output: &Output, status: i32, parts: &[&str]) {
    assert_eq!(output.status.code(), Some(status), "{}", words(output));
    let told = text(&output.stderr);
    for part in parts {
        assert!(told.contains(part), "no {part:?} in: {told}");
    }
}

#[test]
fn help_teaches_by_examples() {
    for arguments in [&["--help"][..], &["run", "--help"], &["serve", "--help"]] {
        let output = cuse_pcm(arguments);
        assert!(output.status.success(), "{}", words(&output));
        assert!(text(&output.stdout).contains("Examples:"), "{arguments:?}");
    }
}

#[test]
fn version_is_told() {
    let output = cuse_pcm(&["--version"]);
    assert_eq!(
        text(&output.stdout),
        concat!("cuse-pcm ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_wrong_command_line_returns_2() {
    assert_eq!(cuse_pcm(&[]).status.code(), Some(2));
    assert_eq!(cuse_pcm(&["run"]).status.code(), Some(2));
    assert_eq!(
        cuse_pcm(&["run", "--card", "99", "--", "true"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let doctor = format!("{} doctor | true", program().display());
    let output = Command::new("sh").args(["-c", &doctor]).output().unwrap();
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn run_returns_the_command_s_exit_status() {
    for kind in kinds() {
        for (script, status) in [
            ("exit 0", 0),
            ("exit 7", 7),
            ("exit 255", 255),
            ("kill -TERM $$", 143),
            ("kill -KILL $$", 137),
        ] {
            let output = run(kind, &[], &["sh", "-c", script]);
            assert_eq!(
                output.status.code(),
                Some(status),
                "{kind:?} {script}: {}",
                words(&output)
            );
        }
    }
}

#[test]
fn a_command_that_is_not_there_returns_127() {
    let output = run(Kind::Root, &[], &["no-such-command"]);
    assert_refused(&output, 127, &["no-such-command"]);
}

#[test]
fn a_command_that_cannot_be_executed_returns_126() {
    let output = run(Kind::Root, &[], &["/etc/passwd"]);
    assert_refused(&output, 126, &["/etc/passwd"]);
}

#[test]
fn the_command_sees_only_this_card() {
    for kind in kinds() {
        let output = run(kind, &["--card", "3"], &["ls", "/dev/snd"]);
        let mut names: Vec<_> = text(&output.stdout).lines().map(str::to_owned).collect();
        names.sort();
        assert_eq!(
            names,
            ["controlC3", "pcmC3D0c", "pcmC3D0p"],
            "{kind:?} {}",
            words(&output)
        );
    }
}

#[test]
fn the_command_finds_the_rest_of_dev_as_it_was() {
    let script = "for f in null zero full random urandom tty ptmx fd stdin stdout stderr pts shm; do
                      [ -e /dev/$f ] || echo no $f; done
                  echo > /dev/null; head -c 4 /dev/zero | wc -c; script -qec 'tty' /dev/null </dev/null";
    for kind in kinds() {
        let output = run(kind, &[], &["sh", "-c", script]);
        let told = text(&output.stdout);
        assert!(output.status.success(), "{}", words(&output));
        assert!(!told.contains("no "), "{kind:?} {told}");
        assert!(
            told.contains("/pts/"),
            "{kind:?}: pseudo-terminals work: {told}"
        );
    }
}

#[test]
fn the_command_keeps_its_user_and_group() {
    let output = run(Kind::User, &[], &["sh", "-c", "id -u; id -g"]);
    assert_eq!(text(&output.stdout), "65534\n65534\n", "{}", words(&output));
    let output = run(Kind::Root, &[], &["id", "-u"]);
    assert_eq!(text(&output.stdout), "0\n", "{}", words(&output));
}

/// SIGPIPE, which the test harness ignores, in a mask.
const PIPE: u64 = 1 << 12;

#[test]
fn the_command_starts_with_no_signal_blocked_and_no_descriptor_of_ours() {
    // Without a shell, which blocks signals now and then.
    let told_by = |command: &[&str]| text(&run(Kind::Root, &[], command).stdout);
    let told = told_by(&["cat", "/proc/self/status"]);
    assert!(told.contains("SigBlk:\t0000000000000000"), "{told}");
    let ours = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("SigIgn:\t"));
        u64::from_str_radix(line.unwrap(), 16).unwrap() & 0x7fff_ffff & !PIPE
    };
    assert_eq!(ignored(&told), ignored(&ours), "{told}");
    let told = told_by(&["ls", "-l", "/proc/self/fd"]);
    assert!(told.contains("0 -> "), "{told}");
    for name in ["fuse", "memfd", "eventfd", "signalfd", "/dev/snd"] {
        assert!(!told.contains(name), "{name} in {told}");
    }
}

/// A `run` in the background whose command said that it started.
fn started(script: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let script = format!("echo started; {script}");
    let mut child = Command::new(program())
        .args(["run", "--", "bash", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // A job of its own, as a shell makes it: the kernel stops none that has no parent in its session.
        .process_group(0)
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    (child, out)
}

fn send(signal: &str, pid: u32) {
    let status = Command::new("kill")
        .args(["-s", signal, &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn signals_are_passed_on_to_the_command() {
    use std::io::Read as _;
    for signal in ["TERM", "INT", "HUP", "USR1", "USR2", "QUIT"] {
        // bash ignores SIGINT and SIGQUIT for nobody here: it runs the trap once `wait` is interrupted.
        let script =
            format!("trap 'kill $!; echo got {signal}; exit 5' {signal}; sleep 20 & echo; wait");
        let (mut child, mut out) = started(&script);
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        send(signal, child.id());
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap_or_default();
        assert_eq!(child.wait().unwrap().code(), Some(5), "{signal}: {rest}");
        assert!(rest.contains(&format!("got {signal}")), "{signal}: {rest}");
    }
}

/// The state letter of a process, as ps shows it.
fn state(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .unwrap_or("")
        .chars()
        .take(1)
        .collect()
}

#[test]
fn a_job_stops_and_goes_on_as_a_whole() {
    let (mut child, _out) = started("sleep 1; exit 4");
    send("TSTP", child.id());
    wait_until("it stops", Duration::from_secs(5), || {
        state(child.id()) == "T"
    });
    send("CONT", child.id());
    wait_until("it goes on", Duration::from_secs(5), || {
        state(child.id()) != "T"
    });
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

/// What `run` could leave behind on the host.
fn traces() -> (String, Vec<String>, String) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut names: Vec<_> = std::fs::read_dir("/dev")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let dev = std::fs::metadata("/dev").unwrap();
    (mounts, names, format!("{:?}", dev.modified().unwrap()))
}

#[test]
fn run_leaves_nothing_behind() {
    let before = traces();
    for kind in kinds() {
        let output = run(kind, &[], &["aplay", "-l"]);
        assert!(output.status.success(), "{kind:?} {}", words(&output));
    }
    // Not even when it is killed.
    let (mut child, _out) = started("sleep 20");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(traces(), before);
}

#[test]
fn what_a_killed_run_leaves_running_loses_its_card() {
    let (mut child, _out) = started("exec sleep 3");
    let card = format!("/proc/{}/root/dev/snd", child.id());
    assert!(Path::new(&card).join("controlC0").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!Path::new(&card).join("controlC0").exists());
}

/// Where the daemon maps pages of its own mount, the kernel writes them back while the daemon is dying.
#[test]
fn a_daemon_that_is_killed_while_it_plays_dies_and_its_clients_end() {
    for nodes in ["page-cache", "auto"] {
        for way in ["--mmap", "--nonblock"] {
            let mut child = Command::new(program())
                .args([
                    "run", "--nodes", nodes, "--", "aplay", "-v", way, "-D", "hw:0",
                ])
                .args(["-f", "dat", "-d", "60", "/dev/zero"])
                .stdin(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            let set_up = lines.any(|line| line.unwrap().contains("appl_ptr"));
            assert!(set_up, "{nodes} {way}: aplay told its set-up");
            std::thread::sleep(Duration::from_millis(300));
            child.kill().unwrap();
            wait_until("the daemon is dead", Duration::from_secs(5), || {
                child.try_wait().unwrap().is_some()
            });
            // aplay holds the other end of this.
            assert!(lines.count() < 100, "{nodes} {way}: aplay ends");
        }
    }
}

#[test]
fn an_absent_wav_to_record_from_is_told() {
    for kind in kinds() {
        let output = run(kind, &["--capture", "wav:/no/such.wav"], &["true"]);
        assert_refused(&output, 125, &["/no/such.wav"]);
    }
}

#[test]
fn a_recording_into_an_absent_folder_is_told() {
    let output = run(
        Kind::Root,
        &["--playback", "wav:/no/such/folder/out.wav"],
        &["true"],
    );
    assert_refused(&output, 125, &["/no/such/folder"]);
}

#[test]
fn an_unknown_backend_is_told_with_the_known_ones() {
    let output = run(Kind::Root, &["--playback", "pulse"], &["true"]);
    assert_refused(&output, 125, &["pulse", "null", "wav:PATH"]);
}

#[test]
fn an_impossible_id_is_told() {
    let output = run(Kind::Root, &["--id", "my card"], &["true"]);
    assert_refused(&output, 125, &["my card", "letters"]);
}

#[test]
fn a_machine_without_fuse_is_told_what_to_do() {
    let script = "mount --bind /dev/null /dev/fuse; umount /dev/fuse; mount -t tmpfs none /mnt;
                  cd /mnt && mkdir dev && for f in null zero urandom tty; do touch dev/$f; mount --bind /dev/$f dev/$f; done
                  mount --rbind dev /dev; exec \"$0\" \"$@\"";
    let hidden = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(program());
        command
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    assert_refused(
        &hidden(&["run", "--", "true"]),
        125,
        &["/dev/fuse", "modprobe fuse"],
    );
    let doctor = hidden(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{}", words(&doctor));
    assert!(
        text(&doctor.stdout).contains("MISSING"),
        "{}",
        words(&doctor)
    );
}

#[test]
fn doctor_says_that_run_works_here_and_in_json_too() {
    let output = cuse_pcm(&["doctor"]);
    assert!(output.status.success(), "{}", words(&output));
    assert!(text(&output.stdout).contains("`cuse-pcm run` works here"));
    let json: serde_json::Value =
        serde_json::from_slice(&cuse_pcm(&["doctor", "--json"]).stdout).unwrap();
    assert_eq!(json["can_run"], true);
    assert!(json["checks"].as_array().unwrap().len() > 5);
}

/// `serve` in a mount namespace of its own.
fn serve(arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "--"])
        .arg(program())
        .arg("serve");
    command.args(arguments).stdin(Stdio::null());
    command
}

#[test]
fn a_malformed_file_is_told_with_its_line_and_where_to_look() {
    let folder = folder();
    let file = folder.path().join("cards.toml");
    let at = folder.path().to_str().unwrap();
    let tell = |content: &str| {
        std::fs::write(&file, content).unwrap();
        serve(&["--config", file.to_str().unwrap(), "--at", at])
            .output()
            .unwrap()
    };
    let name = "cards.toml";
    assert_refused(&tell("[[card]\n"), 1, &[name, "line 1", "serve --help"]);
    let unknown = "[[card]]\nnumber = 0\ncolour = \"red\"\n";
    assert_refused(&tell(unknown), 1, &[name, "line 3", "colour", "number"]);
    let backend = "[[card]]\nnumber = 2\n[[card.pcm]]\nplayback = \"jack\"\n";
    assert_refused(&tell(backend), 1, &[name, "Card 2", "jack", "null"]);
    assert_refused(&tell(""), 1, &[name, "card"]);
}

#[test]
fn an_absent_file_is_told() {
    let output = serve(&["--config", "/no/such.toml"]).output().unwrap();
    assert_refused(&output, 1, &["/no/such.toml", "--config"]);
}

#[test]
fn an_absent_directory_is_told() {
    let output = serve(&["--at", "/no/such/dir"]).output().unwrap();
    assert_refused(&output, 1, &["/no/such/dir", "mkdir -p"]);
}

#[test]
fn a_card_number_in_use_is_told() {
    let folder = folder();
    std::fs::write(folder.path().join("controlC4"), "").unwrap();
    let at = folder.path().to_str().unwrap();
    let output = serve(&["--card", "4", "--at", at]).output().unwrap();
    assert_refused(&output, 1, &["4 is in use", "controlC4", "--card"]);
}

/// A `serve` that said it is ready, and the line.
fn ready(mut command: Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("ready: "), "{line:?}");
    (child, line)
}

#[test]
fn a_file_with_several_cards_is_served() {
    let folder = folder();
    let file = folder.path().join("cards.toml");
    let at = folder.path().join("snd");
    std::fs::create_dir(&at).unwrap();
    std::fs::write(
        &file,
        "[[card]]\nnumber = 1\nid = \"One\"\n[[card.pcm]]\n[[card.pcm]]\ncapture = \"none\"\nsubstreams = 2\n\
         [[card]]\nnumber = 6\nid = \"Six\"\n[[card.pcm]]\nplayback = \"loopback\"\ncapture = \"loopback\"\n",
    )
    .unwrap();
    let socket = folder.path().join("control");
    let [file, at, socket] = [&file, &at, &socket].map(|path| path.to_str().unwrap());
    let (mut child, line) = ready(serve(&["--config", file, "--at", at, "--socket", socket]));
    assert!(line.contains("card 1 (One), card 6 (Six)"), "{line}");
    let seen = format!("/proc/{}/root{at}", child.id());
    let mut names: Vec<_> = std::fs::read_dir(&seen)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let want = [
        "controlC1",
        "controlC6",
        "pcmC1D0c",
        "pcmC1D0p",
        "pcmC1D1p",
        "pcmC6D0c",
        "pcmC6D0p",
    ];
    assert_eq!(names, want);
    send("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn serve_ends_at_a_signal_and_unmounts() {
    let (folder, sockets) = (folder(), folder());
    let at = folder.path().to_str().unwrap();
    let before = traces();
    for signal in ["TERM", "INT"] {
        let mut command = Command::new(program());
        command.args(["serve", "--at", at]).stdin(Stdio::null());
        command.arg("--socket").arg(sockets.path().join("control"));
        let (mut child, _line) = ready(command);
        assert!(folder.path().join("controlC0").exists());
        send(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
        assert!(!folder.path().join("controlC0").exists());
        assert_eq!(traces().0, before.0, "{signal}");
    }
}

#[test]
fn serve_takes_over_from_a_daemon_that_was_killed() {
    let (folder, sockets) = (folder(), folder());
    let at = folder.path().to_str().unwrap();
    let serve_at = || {
        let mut command = Command::new(program());
        command.args(["serve", "--at", at]).stdin(Stdio::null());
        command.arg("--socket").arg(sockets.path().join("control"));
        ready(command).0
    };
    let before = traces();
    let mut killed = serve_at();
    killed.kill().unwrap();
    killed.wait().unwrap();
    let mut second = serve_at();
    assert!(folder.path().join("pcmC0D0p").exists());
    send("TERM", second.id());
    assert_eq!(second.wait().unwrap().code(), Some(0));
    assert_eq!(traces().0, before.0);
}

#[test]
fn serve_tells_systemd_when_it_is_ready() {
    let folder = folder();
    let at = folder.path().join("snd");
    std::fs::create_dir(&at).unwrap();
    let socket = folder.path().join("notify");
    let listener = UnixDatagram::bind(&socket).unwrap();
    listener
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut command = serve(&["--at", at.to_str().unwrap()]);
    command.arg("--socket").arg(folder.path().join("control"));
    command.env("NOTIFY_SOCKET", &socket);
    let (mut child, _line) = ready(command);
    let mut message = [0; 64];
    let length = listener.recv(&mut message).unwrap();
    assert_eq!(text(&message[..length]), "READY=1");
    send("TERM", child.id());
    child.wait().unwrap();
}

#[test]
fn demo_shows_the_melody_and_that_every_sample_arrived() {
    let folder = folder();
    let kept = folder.path().join("kept.wav");
    let begun = Instant::now();
    let output = cuse_pcm(&["demo", "--keep", kept.to_str().unwrap()]);
    assert!(output.status.success(), "{}", words(&output));
    let told = text(&output.stdout);
    for part in ["aplay -D hw:0", "█", "all 352000 samples equal"] {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
    assert!(!told.contains('\u{1b}'), "no colour outside a terminal");
    assert!(begun.elapsed() > Duration::from_secs(3), "in real time");
    assert!(WavFile::read(&kept).unwrap().data.len() >= 352_000 * 2);
}

#[test]
fn demo_without_aplay_says_what_to_install() {
    let output = Command::new(program())
        .arg("demo")
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    assert_refused(&output, 1, &["aplay", "apt-get install alsa-utils"]);
}

#[test]
fn the_log_is_on_standard_error_and_its_level_can_be_set() {
    let run = |level: &str| {
        let mut command = run_command(
            Kind::Root,
            &[] as &[&str],
            &["true"],
            Duration::from_secs(20),
        );
        command.env("CUSE_PCM_LOG", level).output().unwrap()
    };
    assert_eq!(text(&run("warn").stderr), "");
    let told = text(&run("trace").stderr);
    assert!(!told.is_empty());
    assert!(
        told.lines().all(|line| line.starts_with("cuse-pcm: ")),
        "{told}"
    );
}
