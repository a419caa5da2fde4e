//! `cuse-pcm demo`: plays a melody through an unmodified aplay and shows what arrived.

mod melody;
mod report;
mod sound;
mod waveform;

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::doctor::in_path;
use super::options::Nodes;
use super::output::print;
use super::{Failure, run};
use crate::config::{BufferPlan, CardPlan, Config, DEFAULT_ID, DevicePlan, MemoryPlan, NONE};
use report::Report;

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// How aplay reaches the card's memory
    #[arg(long, value_enum, default_value_t = Nodes::Auto)]
    nodes: Nodes,
    /// Keep the recording in this file
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
}

impl Demo {
    /// Plays, compares, shows; exit status 1 if what arrived is not what was sent.
    pub(super) fn main(self) -> Result<ExitCode, Failure> {
        if !in_path("aplay") {
            return Err(Failure::new("aplay is not installed")
                .try_this("apt-get install alsa-utils (as root)"));
        }
        let keep = self.keep.as_deref().map(std::path::absolute).transpose();
        let keep =
            keep.map_err(|error| Failure::new(format!("Cannot tell where to keep it: {error}")))?;
        let folder = Folder::make()?;
        std::env::set_current_dir(&folder.0).map_err(|error| {
            Failure::new(format!("Cannot enter {}: {error}", folder.0.display()))
        })?;
        let (sent, received) = (Path::new("melody.wav"), Path::new("arrived.wav"));
        let tune = melody::samples();
        sound::write(sent, &tune)?;
        let command = ["aplay", "-D", "hw:0", "melody.wav"].map(OsString::from);
        print(&report::heading(&tune, &command))?;

        let begun = Instant::now();
        let status = run::in_private(&plan(received), self.nodes, &command)?;
        let time = begun.elapsed();
        if status != 0 {
            return Err(Failure::new(format!("aplay ended with status {status}"))
                .try_this("`cuse-pcm doctor`, or the same with -v"));
        }
        let arrived = sound::read(received)?;
        if let Some(keep) = keep {
            std::fs::copy(received, &keep).map_err(|error| {
                Failure::new(format!("Cannot write {}: {error}", keep.display()))
            })?;
        }
        let report = Report::new(&tune, &arrived, time);
        print(&report.in_words())?;
        Ok(ExitCode::from(u8::from(!report.matches())))
    }
}

/// One card that records what is played.
fn plan(into: &Path) -> Config {
    let device = DevicePlan {
        name: "PCM".to_owned(),
        playback: format!("wav:{}", into.display()),
        capture: NONE.to_owned(),
        substreams: 1,
        free_run: false,
        buffer: BufferPlan::default(),
    };
    let card = CardPlan {
        number: 0,
        id: DEFAULT_ID.to_owned(),
        name: "cuse-pcm".to_owned(),
        like: None,
        model: None,
        memory: MemoryPlan::default(),
        devices: vec![device],
    };
    Config { cards: vec![card] }
}

/// A temporary folder, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Folder, Failure> {
        let path = std::env::temp_dir().join(format!("cuse-pcm-demo-{}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| {
                Failure::new(format!(
                    "Cannot make the folder {}: {error}",
                    path.display()
                ))
                .try_this("set TMPDIR to a folder that can be written")
            })?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            log::warn!("Cannot remove the folder {}: {error}", self.0.display());
        }
    }
}
