//! Notices that the one reader of a mount does not come back from a request.
//!
//! Two threads that wait for requests take turns, and each turn costs a cold cache. So one reads, and a second one stands
//! by for the case that a client holds the first one up (its memory need not be memory).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a request may take before the second reader steps in, at least; twice that at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the reader does, and the one who stands by.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Odd while a request is served.
    turns: AtomicU64,
    /// Nobody looks, for nothing has happened for a while.
    asleep: AtomicBool,
    stopping: Mutex<bool>,
    changed: Condvar,
}

/// What the one who stands by shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// Read, as long as [`Watch::stuck`] says so of this turn.
    StepIn(u64),
    /// End.
    Stop,
}

impl Watch {
    /// The reader has a request.
    pub(super) fn begin(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) {
            let _guard = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
            self.asleep.store(false, Ordering::SeqCst);
            self.changed.notify_one();
        }
    }

    /// The reader has served it.
    pub(super) fn end(&self) {
        self.turns.fetch_add(1, Ordering::Release);
    }

    /// Whether the request of `turn` is still being served.
    pub(super) fn stuck(&self, turn: u64) -> bool {
        self.turns.load(Ordering::Acquire) == turn
    }

    pub(super) fn stop(&self) {
        *self.stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Waits until there is something to do.
    pub(super) fn stand_by(&self) -> Duty {
        let mut stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = None;
        loop {
            if *stopping {
                return Duty::Stop;
            }
            let turn = self.turns.load(Ordering::SeqCst);
            if seen == Some(turn) {
                if turn % 2 == 1 {
                    return Duty::StepIn(turn);
                }
                self.asleep.store(true, Ordering::SeqCst);
                // A request that came before that was not told.
                if self.turns.load(Ordering::SeqCst) == turn {
                    stopping = self
                        .changed
                        .wait(stopping)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                self.asleep.store(false, Ordering::SeqCst);
            }
            seen = Some(self.turns.load(Ordering::SeqCst));
            let waited = self.changed.wait_timeout(stopping, PATIENCE);
            stopping = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;

    #[test]
    fn a_request_that_takes_long_calls_the_second_reader() {
        let watch = Watch::default();
        watch.begin();
        assert_eq!(watch.stand_by(), Duty::StepIn(1));
        assert!(watch.stuck(1));
        watch.end();
        assert!(!watch.stuck(1));
    }

    #[test]
    fn requests_that_are_served_call_nobody_and_a_stop_ends_the_wait() {
        let watch = Watch::default();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| watch.stand_by());
            for _ in 0..50 {
                watch.begin();
                watch.end();
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(PATIENCE * 3);
            assert!(!waiting.is_finished());
            watch.stop();
            assert_eq!(waiting.join().unwrap(), Duty::Stop);
        });
    }

    #[test]
    fn a_stuck_request_after_a_long_rest_is_noticed() {
        let watch = Watch::default();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| watch.stand_by());
            std::thread::sleep(PATIENCE * 3);
            watch.begin();
            assert_eq!(waiting.join().unwrap(), Duty::StepIn(1));
        });
    }
}
