//! Where the cards of the integration tests are.
//!
//! On this machine: on mounts that each test chooses. In the virtual machine the same test programs run again, and the
//! variable [`PLACE`] says on which nodes, and as whom their clients run.

use std::process::Command;

/// The environment variable: `cuse-root`, `cuse-user`, `mount-root` or `mount-user`.
pub const PLACE: &str = "CUSE_PCM_TEST_PLACE";

/// The nodes of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// Character devices in `/dev/snd`, made by root. They cannot be mapped.
    Cuse,
    /// Passthrough nodes, mounted by root.
    Mount,
}

/// Nodes, and whose clients use them. The daemon is root's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which nodes.
    pub nodes: Nodes,
    /// Clients are a user's of group audio, not root's. Then this process itself is that user, in all but the real user
    /// id, which lets it start the daemon.
    pub user: bool,
}

/// All that there are.
pub const PLACES: [(&str, Place); 4] = [
    ("cuse-root", place_of(Nodes::Cuse, false)),
    ("cuse-user", place_of(Nodes::Cuse, true)),
    ("mount-root", place_of(Nodes::Mount, false)),
    ("mount-user", place_of(Nodes::Mount, true)),
];

const fn place_of(nodes: Nodes, user: bool) -> Place {
    Place { nodes, user }
}

/// The place that the environment names; `None` on this machine.
///
/// # Panics
/// If it names another one.
#[must_use]
pub fn place() -> Option<Place> {
    let name = std::env::var(PLACE).ok()?;
    let known = PLACES.iter().find(|(known, _)| *known == name);
    assert!(known.is_some(), "{PLACE} names no place: {name}");
    known.map(|(_, place)| *place)
}

/// Whether the nodes here can be mapped.
#[must_use]
pub fn mappable() -> bool {
    place().is_none_or(|place| place.nodes == Nodes::Mount)
}

/// `all` repetitions of something, or as many as an emulated processor does in the time.
#[must_use]
pub fn repetitions(all: u64) -> u64 {
    if place().is_some() {
        (all / 40).max(1)
    } else {
        all
    }
}

/// How many times longer than here something may take: an emulated processor is slow.
#[must_use]
pub fn patience() -> u32 {
    if place().is_some() { 20 } else { 1 }
}

/// A command that is going to be root's, its words to follow; whoever this process is.
#[must_use]
pub fn as_root(program: &str) -> Command {
    if !place().is_some_and(|place| place.user) {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--euid=0", "--egid=0", "--keep-groups", program]);
    command
}

/// The words before a client's command that make it the client of this place; run by root.
#[must_use]
pub fn client(place: Place) -> &'static [&'static str] {
    if place.user {
        &["setpriv", "--reuid=1000", "--regid=1000", "--init-groups"]
    } else {
        &[]
    }
}

/// The words before a test program that make it one of a place; run by root.
#[must_use]
pub fn tester(place: Place) -> &'static [&'static str] {
    if place.user {
        &[
            "setpriv",
            "--euid=1000",
            "--egid=1000",
            "--groups=audio,user",
        ]
    } else {
        &[]
    }
}
