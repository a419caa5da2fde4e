//! The files of one playback: which stream goes into which, and the threads that write them.
//!
//! Streams that follow one another in the same parameters go on in the same file. A stream in other parameters, or one
//! beside another, gets the next number.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};

use uapi::Errno;

use super::format::{DATA_MAX, Spec};
use super::queue::Queue;
use super::writer::{Writer, numbered};
use crate::notify::Notifier;
use crate::units::Nanos;

/// Bytes that go to the file in one piece.
const BLOCK: usize = 64 * 1024;
/// Least and most room for samples that wait for the disk.
const QUEUE: (u64, u64) = (1 << 20, 32 << 20);
/// How long a file that could not be written is left alone.
const RETRY_AFTER: Nanos = Nanos(5_000_000_000);

/// All files of one playback.
#[derive(Debug)]
pub(super) struct Recorder {
    names: Arc<Names>,
    tracks: Mutex<Vec<Arc<Track>>>,
    notifier: Notifier,
}

#[derive(Debug)]
struct Names {
    path: PathBuf,
    next: AtomicU32,
    /// Most bytes of samples in one file.
    limit: u64,
}

impl Names {
    fn next(&self) -> PathBuf {
        numbered(&self.path, self.next.fetch_add(1, Relaxed))
    }
}

impl Recorder {
    pub(super) fn new(path: PathBuf, notifier: Notifier) -> Recorder {
        let names = Arc::new(Names {
            path,
            next: AtomicU32::new(1),
            limit: DATA_MAX,
        });
        Recorder {
            names,
            tracks: Mutex::default(),
            notifier,
        }
    }

    /// A file for a stream that starts, until the lease is dropped.
    ///
    /// # Errors
    /// EIO: the file could not be written a moment ago (the log says why). ENOMEM, EAGAIN: no memory, no thread.
    pub(super) fn lease(&self, spec: Spec, now: Nanos) -> Result<Lease, Errno> {
        let mut tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = tracks
            .iter()
            .find(|t| t.spec == spec && !t.busy.load(Acquire));
        if let Some(track) = idle {
            track.revive(now)?;
            track.busy.store(true, Release);
            return Ok(Lease {
                track: Arc::clone(track),
            });
        }
        let path = self.names.next();
        match tracks.last() {
            None => log::info!("Playback goes into {} ({spec})", path.display()),
            Some(last) if last.spec == spec => log::warn!(
                "Playback goes into {} ({spec}): another stream is being written to {} at the same time",
                path.display(),
                last.first.display()
            ),
            Some(last) => log::warn!(
                "Playback goes into {} ({spec}): {} has other parameters ({})",
                path.display(),
                last.first.display(),
                last.spec
            ),
        }
        let track = Track::new(path, spec, Arc::clone(&self.names), self.notifier.clone())?;
        tracks.push(Arc::clone(&track));
        Ok(Lease { track })
    }
}

impl Drop for Recorder {
    /// What was accepted is in the files when this returns.
    fn drop(&mut self) {
        let tracks = self
            .tracks
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for track in tracks.drain(..) {
            track.closing.store(true, Release);
            track.wake();
            let handle = track
                .handle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if handle.is_some_and(|handle| handle.join().is_err()) {
                log::error!("The writer of {} broke down", track.first.display());
            }
        }
    }
}

/// One file (and those that follow it when it is full), its queue and its thread.
#[derive(Debug)]
struct Track {
    spec: Spec,
    first: PathBuf,
    queue: Queue,
    /// A stream is going in.
    busy: AtomicBool,
    /// The file could not be written; the queue keeps what it has.
    failed: AtomicBool,
    /// When a stream was last refused or broken for it, ns.
    failed_at: AtomicU64,
    closing: AtomicBool,
    /// Somebody waits for the queue to be empty.
    awaited: AtomicBool,
    notifier: Notifier,
    thread: OnceLock<Thread>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl Track {
    fn new(
        path: PathBuf,
        spec: Spec,
        names: Arc<Names>,
        notifier: Notifier,
    ) -> Result<Arc<Track>, Errno> {
        let second =
            u64::from(spec.rate) * u64::from(spec.channels) * u64::from(spec.encoding.bytes());
        let bytes = (second * 2).clamp(QUEUE.0, QUEUE.1);
        let track = Arc::new(Track {
            spec,
            first: path.clone(),
            queue: Queue::new(usize::try_from(bytes).map_err(|_| Errno::ENOMEM)?)?,
            busy: AtomicBool::new(true),
            failed: AtomicBool::new(false),
            failed_at: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            notifier,
            thread: OnceLock::new(),
            handle: Mutex::default(),
        });
        let mut disk = Disk {
            track: Arc::clone(&track),
            names,
            path,
            writer: None,
            block: vec![0; BLOCK],
        };
        let thread = std::thread::Builder::new()
            .name("wav-write".into())
            .spawn(move || disk.run());
        let handle = thread.map_err(|_| Errno::EAGAIN)?;
        track.thread.get_or_init(|| handle.thread().clone());
        *track.handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        Ok(track)
    }

    /// Lets the thread try again, when some time has passed since it failed.
    fn revive(&self, now: Nanos) -> Result<(), Errno> {
        if !self.failed.load(Acquire) {
            return Ok(());
        }
        if now.since(Nanos(self.failed_at.load(Relaxed))) < RETRY_AFTER {
            return Err(Errno::EIO);
        }
        self.failed.store(false, Release);
        self.wake();
        Ok(())
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// The right to put samples into a file.
#[derive(Debug)]
pub(super) struct Lease {
    track: Arc<Track>,
}

impl Lease {
    /// Bytes that can be put in now.
    pub(super) fn room(&self) -> usize {
        self.track.queue.room()
    }

    /// Puts whole frames in; false where there is no room.
    pub(super) fn push(&self, bytes: &[u8]) -> bool {
        self.track.queue.push(bytes)
    }

    /// Tells the thread that there is something to write.
    pub(super) fn wake(&self) {
        self.track.wake();
    }

    /// Whether everything that was put in is in the file. If not, the notifier is rung when it is.
    pub(super) fn flushed(&self) -> bool {
        self.track.awaited.swap(true, AcqRel);
        self.track.queue.is_empty()
    }

    /// Whether the file cannot be written.
    pub(super) fn failed(&self, now: Nanos) -> bool {
        let failed = self.track.failed.load(Acquire);
        if failed {
            self.track.failed_at.store(now.0, Relaxed);
        }
        failed
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.track.busy.store(false, Release);
    }
}

/// The thread's side.
struct Disk {
    track: Arc<Track>,
    names: Arc<Names>,
    /// The next file to begin.
    path: PathBuf,
    writer: Option<Writer>,
    block: Vec<u8>,
}

impl Disk {
    fn run(&mut self) {
        loop {
            // Asked before looking at the queue: what was put in before closing is then seen.
            let closing = self.track.closing.load(Acquire);
            let failed = self.track.failed.load(Acquire);
            if !failed && !self.track.queue.is_empty() {
                self.write_some();
                continue;
            }
            if closing {
                self.report_loss();
                return;
            }
            if self.track.awaited.swap(false, AcqRel) && (failed || self.track.queue.is_empty()) {
                self.track.notifier.notify();
            }
            std::thread::park();
        }
    }

    fn write_some(&mut self) {
        let n = self.track.queue.peek(&mut self.block);
        // Frames stay whole: a stream puts in nothing else, and a file's limit is one.
        let frame =
            usize::from(self.track.spec.channels) * usize::from(self.track.spec.encoding.bytes());
        let n = n - n % frame.max(1);
        match self.write(n) {
            Ok(written) => self.track.queue.consume(written),
            Err(e) => {
                let path = self
                    .writer
                    .as_ref()
                    .map_or(self.path.as_path(), Writer::path);
                log::error!("{}", words(path, &e));
                self.track.failed.store(true, Release);
                self.track.notifier.notify();
            }
        }
    }

    fn write(&mut self, n: usize) -> io::Result<usize> {
        if self.writer.as_ref().is_some_and(|w| w.room() == 0) {
            let full = self.writer.take();
            self.path = self.names.next();
            if let Some(full) = full {
                log::info!(
                    "{} is full (4 GiB); playback goes on in {}",
                    full.path().display(),
                    self.path.display()
                );
            }
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(Writer::create(
                &self.path,
                self.track.spec,
                self.names.limit,
            )?),
        };
        let n = usize::try_from(writer.room()).unwrap_or(n).min(n);
        writer.append(self.block.get(..n).unwrap_or(&[]))?;
        Ok(n)
    }

    fn report_loss(&self) {
        let lost = self.track.queue.len();
        if lost > 0 {
            log::error!(
                "The last {lost} bytes of playback into {} are lost: it could not be written",
                self.path.display()
            );
        }
    }
}

/// What failed, on what, and what to do.
fn words(path: &Path, e: &io::Error) -> String {
    let remedy = match e.raw_os_error().map(Errno) {
        Some(Errno::ENOSPC) => "make room on that disk, or play into a file elsewhere",
        Some(Errno::EFBIG) => {
            "raise the limit on file sizes (ulimit -f), or play into a file elsewhere"
        }
        Some(Errno::EACCES | Errno::EROFS | Errno::EPERM) => {
            "allow writing there, or play into a file elsewhere"
        }
        _ => "play into a file elsewhere",
    };
    format!(
        "Cannot write {}: {e}; {remedy}. What it held before stays valid",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::super::format::Encoding;
    use super::*;
    use crate::bench::{Folder, noise};

    const SPEC: Spec = Spec {
        encoding: Encoding::Int {
            bytes: 2,
            valid: 16,
        },
        channels: 1,
        rate: 8000,
    };

    #[test]
    fn a_full_file_goes_on_in_the_next_one() {
        let folder = Folder::new();
        let path = folder.path("a.wav");
        let names = Arc::new(Names {
            path: path.clone(),
            next: AtomicU32::new(1),
            limit: 1001,
        });
        let recorder = Recorder {
            names,
            tracks: Mutex::default(),
            notifier: Notifier::silent(),
        };
        let bytes = noise(2500, 1);
        let lease = recorder.lease(SPEC, Nanos(0)).unwrap();
        assert!(lease.push(&bytes));
        lease.wake();

        drop((lease, recorder));

        let data = |n| std::fs::read(numbered(&path, n)).unwrap()[44..].to_vec();
        assert_eq!([data(1), data(2), data(3)].concat(), bytes);
        assert_eq!(data(1).len(), 1000, "whole frames");
    }

    #[test]
    fn the_notifier_rings_when_an_awaited_queue_is_empty() {
        let folder = Folder::new();
        let notifier = Notifier::silent();
        let recorder = Recorder::new(folder.path("a.wav"), notifier.clone());
        let lease = recorder.lease(SPEC, Nanos(0)).unwrap();
        assert!(lease.push(&noise(2000, 1)));
        if !lease.flushed() {
            lease.wake();
            while !notifier.take() {
                std::thread::yield_now();
            }
        }

        assert!(lease.flushed());
    }

    #[test]
    fn errors_name_file_and_remedy() {
        let full = io::Error::from_raw_os_error(Errno::ENOSPC.0);

        let words = words(Path::new("/a/b.wav"), &full);

        assert!(
            words.contains("/a/b.wav") && words.contains("make room"),
            "{words}"
        );
    }
}
