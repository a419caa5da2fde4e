//! `cuse-pcm run`: a private card for one command.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::{Command, ExitCode};

use clap::Args;

use super::daemon::Daemon;
use super::devices::AccessOptions;
use super::options::{CardOptions, Nodes};
use super::signals::Signals;
use super::{Failure, daemon, wait};
use crate::config::Config;
use crate::container;

pub(super) const EXAMPLES: &str = "\
The command and its children find the card in /dev/snd, and no other. The exit status is the command's own, 128 + N
when signal N killed it, 127 when it was not found, 126 when it could not be run, 125 when there is no card to give it.

Examples:
  cuse-pcm run -- aplay song.wav
  cuse-pcm run --playback wav:out.wav -- sh -c 'aplay a.wav; amixer'
  cuse-pcm run --playback loopback --capture loopback --substreams 2 -- bash";

/// No card could be given to the command.
const NO_CARD: u8 = 125;

#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    card: CardOptions,
    /// How programs reach the card's memory
    #[arg(long, value_enum, default_value_t = Nodes::Auto)]
    nodes: Nodes,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Run {
    /// Gives the card, runs the command, returns its exit status.
    pub(super) fn main(self) -> Result<ExitCode, Failure> {
        let config = self
            .card
            .plan()
            .map_err(|failure| failure.status(NO_CARD))?;
        in_private(&config, self.nodes, &self.command).map(ExitCode::from)
    }
}

/// Runs `command` with the cards of `config` as the only ones in `/dev/snd`. To be called before any thread is
/// started. Returns the exit status to be given.
pub(super) fn in_private(
    config: &Config,
    nodes: Nodes,
    command: &[OsString],
) -> Result<u8, Failure> {
    let (signals, daemon) = prepare(config, nodes).map_err(|failure| failure.status(NO_CARD))?;
    let status = wait_for(command, &signals);
    // The sound is complete when this returns.
    drop(daemon);
    status
}

fn prepare(config: &Config, nodes: Nodes) -> Result<(Signals, Daemon), Failure> {
    if nodes.devices() {
        return Err(Failure::new(
            "Character devices are there for the whole machine, not for one command",
        )
        .try_this("`cuse-pcm serve --nodes cuse` (or both), or `run` without --nodes"));
    }
    let signals =
        Signals::block().map_err(|error| Failure::new(format!("Cannot block signals: {error}")))?;
    container::enter()?;
    let at = container::snd_directory()?;
    let daemon = daemon::start(config, nodes, &at, &AccessOptions::default())?;
    Ok((signals, daemon))
}

/// Does what [`in_private`] does up to the command; tells what was made.
pub(super) fn probe() -> Result<String, Failure> {
    let kind = container::enter()?;
    let at = container::snd_directory()?;
    let how = match kind {
        container::Kind::Mount => "in a mount namespace",
        container::Kind::UserAndMount => "in a user namespace",
    };
    Ok(format!("{} can be made {how}\n", at.display()))
}

/// Starts the command and stands in for it.
fn wait_for(command: &[OsString], signals: &Signals) -> Result<u8, Failure> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| Failure::new("No command was given").status(NO_CARD))?;
    let name = program.to_string_lossy();
    let mut child = Command::new(program);
    child.args(arguments);
    // No descriptor of ours outlives exec, and the library resets SIGPIPE.
    Signals::unblock_for(&mut child);
    let child = child.spawn().map_err(|error| {
        let status = if error.kind() == ErrorKind::NotFound {
            127
        } else {
            126
        };
        Failure::new(format!("Cannot run {name}: {error}")).status(status)
    })?;
    wait::until_ended(&child, signals)
        .map_err(|error| Failure::new(format!("Cannot wait for {name}: {error}")).status(NO_CARD))
}
