//! The threads that read a mount's requests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::watch::{Duty, Watch};
use crate::transport::Deliver;
use crate::transport::channel::Received;
use crate::transport::init::BUFFER;
use crate::transport::mount::Mount;

/// How long the kernel may take to say INIT.
const PATIENCE: Duration = Duration::from_secs(10);

/// The readers of one mount.
#[derive(Debug)]
pub(super) struct Readers {
    mount: Arc<Mount>,
    deliver: Arc<dyn Deliver>,
    /// Only set once nobody needs the readers any more: what a card gives back is written out through them.
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    watch: Arc<Watch>,
}

impl Readers {
    /// Starts the first reader; returns once the kernel's INIT is answered.
    pub(super) fn first(
        mount: &Arc<Mount>,
        deliver: &Arc<dyn Deliver>,
    ) -> std::io::Result<Readers> {
        let (mount, deliver) = (Arc::clone(mount), Arc::clone(deliver));
        let mut readers = Readers {
            mount,
            deliver,
            stopping: Arc::default(),
            threads: Vec::new(),
            watch: Arc::default(),
        };
        let (ready, answered) = channel();
        readers.spawn(Some(ready))?;
        answered.recv_timeout(PATIENCE).map_err(|_| {
            std::io::Error::new(std::io::ErrorKind::TimedOut, "The kernel sent no INIT")
        })?;
        Ok(readers)
    }

    /// Starts one more.
    pub(super) fn add(&mut self) -> std::io::Result<()> {
        self.spawn(None)
    }

    /// Starts one that reads only while the first one does not come back from a request.
    pub(super) fn add_standby(&mut self) -> std::io::Result<()> {
        let reader = self.reader();
        self.threads.push(super::thread("standby", move || {
            let mut buffer = resident();
            while let Duty::StepIn(turn) = reader.watch.stand_by() {
                log::warn!("A client holds a reader up; another one serves the rest");
                while reader.watch.stuck(turn) && !reader.stopping.load(Ordering::Acquire) {
                    if reader.mount.wait(Duration::from_millis(20))
                        && !reader.serve_one(&mut buffer, None)
                    {
                        return;
                    }
                }
            }
        })?);
        Ok(())
    }

    fn reader(&self) -> Reader {
        Reader {
            mount: Arc::clone(&self.mount),
            deliver: Arc::clone(&self.deliver),
            stopping: Arc::clone(&self.stopping),
            watch: Arc::clone(&self.watch),
        }
    }

    fn spawn(&mut self, mut ready: Option<Sender<()>>) -> std::io::Result<()> {
        let reader = self.reader();
        let first = ready.is_some();
        self.threads.push(super::thread("reader", move || {
            let mut buffer = resident();
            let watch = Arc::clone(&reader.watch);
            while !reader.stopping.load(Ordering::Acquire) {
                if !reader.serve_one(&mut buffer, first.then_some(&watch)) {
                    break;
                }
                if ready.is_some() && reader.mount.kind().is_some() {
                    ready.take().map(|ready| ready.send(()));
                }
            }
        })?);
        Ok(())
    }

    /// Ends the threads, which notice only when a request comes: makes some.
    pub(super) fn stop(self) {
        let Ok(root) = self.mount.root().try_clone_to_owned() else {
            return;
        };
        self.stopping.store(true, Ordering::Release);
        self.watch.stop();
        let reader = self.reader();
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let knocking =
            std::thread::Builder::new()
                .name("knocker".into())
                .spawn(move || {
                    while !seen.load(Ordering::Acquire) && rustix::fs::fstatfs(&root).is_ok() {}
                });
        let Ok(knocking) = knocking else { return };
        for reader in self.threads {
            let _ = reader.join();
        }
        done.store(true, Ordering::Release);
        // One more knock may have come after the last reader went.
        let mut buffer = vec![0u8; BUFFER];
        while !knocking.is_finished() {
            if reader.mount.wait(Duration::from_millis(1)) && !reader.serve_one(&mut buffer, None) {
                break;
            }
        }
        let _ = knocking.join();
    }
}

/// What one reading thread has.
#[derive(Debug)]
struct Reader {
    mount: Arc<Mount>,
    deliver: Arc<dyn Deliver>,
    stopping: Arc<AtomicBool>,
    watch: Arc<Watch>,
}

impl Reader {
    /// Waits for a request and serves it, whatever happens. False when the connection is over.
    fn serve_one(&self, buffer: &mut [u8], watch: Option<&Arc<Watch>>) -> bool {
        let length = match self.mount.receive(buffer) {
            Received::Message(length) => length,
            Received::Nothing => return true,
            Received::Over => return false,
        };
        watch.inspect(|watch| watch.begin());
        let served = catch_unwind(AssertUnwindSafe(|| {
            self.mount.serve(buffer, length, self.deliver.as_ref());
        }));
        watch.inspect(|watch| watch.end());
        if served.is_err() {
            log::error!("A request was not served: internal error");
        }
        true
    }
}

/// A buffer whose pages are all there: the kernel fills it without a fault, which might have to wait for a thread that
/// waits for this reader.
fn resident() -> Vec<u8> {
    vec![0xffu8; BUFFER]
}
