//! Log records on standard error, one line each.

use std::io::Write as _;

use clap::{ArgAction, Args};
use log::{Level, LevelFilter, Log, Metadata, Record};

/// How much is told.
#[derive(Debug, Args)]
pub(super) struct Logging {
    /// Tell more (twice: each ioctl; three times: positions)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Tell errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

impl Logging {
    fn level(&self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::Error,
            (false, 1) => LevelFilter::Info,
            (false, 2) => LevelFilter::Debug,
            (false, 3..) => LevelFilter::Trace,
            (false, 0) => std::env::var("CUSE_PCM_LOG")
                .ok()
                .and_then(|level| level.parse().ok())
                .unwrap_or(LevelFilter::Warn),
        }
    }
}

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            Level::Error => "error: ",
            Level::Warn => "warning: ",
            Level::Info => "",
            Level::Debug => "debug: ",
            Level::Trace => "trace: ",
        };
        let line = format!("cuse-pcm: {level}{}\n", record.args());
        // One write, so that lines of several threads and of the command stay whole.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

/// Sends log records to standard error, by the options, else by the variable `CUSE_PCM_LOG` (error, warn, info,
/// debug, trace, off), else warnings and errors.
pub(super) fn start(logging: &Logging) {
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(logging.level());
    }
}
