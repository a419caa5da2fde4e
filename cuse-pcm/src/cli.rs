//! The command line: what the person asks for, and how it is told what happened.
//!
//! Each command has a file of its own; this one chooses, and turns failures into words and an exit status.

mod add;
mod buffers;
mod control;
mod daemon;
mod demo;
mod devices;
mod doctor;
mod failure;
mod hidden;
mod logger;
mod manual;
mod options;
mod output;
mod place;
mod remove;
mod run;
mod serve;
mod signals;
mod status;
mod wait;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use failure::Failure;

/// An ALSA sound card in user space.
///
/// Programs open it, map it, poll it and drive it as they would any sound card; no kernel driver is involved, and
/// `run` needs no root. Where the sound goes is up to you.
#[derive(Debug, Parser)]
#[command(name = "cuse-pcm", version, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: logger::Logging,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a command that sees a sound card of its own
    #[command(after_help = run::EXAMPLES)]
    Run(run::Run),
    /// Serves cards to everyone until it is ended
    #[command(after_help = serve::EXAMPLES)]
    Serve(serve::Serve),
    /// Adds a card to a running daemon
    #[command(after_help = add::EXAMPLES)]
    Add(add::Add),
    /// Removes a card of a running daemon, as if it were unplugged
    #[command(after_help = remove::EXAMPLES)]
    Remove(remove::Remove),
    /// Shows the cards of a running daemon, their streams, and who has them open
    #[command(after_help = status::EXAMPLES)]
    Status(status::StatusCommand),
    /// Plays a melody through an unmodified aplay and shows what arrived
    Demo(demo::Demo),
    /// Tells what this machine can do, and what to change where it cannot
    Doctor(doctor::Doctor),
    /// Says whether a private /dev/snd can be made here
    #[command(hide = true)]
    ProbeNamespace,
    /// Writes manual pages and shell completions
    #[command(hide = true)]
    Manual(manual::Manual),
}

const EXAMPLES: &str = "\
Examples:
  cuse-pcm run -- aplay song.wav                             play into nothing, at the real speed
  cuse-pcm run --playback wav:out.wav -- aplay song.wav      record what a program plays
  cuse-pcm run --capture wav:in.wav -- arecord -d 3 mic.wav  feed a program a file as its microphone
  cuse-pcm serve --playback wav:out.wav                      a card in /dev/snd for everyone (root)
  cuse-pcm demo                                              see that it works
  cuse-pcm doctor                                            see what works on this machine

More: `cuse-pcm COMMAND --help`.";

/// The program. The exit status is 0, the command's own (`run`), 2 for a wrong command line, else 1.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logger::start(&arguments.logging);
    let done = match arguments.command {
        Command::Run(run) => run.main(),
        Command::Serve(serve) => serve.main(),
        Command::Add(add) => add.main(),
        Command::Remove(remove) => remove.main(),
        Command::Status(status) => status.main(),
        Command::Demo(demo) => demo.main(),
        Command::Doctor(doctor) => doctor.main(),
        Command::ProbeNamespace => doctor::probe(),
        Command::Manual(manual) => manual.main(),
    };
    done.unwrap_or_else(|failure| failure.report())
}
