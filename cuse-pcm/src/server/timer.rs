//! Wakes a card when its next deadline has come.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hw_backends::clock;
use hw_backends::units::Nanos;

use super::slot::Slot;

/// No deadline.
const NEVER: u64 = u64::MAX;

/// When the timer of a card shall wake it.
#[derive(Debug)]
pub(super) struct Alarm {
    /// Monotonic nanoseconds; changed only by whoever holds the card.
    at: AtomicU64,
    stopping: Mutex<bool>,
    changed: Condvar,
}

impl Default for Alarm {
    fn default() -> Alarm {
        Alarm {
            at: AtomicU64::new(NEVER),
            stopping: Mutex::new(false),
            changed: Condvar::new(),
        }
    }
}

impl Alarm {
    /// Sets the alarm for `deadline` unless it rings earlier anyhow. Called with the card held.
    pub(super) fn set(&self, deadline: Option<Nanos>) {
        let at = deadline.map_or(NEVER, |d| d.0);
        if at < self.at.load(Ordering::Acquire) {
            let guard = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
            self.at.store(at, Ordering::Release);
            drop(guard);
            self.changed.notify_one();
        }
    }

    /// The alarm is off until it is set anew. Called with the card held.
    pub(super) fn rang(&self) {
        self.at.store(NEVER, Ordering::Release);
    }

    pub(super) fn stop(&self) {
        *self.stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Waits for the alarm; false when it is time to stop.
    fn wait(&self) -> bool {
        let mut stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if *stopping {
                return false;
            }
            let at = self.at.load(Ordering::Acquire);
            stopping = if at == NEVER {
                self.changed
                    .wait(stopping)
                    .unwrap_or_else(PoisonError::into_inner)
            } else {
                let left = Nanos(at).since(clock::monotonic());
                if left.0 == 0 {
                    return true;
                }
                let wait = self
                    .changed
                    .wait_timeout(stopping, Duration::from_nanos(left.0));
                wait.unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }
}

/// Starts the timer of a card.
pub(super) fn start(slot: &Arc<Slot>) -> std::io::Result<JoinHandle<()>> {
    let slot = Arc::clone(slot);
    std::thread::Builder::new()
        .name("timer".into())
        .spawn(move || {
            super::signals::block();
            // The default of 50 µs is much where a period may be 1 ms.
            let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
            while slot.alarm.wait() {
                let ticked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slot.tick()));
                if ticked.is_err() {
                    log::error!("A deadline was not served: internal error");
                }
            }
        })
}
