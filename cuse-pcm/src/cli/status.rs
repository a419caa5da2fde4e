//! `cuse-pcm status`: the cards of a running daemon.

use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::control::{Answer, Ask, SocketOption, astray};
use super::output::print;

pub(super) const EXAMPLES: &str = "\
For each stream: its state, how it was configured, where the device (hw_ptr) and the program (appl_ptr) are in frames,
how often it ran dry or over (xruns), and which programs have it open.

Examples:
  cuse-pcm status
  cuse-pcm status --json | jq '.cards[].streams[] | select(.state == \"RUNNING\")'";

#[derive(Debug, Args)]
pub(super) struct StatusCommand {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketOption,
}

impl StatusCommand {
    /// Prints it.
    pub(super) fn main(&self) -> Result<ExitCode, Failure> {
        let Answer::Status(status) = self.socket.ask(&Ask::Status {})? else {
            return Err(astray());
        };
        let text = if self.json {
            let json = serde_json::to_string_pretty(&status);
            format!(
                "{}\n",
                json.map_err(|error| Failure::new(error.to_string()))?
            )
        } else {
            status.text()
        };
        print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
