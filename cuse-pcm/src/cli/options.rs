//! The options that describe a card.

use clap::{Args, ValueEnum};

use super::Failure;
use super::buffers::BufferOptions;
use crate::config::{self, CardPlan, Config, DEFAULT_ID, DevicePlan};
use crate::transport::mount::MapKind;

/// A card on the command line.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Card")]
pub(super) struct CardOptions {
    /// The card's number (default: 0; where there are other cards, the lowest that is free)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=31))]
    pub(super) card: Option<u32>,
    /// The card's name, as in `hw:NAME`
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ID)]
    pub(super) id: String,
    /// Where what is played goes: null, wav:PATH, loopback, none
    #[arg(long, value_name = "BACKEND", default_value = "null")]
    pub(super) playback: String,
    /// Where what is recorded comes from: null (silence), wav:PATH, loopback, none
    #[arg(long, value_name = "BACKEND", default_value = "null")]
    pub(super) capture: String,
    /// Take over names and limits of a card of this machine: hw:N or hw:ID. --playback and --capture stand behind its
    /// first device, silence behind the others
    #[arg(long, value_name = "CARD", conflicts_with = "substreams")]
    pub(super) like: Option<String>,
    /// How many programs may play, and how many may record, at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=128))]
    pub(super) substreams: u32,
    /// Do not keep real time: go as fast as the program can
    #[arg(long)]
    pub(super) free_run: bool,
    #[command(flatten)]
    pub(super) buffers: BufferOptions,
}

/// Kinds of device nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Nodes {
    /// Passthrough where it can be had, else page cache
    Auto,
    /// The kernel maps the daemon's memory (root, Linux 6.9)
    Passthrough,
    /// Program and daemon share the node's page cache (any user, Linux 6.6)
    PageCache,
    /// Character devices that the kernel makes (root, /dev/cuse); nothing can be mapped. For `serve`
    Cuse,
    /// Character devices, and bound over them nodes that can be mapped (root, Linux 6.9). For `serve`
    Both,
}

impl Nodes {
    /// In the transport's words.
    pub(super) fn map_kind(self) -> MapKind {
        match self {
            Nodes::Auto => MapKind::Auto,
            Nodes::Passthrough => MapKind::Passthrough,
            Nodes::PageCache => MapKind::PageCache,
            Nodes::Cuse => MapKind::Plain,
            Nodes::Both => MapKind::Passthrough,
        }
    }

    /// Whether they are devices of the machine.
    pub(super) fn devices(self) -> bool {
        matches!(self, Nodes::Cuse | Nodes::Both)
    }

    /// Whether ioctls that carry a value reach the card through some node.
    pub(super) fn pass_values(self) -> bool {
        self.devices()
    }
}

impl CardOptions {
    /// The card that the options describe.
    ///
    /// # Errors
    /// A name or a backend that cannot be.
    pub(super) fn plan(&self) -> Result<Config, Failure> {
        self.plan_as(self.card.unwrap_or(0))
    }

    /// The card that the options describe, with this number.
    ///
    /// # Errors
    /// A name or a backend that cannot be.
    pub(super) fn plan_as(&self, number: u32) -> Result<Config, Failure> {
        let device = DevicePlan {
            name: "PCM".to_owned(),
            playback: self.playback.clone(),
            capture: self.capture.clone(),
            substreams: self.substreams,
            free_run: self.free_run,
            buffer: self.buffers.buffer(),
        };
        let (id, name) = (self.id.clone(), "cuse-pcm".to_owned());
        let mut config = Config {
            cards: vec![CardPlan {
                number,
                id,
                name,
                like: self.like.clone(),
                model: None,
                memory: self.buffers.memory(),
                devices: vec![device],
            }],
        };
        check(&config).map_err(|error| {
            Failure::new(error.to_string())
                .try_this("`cuse-pcm run --help` lists the backends and what they take")
        })?;
        config
            .look_up()
            .map_err(|error| Failure::new(error.to_string()))?;
        Ok(config)
    }
}

/// Checks all that can be checked without touching a file.
pub(super) fn check(config: &Config) -> Result<(), config::Error> {
    config.check()?;
    config.cards.iter().try_for_each(config::check_backends)
}
