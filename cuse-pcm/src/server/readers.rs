//! The threads that read a mount's requests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::transport::Deliver;
use crate::transport::init::BUFFER;
use crate::transport::mount::Mount;

/// How long the kernel may take to say INIT.
const PATIENCE: Duration = Duration::from_secs(10);

/// The readers of one mount.
#[derive(Debug)]
pub(super) struct Readers {
    mount: Arc<Mount>,
    deliver: Arc<dyn Deliver>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts the first reader; returns once the kernel's INIT is answered.
    pub(super) fn first(
        mount: &Arc<Mount>,
        deliver: &Arc<dyn Deliver>,
        stopping: &Arc<AtomicBool>,
    ) -> std::io::Result<Readers> {
        let (mount, deliver, stopping) =
            (Arc::clone(mount), Arc::clone(deliver), Arc::clone(stopping));
        let mut readers = Readers {
            mount,
            deliver,
            stopping,
            threads: Vec::new(),
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

    fn spawn(&mut self, mut ready: Option<Sender<()>>) -> std::io::Result<()> {
        let (mount, deliver, stopping) = (
            Arc::clone(&self.mount),
            Arc::clone(&self.deliver),
            Arc::clone(&self.stopping),
        );
        self.threads.push(
            std::thread::Builder::new()
                .name("reader".into())
                .spawn(move || {
                    super::signals::block();
                    let mut buffer = resident();
                    while !stopping.load(Ordering::Acquire) {
                        match catch_unwind(AssertUnwindSafe(|| {
                            mount.serve_one(&mut buffer, &deliver)
                        })) {
                            Ok(true) => {}
                            Ok(false) => break,
                            Err(_) => log::error!("A request was not served: internal error"),
                        }
                        if ready.is_some() && mount.kind().is_some() {
                            ready.take().map(|ready| ready.send(()));
                        }
                    }
                })?,
        );
        Ok(())
    }

    /// Ends the threads, which notice only when a request comes: makes some.
    pub(super) fn stop(self) {
        let Ok(root) = self.mount.root().try_clone_to_owned() else {
            return;
        };
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
            if self.mount.wait(Duration::from_millis(1))
                && !self.mount.serve_one(&mut buffer, &self.deliver)
            {
                break;
            }
        }
        let _ = knocking.join();
    }
}

/// A buffer whose pages are all there: the kernel fills it without a fault, which might have to wait for a thread that
/// waits for this reader.
fn resident() -> Vec<u8> {
    vec![0xffu8; BUFFER]
}
