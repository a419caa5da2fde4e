//! `cuse-pcm serve`: cards for everyone, in the foreground.

mod directory;
mod ready;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use super::control::SocketOption;
use super::control::listener::{Listener, Shared};
use super::daemon::Daemon;
use super::devices::AccessOptions;
use super::options::{CardOptions, Nodes, check};
use super::signals::Signals;
use super::{Failure, buffers, daemon};
use crate::config::{Config, MAX_CARD};
use crate::container::SND_DIRECTORY;
use crate::transport::cuse::device_node;
use directory::Directory;
pub(super) use directory::end_dead_mount;

pub(super) const EXAMPLES: &str = "\
Serves in the foreground; when programs can open the card it prints a line that begins with `ready:` (and tells systemd,
if that started it). SIGTERM or Ctrl-C ends it and unmounts. Meanwhile `cuse-pcm add`, `remove` and `status` talk to it over
its control socket.

A file for --config may hold several cards, each with several PCM devices (relative paths start from where serve runs):

  [[card]]
  number = 0                        # required: 0 to 31
  id = \"Studio\"                     # hw:Studio; default CUSE; every card its own
  name = \"Studio in user space\"     # for people
  memory.card = \"32M\"               # all rings of the card; this is the default
  memory.user = \"8M\"                # all rings of one user, on all cards; default no limit

  [[card.pcm]]                      # hw:Studio,0
  playback = \"wav:/tmp/out.wav\"     # null (default), wav:PATH, loopback, none
  capture = \"none\"

  [[card.pcm]]                      # hw:Studio,1
  name = \"Cable\"
  playback = \"loopback\"             # what is played ...
  capture = \"loopback\"              # ... is recorded
  substreams = 4                    # default 1
  free_run = false                  # default: keep real time
  buffer.preallocate = \"64k\"        # set aside for each substream; default nothing
  buffer.max = \"1M\"                 # largest ring; default what is preallocated, else what the device can do
  buffer.explicit_sync = false      # true: the device works on memory of its own
  buffer.dma_buf = false            # true: offer mapped access on devices, too, for programs that map a dma-buf

  [[card]]                          # names, devices and limits of a card of this machine
  number = 2
  like = \"hw:0\"

Examples:
  cuse-pcm serve                                            card 0 in /dev/snd (root)
  cuse-pcm serve --config cards.toml
  cuse-pcm serve --nodes cuse                               character devices beside real cards (root), lowest free number
  cuse-pcm serve --nodes both --card 7                      the same as card 7, and programs can map it (Linux 6.9)
  cuse-pcm serve --at /run/snd --playback wav:out.wav       in a directory that exists, to be bound into a container";

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    card: CardOptions,
    /// How programs reach the card's memory
    #[arg(long, value_enum, default_value_t = Nodes::Auto)]
    nodes: Nodes,
    /// Describe the cards in a TOML file instead
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["card", "id", "playback", "capture", "substreams", "free_run", "like"],
          conflicts_with_all = buffers::NAMES)]
    config: Option<PathBuf>,
    /// The directory that shall hold the nodes
    #[arg(long, value_name = "DIR", default_value = SND_DIRECTORY)]
    at: PathBuf,
    #[command(flatten)]
    access: AccessOptions,
    #[command(flatten)]
    socket: SocketOption,
}

impl Serve {
    /// Serves until a signal ends it.
    pub(super) fn main(self) -> Result<ExitCode, Failure> {
        let config = self.plan()?;
        let signals = Signals::block()
            .map_err(|error| Failure::new(format!("Cannot block signals: {error}")))?;
        let (daemon, directory) = self.start(&config)?;
        let daemon: Shared = Arc::new(Mutex::new(Some(daemon)));
        let listener = self.listen(&daemon)?;
        ready::tell(&config, &self.at)?;
        let ended = until_ended(&signals);
        drop(listener);
        // Before the directory goes.
        drop(daemon.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(directory);
        ended.map(|()| ExitCode::SUCCESS)
    }

    /// Serves; with the directory that was made for it, if nodes are mounted.
    fn start(&self, config: &Config) -> Result<(Daemon, Option<Directory>), Failure> {
        let nodes = self.nodes;
        if !nodes.devices() {
            let directory = Directory::take(&self.at, config)?;
            let daemon = daemon::start(config, nodes, directory.path(), &self.access)?;
            return Ok((daemon, Some(directory)));
        }
        if self.at != Path::new(SND_DIRECTORY) {
            return Err(
                Failure::new(format!("The kernel makes devices in {SND_DIRECTORY} only"))
                    .try_this("--nodes cuse without --at, or --at with another kind of nodes"),
            );
        }
        let daemon = daemon::start(config, nodes, &self.at, &self.access)?;
        Ok((daemon, None))
    }

    /// Opens the control socket. That another daemon has the default one is no failure.
    fn listen(&self, daemon: &Shared) -> Result<Option<Listener>, Failure> {
        let Some(path) = self.socket.path() else {
            log::info!("No control socket: XDG_RUNTIME_DIR is not set, and no --socket was given");
            return Ok(None);
        };
        let error = match Listener::open(&path, daemon) {
            Ok(listener) => return Ok(Some(listener)),
            Err(error) => error,
        };
        let what = match error.kind() {
            ErrorKind::AddrInUse => format!("Another daemon listens at {}", path.display()),
            _ => format!("Cannot listen at {}: {error}", path.display()),
        };
        if self.socket.given().is_some() {
            return Err(Failure::new(what).try_this("another path with --socket"));
        }
        log::warn!("{what}: add, remove and status need --socket to reach this one");
        Ok(None)
    }

    /// The number of the one card that options describe.
    fn number(&self) -> Result<u32, Failure> {
        match self.card.card {
            Some(number) => Ok(number),
            None if self.nodes.devices() => (0..=MAX_CARD)
                .find(|&number| device_node::holder(number).is_none())
                .ok_or_else(daemon::none_free),
            None => Ok(0),
        }
    }

    fn plan(&self) -> Result<Config, Failure> {
        let Some(path) = &self.config else {
            return self.card.plan_as(self.number()?);
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(format!("Cannot read {}: {error}", path.display()))
                .try_this("check the path after --config")
        })?;
        let config = Config::parse(&text).and_then(|mut config| {
            check(&config)?;
            config.look_up()?;
            Ok(config)
        });
        config.map_err(|error| {
            Failure::new(format!(
                "{} does not describe cards. {error}",
                path.display()
            ))
            .try_this("compare it with the example in `cuse-pcm serve --help`")
        })
    }
}

/// Waits for a signal that asks to end.
fn until_ended(signals: &Signals) -> Result<(), Failure> {
    loop {
        let signal = signals
            .next()
            .map_err(|error| Failure::new(format!("Cannot wait for signals: {error}")))?;
        if matches!(
            signal.number,
            libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT
        ) {
            log::info!("Signal {} ends it", signal.number);
            return Ok(());
        }
    }
}
