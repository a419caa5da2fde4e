//! Control of a running daemon: a socket over which one JSON object a line is asked, and one answered.
//!
//! This is the words of both sides and the side that asks; [`listener`] is the side that answers.

pub(super) mod listener;
pub(super) mod report;

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Failure;
use super::hidden::RUN_DIRECTORY;
use report::Status;

/// How long an answer is waited for: a card's file may be slow to open.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a daemon is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Ask {
    /// Add a card.
    Add {
        /// As `[[card]]` in the file of `serve --config`. Without a number it gets the lowest free one, without an id one
        /// of its own.
        card: Map<String, Value>,
    },
    /// Remove a card.
    Remove {
        /// Number or id.
        card: String,
    },
    /// Tell about all cards.
    Status {},
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    /// The card is there.
    Added {
        /// Its number.
        number: u32,
        /// Its id.
        id: String,
        /// Where its nodes are.
        directory: PathBuf,
    },
    /// The card is gone.
    Removed {
        /// Its number.
        number: u32,
        /// Its id.
        id: String,
        /// Programs have it open still, and keep its number in use.
        in_use: bool,
    },
    /// All cards.
    Status(Status),
    /// It could not be done.
    Failed {
        /// What failed, on what.
        what: String,
        /// What to do.
        remedy: Option<String>,
    },
}

/// Where the socket is.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct SocketOption {
    /// The daemon's control socket (default: /run/cuse-pcm/control for root, else $XDG_RUNTIME_DIR/cuse-pcm/control)
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl SocketOption {
    /// The path that was given.
    pub(super) fn given(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// The path; `None` where there is no default one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let default = || {
            if rustix::process::geteuid().is_root() {
                return Some(Path::new(RUN_DIRECTORY).join("control"));
            }
            let run = std::env::var_os("XDG_RUNTIME_DIR").filter(|run| !run.is_empty())?;
            Some(PathBuf::from(run).join("cuse-pcm").join("control"))
        };
        self.socket.clone().or_else(default)
    }

    /// Asks the daemon.
    ///
    /// # Errors
    /// There is none, or what it says.
    pub(super) fn ask(&self, ask: &Ask) -> Result<Answer, Failure> {
        let path = self.path().ok_or_else(|| {
            Failure::new(
                "There is no default place for the control socket: XDG_RUNTIME_DIR is not set",
            )
            .try_this("--socket PATH, as it was given to `cuse-pcm serve`")
        })?;
        let stream = UnixStream::connect(&path).map_err(|error| unreachable(&path, &error))?;
        let lost = |error: &dyn std::fmt::Display| {
            Failure::new(format!(
                "The daemon at {} did not answer: {error}",
                path.display()
            ))
            .try_this("see what it printed; `cuse-pcm status` tells whether it runs")
        };
        match converse(stream, ask) {
            Ok(Answer::Failed { what, remedy }) => {
                let failure = Failure::new(what);
                Err(match remedy {
                    Some(remedy) => failure.try_this(remedy),
                    None => failure,
                })
            }
            Ok(answer) => Ok(answer),
            Err(error) => Err(lost(&error)),
        }
    }
}

fn converse(mut stream: UnixStream, ask: &Ask) -> std::io::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&answer)?)
}

fn unreachable(path: &Path, error: &std::io::Error) -> Failure {
    let what = format!("No daemon can be reached at {}: {error}", path.display());
    Failure::new(what).try_this(match error.kind() {
        ErrorKind::PermissionDenied => "run it as the user who serves (root: with sudo)",
        _ => "start one with `cuse-pcm serve`, or name its socket with --socket PATH",
    })
}

/// The answer was not one to what was asked.
pub(super) fn astray() -> Failure {
    Failure::new("The daemon answered something else")
        .try_this("use the same version of cuse-pcm on both sides")
}
