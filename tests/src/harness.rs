//! Starts the program and real clients on it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::place::{self, Nodes, Place, as_root, place};

/// The program under test: beside the test executable, in the same build.
///
/// # Panics
/// If it was not built.
#[must_use]
pub fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    let found = here
        .ancestors()
        .map(|folder| folder.join("cuse-pcm"))
        .find(|path| path.is_file());
    assert!(
        found.is_some(),
        "no cuse-pcm beside {}: run `cargo build` with the same profile first",
        here.display()
    );
    found.unwrap_or_default()
}

/// A kind of user and node that a test can be run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Root, passthrough nodes.
    Root,
    /// Root, page-cache nodes.
    RootPageCache,
    /// Somebody without privileges, in a user namespace.
    User,
}

/// All of them on this machine; in the virtual machine, the one of its [`place`](mod@crate::place), by the name of `Root`.
#[must_use]
pub fn kinds() -> Vec<Kind> {
    match place() {
        Some(_) => vec![Kind::Root],
        None => vec![Kind::Root, Kind::RootPageCache, Kind::User],
    }
}

/// The options of `cuse-pcm serve` for each kind of node that a test can be run on.
#[must_use]
pub fn served_kinds() -> Vec<&'static [&'static str]> {
    match place() {
        Some(_) => vec![&[]],
        None => vec![&["--nodes", "passthrough"], &["--nodes", "page-cache"]],
    }
}

/// The user and group that stand for somebody without privileges.
pub const NOBODY: u32 = 65534;

/// Runs the program `$0` as [`NOBODY`], in a mount namespace of its own. There `/dev/fuse` is open to all, as on any
/// distribution; and the program is reached through a descriptor, as the build's folder may be closed to others.
const AS_NOBODY: &str = "
    mount -t tmpfs -o mode=755 fuse /mnt && mknod -m 666 /mnt/fuse c 10 229 &&
    mount --bind /mnt/fuse /dev/fuse && umount -l /mnt || exit 99
    exec setpriv --reuid=65534 --regid=65534 --clear-groups /proc/self/fd/9 \"$@\" 9<\"$0\"";

/// Serves a card, as the words before `--` say, while a client runs, as the words behind it say. Run by root.
const AT_A_PLACE: &str = "
    said=$(mktemp); serve=(); while [ \"$1\" != -- ]; do serve+=(\"$1\"); shift; done; shift
    \"$0\" serve \"${serve[@]}\" >$said & serving=$!
    until grep -q ^ready: $said; do
        kill -0 $serving 2>/dev/null || { wait $serving; status=$?; rm $said; exit $status; }
        sleep 0.05
    done
    \"$@\"; status=$?
    kill $serving; wait $serving; rm $said; exit $status";

/// A card for one command, on the nodes of a place.
fn run_at<S: AsRef<OsStr>>(place: Place, card: &[S], command: &[S], limit: Duration) -> Command {
    let mut all = as_root("timeout");
    all.arg("--kill-after=5")
        .arg(format!("{}", limit.as_secs_f64() * 4.0));
    if place.nodes == Nodes::Mount {
        all.args(["unshare", "--mount", "--propagation", "private"]);
    }
    all.args(["bash", "-c", AT_A_PLACE]).arg(program());
    if place.nodes == Nodes::Cuse {
        all.args(["--nodes", "cuse"]);
    }
    all.args(card).arg("--").args(place::client(place));
    all.args(command).stdin(Stdio::null());
    all
}

/// `cuse-pcm run CARD -- COMMAND`, to be run as `kind` says. Ends after `limit` at the latest.
#[must_use]
pub fn run_command<S: AsRef<OsStr>>(
    kind: Kind,
    card: &[S],
    command: &[S],
    limit: Duration,
) -> Command {
    if let Some(place) = place() {
        return run_at(place, card, command, limit);
    }
    let mut all = Command::new("timeout");
    all.arg("--kill-after=5")
        .arg(format!("{}", limit.as_secs_f64()));
    if kind == Kind::User {
        all.args(["unshare", "--mount", "bash", "-c", AS_NOBODY]);
    }
    all.arg(program()).arg("run");
    if kind == Kind::RootPageCache {
        all.args(["--nodes", "page-cache"]);
    }
    all.args(card).arg("--").args(command).stdin(Stdio::null());
    all
}

/// Runs it to the end and gives what it printed.
///
/// # Panics
/// If it cannot be started (say, coreutils or util-linux are missing).
#[must_use]
pub fn run<S: AsRef<OsStr>>(kind: Kind, card: &[S], command: &[S]) -> Output {
    match run_command(kind, card, command, Duration::from_secs(60)).output() {
        Ok(output) => output,
        Err(e) => panic!("Cannot start `timeout`: {e}"),
    }
}

/// What a command printed, for a failed assertion.
#[must_use]
pub fn words(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{}\n--- stdout\n{out}\n--- stderr\n{err}", output.status)
}

/// Runs it and asserts that it succeeds.
///
/// # Panics
/// If it does not; with everything it printed.
pub fn run_ok<S: AsRef<OsStr>>(kind: Kind, card: &[S], command: &[S]) -> Output {
    let output = run(kind, card, command);
    assert!(output.status.success(), "{}", words(&output));
    output
}

/// A folder for one test, gone at its end; writable by [`NOBODY`] too.
///
/// # Panics
/// If none can be made.
#[must_use]
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir();
    let Ok(folder) = folder else {
        panic!("no temporary folder: {folder:?}")
    };
    open_to_all(folder.path());
    folder
}

/// Lets [`NOBODY`] read and write `path`.
pub fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = if path.is_dir() { 0o777 } else { 0o666 };
    let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
}

/// Waits until `done` holds.
///
/// # Panics
/// After `limit`, naming `what`.
pub fn wait_until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !done() {
        assert!(Instant::now() < end, "still not so after {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
