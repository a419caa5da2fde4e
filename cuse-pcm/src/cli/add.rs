//! `cuse-pcm add`: one more card for a running daemon.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::Failure;
use super::control::{Answer, Ask, SocketOption, astray};
use super::options::CardOptions;
use super::output::print;
use crate::config::{Config, DEFAULT_ID};

pub(super) const EXAMPLES: &str = "\
The daemon is one that `cuse-pcm serve` started; the card's nodes are of the kind, and in the directory, that it was
started with. Files are opened by the daemon, with its rights.

Examples:
  cuse-pcm add                                          a card that plays into nothing, at the lowest free number
  cuse-pcm add --card 9 --id Tape --playback wav:t.wav
  cuse-pcm status                                       what there is now
  cuse-pcm remove Tape                                  away with it, as if it were unplugged";

#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    card: CardOptions,
    #[command(flatten)]
    socket: SocketOption,
}

impl Add {
    /// Adds it and says where it is.
    pub(super) fn main(&self) -> Result<ExitCode, Failure> {
        let mut config = self.card.plan()?;
        here(&mut config)?;
        let plan = config.cards.first().ok_or_else(astray)?;
        let Ok(Value::Object(mut card)) = serde_json::to_value(plan) else {
            return Err(astray());
        };
        if self.card.card.is_none() {
            card.remove("number");
        }
        if self.card.id == DEFAULT_ID {
            card.remove("id");
        }
        let Answer::Added {
            number,
            id,
            directory,
        } = self.socket.ask(&Ask::Add { card })?
        else {
            return Err(astray());
        };
        print(&format!(
            "added: card {number} ({id}) in {}\n",
            directory.display()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Relative paths start from where we are, not from where the daemon is.
fn here(config: &mut Config) -> Result<(), Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(format!("Cannot find out where we are: {error}")))?;
    let devices = config.cards.iter_mut().flat_map(|card| &mut card.devices);
    for side in devices.flat_map(|device| [&mut device.playback, &mut device.capture]) {
        if let Some(path) = side.strip_prefix("wav:") {
            if Path::new(path).is_relative() {
                *side = format!("wav:{}", here.join(path).display());
            }
        }
    }
    Ok(())
}
