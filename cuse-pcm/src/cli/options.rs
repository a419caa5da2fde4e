//! The options that describe a card.

use clap::{Args, ValueEnum};

/// A card on the command line.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Card")]
pub(super) struct CardOptions {
    /// The card's number
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=31))]
    pub(super) card: u32,
    /// The card's name, as in `hw:NAME`
    #[arg(long, value_name = "NAME", default_value = "CUSE")]
    pub(super) id: String,
    /// Where what is played goes: null, wav:PATH, loopback
    #[arg(long, value_name = "BACKEND", default_value = "null")]
    pub(super) playback: String,
    /// Where what is recorded comes from: null (silence), wav:PATH, loopback
    #[arg(long, value_name = "BACKEND", default_value = "null")]
    pub(super) capture: String,
    /// How many programs may play, and how many may record, at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=128))]
    pub(super) substreams: u32,
    /// Do not keep real time: go as fast as the program can
    #[arg(long)]
    pub(super) free_run: bool,
    /// How the program reaches the card's memory
    #[arg(long, value_enum, default_value_t = Nodes::Auto)]
    pub(super) nodes: Nodes,
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
}
