//! Reads a WAV file ahead of a capture.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread::Thread;

use uapi::Errno;

use super::format::{Bad, Contents, parse};
use super::queue::Queue;
use crate::registry::{AtEnd, Error};

/// Bytes read in one piece.
const BLOCK: usize = 64 * 1024;
/// Least and most that is read ahead, bytes.
const QUEUE: (u64, u64) = (256 << 10, 16 << 20);

/// A file that captures are fed from.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: File,
    contents: Contents,
}

impl Source {
    /// Opens the file and looks at its header.
    ///
    /// # Errors
    /// It is absent, unreadable, truncated, or no WAV file that a card could give.
    pub(super) fn open(path: &Path) -> Result<Source, Error> {
        let name = path.display();
        let file = File::open(path).map_err(|e| {
            let remedy = match e.kind() {
                std::io::ErrorKind::NotFound => "give the path of an existing WAV file",
                std::io::ErrorKind::PermissionDenied => "allow reading it",
                _ => "give a readable WAV file",
            };
            Error::io(
                format!("Cannot read {name} to capture from it; {remedy}"),
                e,
            )
        })?;
        let about = file.metadata();
        let about = about
            .map_err(|e| Error::io(format!("Cannot read {name}; give a readable WAV file"), e))?;
        if !about.is_file() {
            return Err(Error::new(format!(
                "{name} is not a regular file; give a WAV file to capture from"
            )));
        }
        let read = |at: u64, into: &mut [u8]| file.read_exact_at(into, at).is_ok();
        let contents = parse(about.len(), read).map_err(|bad| Error::new(words(path, &bad)))?;
        Ok(Source {
            path: path.to_path_buf(),
            file,
            contents,
        })
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }
}

fn words(path: &Path, bad: &Bad) -> String {
    let name = path.display();
    let remedy = match bad {
        Bad::NotWav | Bad::Unsupported { .. } => {
            format!("convert it, for example: sox {name} -e signed -b 16 new.wav")
        }
        Bad::Truncated { .. } => {
            format!("copy it again, or mend it: sox --ignore-length {name} new.wav")
        }
        Bad::BadHeader => "make the file anew".into(),
        Bad::Empty => "record something into it first, or give another file".into(),
    };
    format!("Cannot capture from {name}: {bad}; {remedy}")
}

/// A thread that reads ahead into a queue, from the beginning.
#[derive(Debug)]
pub(super) struct Reader {
    shared: Arc<Shared>,
    thread: OnceLock<Thread>,
}

#[derive(Debug)]
struct Shared {
    queue: Queue,
    /// Nothing more will be put in.
    ended: AtomicBool,
    closing: AtomicBool,
}

impl Reader {
    /// Begins to read.
    ///
    /// # Errors
    /// ENOMEM, EAGAIN: no memory, no thread.
    pub(super) fn start(source: &Arc<Source>, at_end: AtEnd) -> Result<Reader, Errno> {
        let spec = source.contents.spec;
        let second =
            u64::from(spec.rate) * u64::from(spec.channels) * u64::from(spec.encoding.bytes());
        let bytes = usize::try_from(second.clamp(QUEUE.0, QUEUE.1)).map_err(|_| Errno::ENOMEM)?;
        let shared = Arc::new(Shared {
            queue: Queue::new(bytes)?,
            ended: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        });
        let mut disk = Disk {
            source: Arc::clone(source),
            shared: Arc::clone(&shared),
            looped: at_end == AtEnd::Loop,
            at: 0,
            #[cfg(test)]
            has_read: tests::expect(),
        };
        let thread = std::thread::Builder::new()
            .name("wav-read".into())
            .spawn(move || disk.run());
        let handle = thread.map_err(|_| Errno::EAGAIN)?;
        Ok(Reader {
            shared,
            thread: handle.thread().clone().into(),
        })
    }

    /// Bytes that can be taken out now.
    pub(super) fn ready(&self) -> usize {
        self.shared.queue.len()
    }

    /// Whether [`ready`](Self::ready), asked after this, is all there will ever be.
    pub(super) fn ended(&self) -> bool {
        self.shared.ended.load(Acquire)
    }

    /// Takes bytes out; returns how many.
    pub(super) fn take(&self, into: &mut [u8]) -> usize {
        let n = self.shared.queue.peek(into);
        self.shared.queue.consume(n);
        n
    }

    /// Tells the thread that there is room again.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.closing.store(true, Release);
        self.wake();
    }
}

/// The thread's side.
struct Disk {
    source: Arc<Source>,
    shared: Arc<Shared>,
    looped: bool,
    at: u64,
    #[cfg(test)]
    has_read: tests::HasRead,
}

impl Disk {
    fn run(&mut self) {
        let mut block = vec![0; BLOCK];
        while !self.shared.closing.load(Acquire) {
            let Contents {
                data_offset,
                data_bytes,
                ..
            } = self.source.contents;
            if self.at == data_bytes {
                if !self.looped {
                    self.shared.ended.store(true, Release);
                    return;
                }
                self.at = 0;
            }
            let left = usize::try_from(data_bytes - self.at)
                .unwrap_or(BLOCK)
                .min(BLOCK);
            if self.shared.queue.room() < left {
                std::thread::park();
                continue;
            }
            let Some(piece) = block.get_mut(..left) else {
                return;
            };
            if let Err(e) = self.source.file.read_exact_at(piece, data_offset + self.at) {
                let name = self.source.path.display();
                log::error!(
                    "Cannot read {name} any further: {e}; leave the file alone while it is captured from"
                );
                self.shared.ended.store(true, Release);
                return;
            }
            self.shared.queue.push(piece);
            #[cfg(test)]
            self.has_read.set();
            self.at += left as u64;
        }
    }
}

/// Tests run in virtual time, threads do not: a way to wait for their first block.
#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    thread_local! {
        /// The readers that this thread started.
        static STARTED: RefCell<Vec<Arc<AtomicBool>>> = const { RefCell::new(Vec::new()) };
    }

    /// Set when a reader has read something, or is gone.
    pub(super) struct HasRead(Arc<AtomicBool>);

    impl HasRead {
        pub(super) fn set(&self) {
            self.0.store(true, SeqCst);
        }
    }

    impl Drop for HasRead {
        fn drop(&mut self) {
            self.set();
        }
    }

    pub(super) fn expect() -> HasRead {
        let flag = Arc::new(AtomicBool::new(false));
        STARTED.with_borrow_mut(|started| started.push(Arc::clone(&flag)));
        HasRead(flag)
    }

    /// Returns when every reader that this thread started has read something.
    pub(crate) fn settle() {
        for flag in STARTED.take() {
            while !flag.load(SeqCst) {
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
        }
    }
}
