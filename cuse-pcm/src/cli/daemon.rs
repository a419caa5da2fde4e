//! Cards, their mount and the server, joined.

use std::path::Path;
use std::sync::Arc;

use hw_backends::hardware::info;
use hw_backends::registry::Options;
use hw_backends::units::Direction;

use super::Failure;
use super::options::Nodes;
use crate::card::Card;
use crate::config::{self, Common, Config};
use crate::file::Files;
use crate::request::Node;
use crate::server::{Server, Service};
use crate::transport::CardIndex;
use crate::transport::mount::{MapKind, Mount, MountConfig};
use crate::transport::mounting::{MountOptions, mount_at};
use crate::transport::nodes::NodeSpec;

/// Cards that are served until this is dropped.
#[derive(Debug)]
pub(super) struct Daemon {
    /// Ends its threads and its mount when dropped.
    _server: Server,
}

/// Builds the cards and serves them in the directory `at`. Nothing is mounted and no thread is started before all that
/// can fail in a card has been done.
pub(super) fn start(config: &Config, nodes: Nodes, at: &Path) -> Result<Daemon, Failure> {
    let cards = build(config, false)?;
    let mount_config = MountConfig {
        map: nodes.map_kind(),
        ..MountConfig::new(specs(&cards))
    };

    let (fd, mounted) =
        mount_at(at, &MountOptions::default()).map_err(|error| not_mounted(at, &error))?;
    let mount = Mount::new(fd, mounted, mount_config, 0)
        .map_err(|errno| Failure::new(format!("Cannot serve {}: {errno}", at.display())))?;
    let server = Server::start(services(cards), &[Arc::clone(&mount)])
        .map_err(|error| Failure::new(format!("Cannot serve {}: {error}", at.display())))?;

    let kind = mount.kind().unwrap_or(MapKind::Plain);
    log::info!("Nodes in {}: {kind:?}", at.display());
    if nodes != Nodes::Auto && kind != nodes.map_kind() {
        return Err(Failure::new(format!("{nodes:?} nodes cannot be had here"))
            .try_this("--nodes auto; `cuse-pcm doctor` tells what is missing"));
    }
    Ok(Daemon::new(server))
}

impl Daemon {
    /// Serves until it is dropped.
    pub(super) fn new(server: Server) -> Daemon {
        Daemon { _server: server }
    }
}

/// The cards of `config`. `values`: whether the nodes pass on ioctls that carry a value; where they do not, PAUSE never
/// arrives.
pub(super) fn build(config: &Config, values: bool) -> Result<Vec<Card>, Failure> {
    let options = Options {
        without_info: if values { 0 } else { info::PAUSE },
        ..Options::default()
    };
    let common = Common::of_this_machine();
    let cards: Result<Vec<Card>, config::Error> = config
        .cards
        .iter()
        .map(|plan| config::build_with(plan, &options, &common))
        .collect();
    cards.map_err(|error| {
        Failure::new(error.to_string())
            .try_this("another file or backend; `cuse-pcm run --help` lists what there is")
    })
}

/// What a server takes the cards for.
pub(super) fn services(cards: Vec<Card>) -> Vec<Box<dyn Service>> {
    cards
        .into_iter()
        .map(|card| Box::new(Files::new(card)) as Box<dyn Service>)
        .collect()
}

/// The nodes of all cards, in the order they are listed.
pub(super) fn specs(cards: &[Card]) -> Vec<NodeSpec> {
    (0..)
        .zip(cards)
        .flat_map(|(index, card)| specs_of(CardIndex(index), card))
        .collect()
}

fn specs_of(index: CardIndex, card: &Card) -> Vec<NodeSpec> {
    let number = card.identity.number;
    let directions = [Direction::Playback, Direction::Capture];
    let pcms = card.devices.iter().flat_map(|device| {
        let present = directions
            .into_iter()
            .filter(|&direction| !device.substreams(direction).is_empty());
        present.map(|direction| Node::Pcm {
            device: device.number,
            direction,
        })
    });
    std::iter::once(Node::Control)
        .chain(pcms)
        .map(|node| NodeSpec::new(index, number, node))
        .collect()
}

fn not_mounted(at: &Path, error: &std::io::Error) -> Failure {
    if let Err(fuse) = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
    {
        let remedy = if fuse.kind() == std::io::ErrorKind::PermissionDenied {
            "chmod 0666 /dev/fuse (as root; distributions ship it so), or run as root"
        } else {
            "modprobe fuse (as root); a container has to be started with --device /dev/fuse"
        };
        return Failure::new(format!("Cannot open /dev/fuse: {fuse}")).try_this(remedy);
    }
    Failure::new(format!("Cannot mount on {}: {error}", at.display()))
        .try_this("run it as root; `cuse-pcm run` needs no root; `cuse-pcm doctor` tells more")
}
