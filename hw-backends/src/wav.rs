//! WAV files: what is played is written into one, what is captured comes from one.
//!
//! The engine's side ([`PcmOps`]) only moves bytes to or from a queue; the file belongs to a thread.

mod capture;
pub mod convert;
pub mod format;
mod playback;
mod queue;
pub(crate) mod reader;
mod recorder;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::drive::Speed;
use crate::gain::Gain;
use crate::notify::Notifier;
use crate::ops::PcmOps;
use crate::registry::{AtEnd, Error};

/// What a WAV device is built from.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The file.
    pub path: &'a Path,
    /// By the clock, or as fast as the client can.
    pub speed: Speed,
    /// Capture: what follows the last frame.
    pub at_end: AtEnd,
    /// Capture: each stream goes on where the last one ended.
    pub resume: bool,
}

/// `n` playback substreams that share the files of one path.
///
/// # Errors
/// The file cannot be written.
pub fn playback(
    settings: &Settings<'_>,
    n: u32,
    gain: &Arc<Gain>,
    notifier: &Notifier,
) -> Result<Vec<impl PcmOps + 'static>, Error> {
    check_writable(settings.path)?;
    let recorder = Arc::new(recorder::Recorder::new(
        settings.path.to_path_buf(),
        notifier.clone(),
    ));
    let one = |_| playback::Playback::new(Arc::clone(&recorder), Arc::clone(gain), settings.speed);
    Ok((0..n).map(one).collect())
}

/// `n` capture substreams, each fed from the file on its own.
///
/// # Errors
/// The file cannot be captured from.
pub fn capture(
    settings: &Settings<'_>,
    n: u32,
    gain: &Arc<Gain>,
) -> Result<Vec<impl PcmOps + 'static>, Error> {
    let source = Arc::new(reader::Source::open(settings.path)?);
    let Settings {
        speed,
        at_end,
        resume,
        ..
    } = *settings;
    let one =
        |_| capture::Capture::new(Arc::clone(&source), Arc::clone(gain), speed, at_end, resume);
    Ok((0..n).map(one).collect())
}

/// Finds out now what would fail at the first sound. Leaves everything as it is: a recording from before stays until
/// something is played.
fn check_writable(path: &Path) -> Result<(), Error> {
    let name = path.display();
    if let Ok(about) = std::fs::metadata(path) {
        if !about.is_file() {
            return Err(Error::new(format!(
                "Cannot play into {name}: it is not a regular file, and a WAV header must be mended while it grows; name a file"
            )));
        }
        let opened = OpenOptions::new().write(true).open(path);
        return opened
            .map(drop)
            .map_err(|e| Error::io(format!("Cannot write {name}; {}", remedy(e.kind())), e));
    }
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|file| {
        drop(file);
        std::fs::remove_file(path)
    })
    .map_err(|e| Error::io(format!("Cannot create {name}; {}", remedy(e.kind())), e))
}

fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "make its folder first",
        ErrorKind::PermissionDenied => "allow writing there, or name a file elsewhere",
        ErrorKind::ReadOnlyFilesystem => "that file system is read-only, name a file elsewhere",
        ErrorKind::StorageFull => "make room on that disk, or name a file elsewhere",
        _ => "name a file elsewhere",
    }
}
