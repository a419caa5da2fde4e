//! How a device says that something happened outside a call: it holds a [`Notifier`], never a substream.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Wakes whoever asks devices for their position. Clones ring the same bell.
#[derive(Clone, Default)]
pub struct Notifier {
    rung: Arc<AtomicBool>,
    wake: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Notifier {
    /// A notifier that calls `wake` once for each time it goes from silent to rung. `wake` must not block and may be
    /// called from any thread, with the card's lock held or not.
    #[must_use]
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Notifier {
        Notifier {
            rung: Arc::default(),
            wake: Some(Arc::new(wake)),
        }
    }

    /// A notifier that wakes nobody; [`take`](Self::take) still tells.
    #[must_use]
    pub fn silent() -> Notifier {
        Notifier::default()
    }

    /// Something changed: positions should be asked for now.
    pub fn notify(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            if let Some(wake) = &self.wake {
                wake();
            }
        }
    }

    /// Whether it was rung since last asked. Ask before looking at the devices.
    pub fn take(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("rung", &self.rung)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn wakes_once_until_taken() {
        let calls = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&calls);
        let notifier = Notifier::new(move || {
            seen.fetch_add(1, Ordering::Relaxed);
        });

        let other = notifier.clone();

        notifier.notify();
        other.notify();

        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert!(notifier.take());
        assert!(!notifier.take());
        notifier.notify();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}
