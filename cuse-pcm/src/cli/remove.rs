//! `cuse-pcm remove`: takes a card of a running daemon away.

use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::control::{Answer, Ask, SocketOption, astray};
use super::output::print;

pub(super) const EXAMPLES: &str = "\
The card goes as if it were unplugged: its nodes vanish, calls that wait end, and programs that have it open get ENODEV
(\"No such device\") from then on.

Examples:
  cuse-pcm remove 7
  cuse-pcm remove Tape";

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// The card's number or id
    #[arg(value_name = "NUMBER|ID")]
    card: String,
    #[command(flatten)]
    socket: SocketOption,
}

impl Remove {
    /// Removes it and says so.
    pub(super) fn main(self) -> Result<ExitCode, Failure> {
        let ask = Ask::Remove { card: self.card };
        let Answer::Removed { number, id, in_use } = self.socket.ask(&ask)? else {
            return Err(astray());
        };
        let rest = if in_use {
            "; programs have it open still, and its number is in use until they close it"
        } else {
            ""
        };
        print(&format!("removed: card {number} ({id}){rest}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
