//! The cards, and the way of requests to them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, Weak};

use hw_backends::units::Now;
use uapi::pcm::table::LINK;

use super::Service;
use super::house::Errand;
use super::slot::Slot;
use crate::request::{FileHandle, Operation, Request};
use crate::transport::{CardIndex, Cards, Deliver};

/// All cards. Whoever has a file of one open has its place as well, and does not come here but for links.
#[derive(Debug)]
pub(super) struct Engine {
    cards: RwLock<BTreeMap<CardIndex, Arc<Slot>>>,
    next: AtomicUsize,
    me: Weak<Engine>,
}

impl Engine {
    /// No card yet.
    pub(super) fn new() -> Arc<Engine> {
        Arc::new_cyclic(|me| Engine {
            cards: RwLock::default(),
            next: AtomicUsize::new(0),
            me: Weak::clone(me),
        })
    }

    /// A new card.
    pub(super) fn add(&self, service: Box<dyn Service>) -> (CardIndex, Arc<Slot>) {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let slot = Slot::new(index as u64, service);
        let mut cards = self.cards.write().unwrap_or_else(PoisonError::into_inner);
        cards.insert(CardIndex(index), Arc::clone(&slot));
        (CardIndex(index), slot)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.read().len()
    }

    /// Those that are there, the oldest first.
    pub(super) fn indices(&self) -> Vec<CardIndex> {
        self.read().keys().copied().collect()
    }

    pub(super) fn slot(&self, card: CardIndex) -> Option<Arc<Slot>> {
        self.read().get(&card).cloned()
    }

    /// Disconnects a card: whoever has a file of it open gets ENODEV from now on. Returns what served it.
    pub(super) fn take_away(&self, card: CardIndex, now: &Now) -> Option<Box<dyn Service>> {
        let slot = {
            let mut cards = self.cards.write().unwrap_or_else(PoisonError::into_inner);
            cards.remove(&card)?
        };
        let old = slot.take_away(now);
        // Cards that lived with it have left.
        slot.alarm.stop();
        Some(old)
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<CardIndex, Arc<Slot>>> {
        self.cards.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cards for Engine {
    fn card(&self, card: CardIndex) -> Option<Arc<dyn Deliver>> {
        Some(Arc::new(Way {
            slot: self.slot(card)?,
            engine: Weak::clone(&self.me),
        }))
    }
}

/// The way to one card, as an open file has it. Leads on also when the card is gone, to what stands in its place.
#[derive(Debug)]
struct Way {
    slot: Arc<Slot>,
    engine: Weak<Engine>,
}

impl Way {
    /// The file of another card that a LINK names.
    fn linked(&self, request: &Request<'_>) -> Option<(Arc<Slot>, FileHandle)> {
        let Operation::Ioctl { cmd: LINK, arg, .. } = request.operation else {
            return None;
        };
        let [a, b, c, d, ..] = arg.to_le_bytes();
        let descriptor = i32::from_le_bytes([a, b, c, d]);
        let (card, file) = request.memory.open_file_elsewhere(descriptor)?;
        Some((self.engine.upgrade()?.slot(card)?, file))
    }
}

impl Deliver for Way {
    fn deliver(&self, request: Request<'_>) {
        match self.linked(&request) {
            None => self.slot.deliver(request),
            link => self.slot.deliver_letter(Errand {
                link,
                ..Errand::new(&self.slot, request)
            }),
        }
    }
}
