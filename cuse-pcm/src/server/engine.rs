//! The cards, each at its place, and the way of requests to them.

use std::sync::Arc;

use hw_backends::units::Now;
use uapi::pcm::table::LINK;

use super::Service;
use super::house::Errand;
use super::slot::Slot;
use crate::request::{FileHandle, Operation, Request};
use crate::transport::{CardIndex, Deliver};

/// All cards.
#[derive(Debug)]
pub(super) struct Engine {
    slots: Vec<Arc<Slot>>,
}

impl Engine {
    pub(super) fn new(cards: Vec<Box<dyn Service>>) -> Engine {
        let slots = (0..).zip(cards);
        Engine {
            slots: slots
                .map(|(number, card)| Slot::new(number, card))
                .collect(),
        }
    }

    pub(super) fn cards(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn slot(&self, card: usize) -> Option<&Arc<Slot>> {
        self.slots.get(card)
    }

    /// Disconnects every card; returns what served them.
    pub(super) fn take_away(&self, now: &Now) -> Vec<Box<dyn Service>> {
        self.slots.iter().map(|slot| slot.take_away(now)).collect()
    }

    pub(super) fn stop_timers(&self) {
        self.slots.iter().for_each(|slot| slot.alarm.stop());
    }

    /// The file of another card that a LINK names.
    fn linked(&self, request: &Request<'_>) -> Option<(Arc<Slot>, FileHandle)> {
        let Operation::Ioctl { cmd: LINK, arg, .. } = request.operation else {
            return None;
        };
        let [a, b, c, d, ..] = arg.to_le_bytes();
        let descriptor = i32::from_le_bytes([a, b, c, d]);
        let (card, file) = request.memory.open_file_elsewhere(descriptor)?;
        Some((Arc::clone(self.slot(card.0)?), file))
    }
}

impl Deliver for Engine {
    fn deliver(&self, card: CardIndex, request: Request<'_>) {
        let Some(slot) = self.slot(card.0) else {
            return request.reply.fail(uapi::Errno::ENODEV);
        };
        match self.linked(&request) {
            None => slot.deliver(request),
            link => slot.deliver_letter(Errand {
                link,
                ..Errand::new(slot, request)
            }),
        }
    }
}
