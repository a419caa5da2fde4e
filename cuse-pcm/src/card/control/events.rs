//! What one subscriber has not read yet: at most one event an element.

use std::collections::{BTreeMap, VecDeque};

use uapi::control::elem::Event;

/// Most events that wait for a subscriber who does not read; later ones are lost. An element has one event at most, so
/// only a client that defines and removes elements without end comes here.
const WAITING_MAX: usize = 1 << 16;

/// Events in the order in which their elements first changed.
#[derive(Debug, Default)]
pub struct EventQueue {
    waiting: VecDeque<Event>,
    /// How many events have been read before the first that waits.
    gone: u64,
    /// For each element number with a waiting event: how many events came before it.
    place: BTreeMap<u32, u64>,
}

impl EventQueue {
    /// Adds an event, or adds its mask to the waiting event of the same element.
    pub fn push(&mut self, event: Event) {
        let waiting = self.place.get(&event.id.numid).and_then(|before| {
            let place = usize::try_from(before.wrapping_sub(self.gone)).ok()?;
            self.waiting.get_mut(place)
        });
        if let Some(waiting) = waiting {
            waiting.mask |= event.mask;
        } else if self.waiting.len() < WAITING_MAX {
            let before = self.gone.wrapping_add(self.waiting.len() as u64);
            self.place.insert(event.id.numid, before);
            self.waiting.push_back(event);
        }
    }

    /// The next event.
    pub fn pop(&mut self) -> Option<Event> {
        let event = self.waiting.pop_front()?;
        self.gone = self.gone.wrapping_add(1);
        self.place.remove(&event.id.numid);
        Some(event)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = EventQueue::default();
    }
}
