//! A running daemon: cards, where their nodes are, and the server, joined. Cards are added and removed while it runs.

use std::path::Path;
use std::time::Duration;

use hw_backends::hardware::info;
use hw_backends::registry::Options;
use hw_backends::units::Direction;

use super::Failure;
use super::devices::AccessOptions;
use super::options::Nodes;
use super::place::{NewNode, Place};
use crate::card::Card;
use crate::config::{self, CardPlan, Common, Config, MAX_CARD};
use crate::file::Files;
use crate::file::status::CardLook;
use crate::request::Node;
use crate::server::Server;
use crate::transport::CardIndex;
use crate::transport::mounting::Bound;

/// How long who holds a card up is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Cards that are served until this is dropped.
#[derive(Debug)]
pub(super) struct Daemon {
    // Dropped in this order: what is bound over a node, then all nodes and threads, then their place.
    cards: Vec<Served>,
    server: Server,
    place: Place,
    common: Common,
}

/// A card that is served.
#[derive(Debug)]
pub(super) struct Served {
    index: CardIndex,
    /// Its number.
    pub(super) number: u32,
    /// Its short name.
    pub(super) id: String,
    /// Its name for people.
    pub(super) name: String,
    /// Names of its nodes.
    pub(super) nodes: Vec<String>,
    /// What is bound over its nodes.
    bound: Vec<Bound>,
}

/// A card that was removed.
#[derive(Debug)]
pub(super) struct Removed {
    /// Its number.
    pub(super) number: u32,
    /// Its short name.
    pub(super) id: String,
    /// Programs have it open still, and keep the number in use.
    pub(super) in_use: bool,
}

/// Builds the cards and serves them in the directory `at`. Nothing is mounted and no thread is started before all that
/// can fail in a card has been done.
pub(super) fn start(
    config: &Config,
    nodes: Nodes,
    at: &Path,
    access: &AccessOptions,
) -> Result<Daemon, Failure> {
    let common = Common::of_this_machine();
    let build = |plan| Ok((plan, build(plan, &common, nodes.pass_values())?));
    let cards: Vec<(&CardPlan, Card)> = config
        .cards
        .iter()
        .map(build)
        .collect::<Result<_, Failure>>()?;
    let mut server = Server::new();
    let place = Place::open(&mut server, nodes, at, access)?;
    let mut daemon = Daemon {
        cards: Vec::new(),
        server,
        place,
        common,
    };
    // What was made before one that fails is taken away again with the daemon.
    for (_, card) in cards {
        daemon.serve(card)?;
    }
    Ok(daemon)
}

impl Daemon {
    /// The cards, in the order in which they came.
    pub(super) fn cards(&self) -> &[Served] {
        &self.cards
    }

    /// The directory that holds the nodes.
    pub(super) fn directory(&self) -> &Path {
        self.place.directory()
    }

    /// The lowest number that a new card can have.
    ///
    /// # Errors
    /// All are taken.
    pub(super) fn lowest_free(&self) -> Result<u32, Failure> {
        let ours = |number| self.cards.iter().any(|card| card.number == number);
        (0..=MAX_CARD)
            .find(|&number| !ours(number) && !self.place.taken(number))
            .ok_or_else(none_free)
    }

    /// An id that no card of ours has: `wanted`, or that with a number behind.
    pub(super) fn free_id(&self, wanted: &str) -> String {
        let ours = |id: &str| self.cards.iter().any(|card| card.id == id);
        if !ours(wanted) {
            return wanted.to_owned();
        }
        let numbered = (1..).map(|n| format!("{wanted}_{n}"));
        numbered
            .into_iter()
            .find(|id| !ours(id))
            .unwrap_or_default()
    }

    /// Adds a card.
    ///
    /// # Errors
    /// Its number or id is taken; its backend or its nodes cannot be had.
    pub(super) fn add(&mut self, plan: &CardPlan) -> Result<&Served, Failure> {
        if let Some(other) = self.cards.iter().find(|card| card.number == plan.number) {
            return Err(Failure::new(format!(
                "Card number {} is in use: this daemon serves {} there",
                plan.number, other.id
            ))
            .try_this(
                "another number with --card (0 to 31), or none: the lowest free one is taken",
            ));
        }
        if let Some(other) = self.cards.iter().find(|card| card.id == plan.id) {
            return Err(Failure::new(format!(
                "The id {} is in use by card {}",
                plan.id, other.number
            ))
            .try_this("another one with --id"));
        }
        let card = build(plan, &self.common, self.place.pass_values())?;
        self.serve(card)?;
        self.cards
            .last()
            .ok_or_else(|| Failure::new("The card is gone"))
    }

    /// Removes a card, as if it were unplugged.
    ///
    /// # Errors
    /// There is no such card, or a client holds it up.
    pub(super) fn remove(&mut self, which: &str) -> Result<Removed, Failure> {
        let named = |card: &Served| card.id == which || which.parse() == Ok(card.number);
        let Some(at) = self.cards.iter().position(named) else {
            return Err(Failure::new(format!("There is no card {which} here"))
                .try_this("a number or an id that `cuse-pcm status` shows"));
        };
        let held = self.cards.get(at).map(|card| card.index);
        if held.is_some_and(|card| self.server.look(card, PATIENCE, |_| ()).is_none()) {
            return Err(Failure::new(format!("A client holds card {which} up"))
                .try_this("end the programs that `cuse-pcm status` shows, and remove it again"));
        }
        let Served {
            index,
            number,
            id,
            bound,
            ..
        } = self.cards.remove(at);
        drop(bound);
        let in_use = !self.server.remove_card(index);
        log::info!("Card {number} ({id}) was removed");
        Ok(Removed { number, id, in_use })
    }

    /// A look at a card; `None` where a client holds it up.
    pub(super) fn look(&self, card: &Served) -> Option<CardLook> {
        let look = self.server.look(card.index, PATIENCE, |service| {
            service.files().map(|files| files.look())
        });
        look.flatten()
    }

    fn serve(&mut self, card: Card) -> Result<(), Failure> {
        let nodes = nodes_of(&card);
        let identity = card.identity.clone();
        let index = (self.server.add_card(Box::new(Files::new(card))))
            .map_err(|error| Failure::new(format!("Cannot serve: {error}")))?;
        let nodes: Vec<NewNode> = nodes
            .into_iter()
            .map(|(node, alone)| NewNode::new(index, identity.number, node, alone))
            .collect();
        let names = nodes.iter().map(|node| node.spec.name.clone()).collect();
        let shown = self.place.show(&mut self.server, nodes);
        let bound = shown.inspect_err(|_| {
            self.server.remove_card(index);
        })?;
        log::info!("Card {} ({}) is there", identity.number, identity.id);
        self.cards.push(Served {
            index,
            number: identity.number,
            id: identity.id,
            name: identity.name,
            nodes: names,
            bound,
        });
        Ok(())
    }
}

pub(super) fn none_free() -> Failure {
    Failure::new("All card numbers are in use (0 to 31)").try_this(
        "remove one: `cuse-pcm status` shows those of the daemon, /proc/asound/cards the kernel's",
    )
}

/// Builds a card. `values`: whether the nodes pass on ioctls that carry a value; where they do not, PAUSE never arrives.
fn build(plan: &CardPlan, common: &Common, values: bool) -> Result<Card, Failure> {
    let options = Options {
        without_info: if values { 0 } else { info::PAUSE },
        ..Options::default()
    };
    config::build_with(plan, &options, common).map_err(|error| {
        Failure::new(error.to_string())
            .try_this("another file or backend; `cuse-pcm run --help` lists what there is")
    })
}

/// The nodes of a card, in the order they are listed; with each, whether one file at a time can be open on it.
fn nodes_of(card: &Card) -> Vec<(Node, bool)> {
    let directions = [Direction::Playback, Direction::Capture];
    let pcms = card.devices.iter().flat_map(|device| {
        directions.into_iter().filter_map(|direction| {
            let node = Node::Pcm {
                device: device.number,
                direction,
            };
            let substreams = device.substreams(direction).len();
            (substreams > 0).then_some((node, substreams == 1))
        })
    });
    std::iter::once((Node::Control, false))
        .chain(pcms)
        .collect()
}
