//! The threads that read a connection's requests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::turn::Turns;
use super::watch::{Duty, Watch};
use crate::transport::channel::Received;
use crate::transport::{CardIndex, Cards, Connection};

/// How long the kernel may take to say INIT.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the kernel may take to tell of a close.
const CLOSING: Duration = Duration::from_millis(50);

/// The readers of one connection.
#[derive(Debug)]
pub(super) struct Readers<C> {
    connection: Arc<C>,
    cards: Arc<dyn Cards>,
    /// Only set once nobody needs the readers any more: what a card gives back is written out through them.
    stopping: Arc<AtomicBool>,
    /// The connection is to end with the last open file.
    retiring: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    watch: Arc<Watch>,
    turns: Arc<Turns>,
}

impl<C: Connection> Readers<C> {
    /// Starts the first reader; returns once the kernel's INIT is answered.
    pub(super) fn first(
        connection: &Arc<C>,
        cards: &Arc<dyn Cards>,
    ) -> std::io::Result<Readers<C>> {
        let (connection, cards) = (Arc::clone(connection), Arc::clone(cards));
        let mut readers = Readers {
            connection,
            cards,
            stopping: Arc::default(),
            retiring: Arc::default(),
            threads: Vec::new(),
            watch: Arc::default(),
            turns: Arc::default(),
        };
        let (ready, answered) = channel();
        readers.spawn(Some(ready))?;
        answered.recv_timeout(PATIENCE).map_err(|_| {
            std::io::Error::new(std::io::ErrorKind::TimedOut, "The kernel sent no INIT")
        })?;
        Ok(readers)
    }

    /// Sees to it that so many read, at least.
    pub(super) fn at_least(&mut self, count: usize) -> std::io::Result<()> {
        while self.threads.len() < count {
            self.spawn(None)?;
        }
        Ok(())
    }

    /// Starts one that reads only while the first one does not come back from a request.
    pub(super) fn add_standby(&mut self) -> std::io::Result<()> {
        let reader = self.reader();
        self.threads.push(super::thread("standby", move || {
            let mut buffer = resident::<C>();
            while let Duty::StepIn(turn) = reader.watch.stand_by() {
                log::warn!("A client holds a reader up; another one serves the rest");
                while reader.watch.stuck(turn) && !reader.stopping.load(Ordering::Acquire) {
                    if reader.wait(Duration::from_millis(20))
                        && !reader.serve_one(&mut buffer, None)
                    {
                        return;
                    }
                }
            }
        })?);
        Ok(())
    }

    /// The connection.
    pub(super) fn connection(&self) -> &C {
        &self.connection
    }

    /// Whether it has nodes of this card.
    pub(super) fn serves(&self, card: CardIndex) -> bool {
        self.connection.cards().contains(&card)
    }

    /// Whether the connection has ended.
    pub(super) fn over(&self) -> bool {
        self.connection.session().over()
    }

    fn reader(&self) -> Reader<C> {
        Reader {
            connection: Arc::clone(&self.connection),
            cards: Arc::clone(&self.cards),
            stopping: Arc::clone(&self.stopping),
            retiring: Arc::clone(&self.retiring),
            watch: Arc::clone(&self.watch),
            turns: Arc::clone(&self.turns),
        }
    }

    fn spawn(&mut self, mut ready: Option<Sender<()>>) -> std::io::Result<()> {
        let reader = self.reader();
        let first = ready.is_some();
        self.threads.push(super::thread("reader", move || {
            let mut buffer = resident::<C>();
            let watch = Arc::clone(&reader.watch);
            while !reader.stopping.load(Ordering::Acquire) {
                if !reader.serve_one(&mut buffer, first.then_some(&watch)) {
                    break;
                }
                if ready.is_some() && reader.connection.started() {
                    ready.take().map(|ready| ready.send(()));
                }
            }
        })?);
        Ok(())
    }

    /// The connection serves on until no file is open any more, and ends then by itself. Returns who waits for that.
    ///
    /// # Errors
    /// What starting a thread gives.
    pub(super) fn retire(self) -> std::io::Result<Leaving<C>> {
        let connection = Arc::downgrade(&self.connection);
        let reader = self.reader();
        let waiting = std::thread::Builder::new()
            .name("farewell".into())
            .spawn(move || {
                for reader in self.threads {
                    let _ = reader.join();
                    // The one who stands by comes after the reader.
                    self.watch.stop();
                }
            })?;
        reader.retiring.store(true, Ordering::SeqCst);
        reader.retire_if_idle();
        Ok(Leaving {
            connection,
            waiting,
        })
    }

    /// Ends the threads, which notice only when a request comes: makes some.
    pub(super) fn stop(self) {
        let Some(mut knock) = self.connection.knock() else {
            return;
        };
        self.stopping.store(true, Ordering::Release);
        self.watch.stop();
        let reader = self.reader();
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let knocking = std::thread::Builder::new()
            .name("knocker".into())
            .spawn(move || while !seen.load(Ordering::Acquire) && knock() {});
        let Ok(knocking) = knocking else { return };
        for reader in self.threads {
            let _ = reader.join();
        }
        done.store(true, Ordering::Release);
        // One more knock may have come after the last reader went.
        let mut buffer = vec![0u8; C::BUFFER];
        while !knocking.is_finished() {
            if reader.wait(Duration::from_millis(1)) && !reader.serve_one(&mut buffer, None) {
                break;
            }
        }
        let _ = knocking.join();
    }
}

/// A connection that ends with its last open file.
#[derive(Debug)]
pub(super) struct Leaving<C> {
    connection: Weak<C>,
    waiting: JoinHandle<()>,
}

impl<C: Connection> Leaving<C> {
    /// Whether it has nodes of this card.
    pub(super) fn serves(&self, card: CardIndex) -> bool {
        let connection = self.connection.upgrade();
        connection.is_some_and(|c| c.cards().contains(&card))
    }

    /// Whether it has ended.
    pub(super) fn gone(&self) -> bool {
        self.waiting.is_finished()
    }

    /// Waits for the end, but not long, and hardly at all while a file is open: it may just have been closed.
    pub(super) fn wait(&self, at_most: Duration) {
        let since = Instant::now();
        let idle = || self.connection.upgrade().is_none_or(|c| c.idle());
        while !self.gone() && since.elapsed() < if idle() { at_most } else { CLOSING } {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends it now.
    pub(super) fn end(self) {
        if let Some(mut knock) = self.connection.upgrade().and_then(|c| c.knock()) {
            knock();
        }
        let _ = self.waiting.join();
    }
}

/// What one reading thread has.
#[derive(Debug)]
struct Reader<C> {
    connection: Arc<C>,
    cards: Arc<dyn Cards>,
    stopping: Arc<AtomicBool>,
    retiring: Arc<AtomicBool>,
    watch: Arc<Watch>,
    turns: Arc<Turns>,
}

impl<C: Connection> Reader<C> {
    /// Ends the connection, if it is to end and no file is open any more.
    fn retire_if_idle(&self) {
        if self.retiring.load(Ordering::SeqCst) && self.connection.idle() {
            if let Some(mut knock) = self.connection.knock() {
                self.watch.stop();
                knock();
            }
        }
    }

    /// Waits until a message is there, at most so long (below a second); false if none came.
    fn wait(&self, at_most: Duration) -> bool {
        self.connection.session().channel.wait(at_most)
    }

    /// Waits for a request and serves it, whatever happens. False when the connection is over.
    fn serve_one(&self, buffer: &mut [u8], watch: Option<&Arc<Watch>>) -> bool {
        let mut turn = self.connection.in_turns().then(|| self.turns.take());
        let length = match self.connection.session().receive(buffer) {
            Received::Message(length) => length,
            Received::Nothing => return true,
            Received::Over => return false,
        };
        let message = buffer.get(..length).unwrap_or_default();
        if turn.is_some() && !self.connection.has_its_place(message) {
            turn = None;
        }
        watch.inspect(|watch| watch.begin());
        let served = catch_unwind(AssertUnwindSafe(|| {
            self.connection.serve(buffer, length, self.cards.as_ref());
        }));
        watch.inspect(|watch| watch.end());
        drop(turn);
        if served.is_err() {
            log::error!("A request was not served: internal error");
        }
        self.retire_if_idle();
        true
    }
}

/// A buffer whose pages are all there: the kernel fills it without a fault, which might have to wait for a thread that
/// waits for this reader.
fn resident<C: Connection>() -> Vec<u8> {
    vec![0xffu8; C::BUFFER]
}

#[cfg(test)]
mod tests;
