//! The cards, each behind its lock, with its inbox and its timer's alarm.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use hw_backends::clock;
use hw_backends::units::Now;

use super::inbox::Inbox;
use super::timer::Alarm;
use super::{Gone, Service};
use crate::request::{Caller, Operation, Reply, Request, RequestId};
use crate::transport::{CardIndex, Deliver};

/// How many interrupts are remembered that may have overtaken their requests.
const REMEMBERED: usize = 16;

/// All cards.
#[derive(Debug)]
pub(super) struct Engine {
    slots: Vec<Slot>,
}

#[derive(Debug)]
pub(super) struct Slot {
    held: Mutex<Held>,
    inbox: Inbox,
    pub(super) alarm: Alarm,
}

/// What the lock protects.
#[derive(Debug)]
struct Held {
    service: Box<dyn Service>,
    /// Interrupts whose request is done, or not here yet: the kernel sends an interrupt once, and another reader may
    /// bring it before the request. Numbers are not used again, so old ones do no harm.
    early: [Option<RequestId>; REMEMBERED],
    next_early: usize,
}

impl Held {
    fn handle(&mut self, request: Request<'_>, now: &Now) {
        let (id, memory) = (request.id, std::sync::Arc::clone(&request.memory));
        if let Operation::Interrupt { of } = request.operation {
            if let Some(slot) = self.early.get_mut(self.next_early) {
                *slot = Some(of);
            }
            self.next_early = self.next_early.wrapping_add(1) % REMEMBERED;
            self.service.handle(request, now);
            return;
        }
        self.service.handle(request, now);
        if let Some(slot) = self.early.iter_mut().find(|early| **early == Some(id)) {
            *slot = None;
            let operation = Operation::Interrupt { of: id };
            let interrupt = Request {
                id,
                caller: Caller::default(),
                operation,
                reply: Reply::nobody(id),
                memory,
            };
            self.service.handle(interrupt, now);
        }
    }
}

impl Slot {
    fn new(service: Box<dyn Service>) -> Slot {
        let held = Held {
            service,
            early: [None; REMEMBERED],
            next_early: 0,
        };
        Slot {
            held: Mutex::new(held),
            inbox: Inbox::default(),
            alarm: Alarm::default(),
        }
    }

    /// Handles `request` and whatever waits, unless somebody else has the card, who will then do it.
    fn deliver(&self, request: Request<'_>) {
        match self.try_hold() {
            Some(held) => self.work(held, Some(request)),
            None => self.inbox.push(request),
        }
        self.look_again();
    }

    /// The timer's turn: waits for the card.
    pub(super) fn tick(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.alarm.rang();
        held.service.tick(&clock::now());
        self.work(held, None);
        self.look_again();
    }

    fn work(&self, mut held: MutexGuard<'_, Held>, request: Option<Request<'_>>) {
        let now = clock::now();
        while let Some(kept) = self.inbox.pop() {
            kept.with(|request| held.handle(request, &now));
        }
        if let Some(request) = request {
            held.handle(request, &now);
        }
        let mut deadline = held.service.next_deadline();
        if deadline.is_some_and(|due| due <= now.monotonic) {
            // What is due at once (a device that runs free) costs no turn of the timer's.
            held.service.tick(&now);
            deadline = held.service.next_deadline();
        }
        // Under the lock, so that no later deadline overwrites an earlier one.
        self.alarm.set(deadline);
    }

    fn look_again(&self) {
        while !self.inbox.is_empty() {
            let Some(held) = self.try_hold() else { return };
            self.work(held, None);
        }
    }

    fn try_hold(&self) -> Option<MutexGuard<'_, Held>> {
        match self.held.try_lock() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(held)) => Some(held.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn take_away(&self, now: &Now) -> Box<dyn Service> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.service.disconnect(now);
        let old = std::mem::replace(&mut held.service, Box::new(Gone));
        self.work(held, None);
        self.look_again();
        old
    }
}

impl Engine {
    pub(super) fn new(cards: Vec<Box<dyn Service>>) -> Engine {
        Engine {
            slots: cards.into_iter().map(Slot::new).collect(),
        }
    }

    pub(super) fn cards(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn slot(&self, card: usize) -> Option<&Slot> {
        self.slots.get(card)
    }

    /// Disconnects every card; returns what served them.
    pub(super) fn take_away(&self, now: &Now) -> Vec<Box<dyn Service>> {
        self.slots.iter().map(|slot| slot.take_away(now)).collect()
    }

    pub(super) fn stop_timers(&self) {
        self.slots.iter().for_each(|slot| slot.alarm.stop());
    }
}

impl Deliver for Engine {
    fn deliver(&self, card: CardIndex, request: Request<'_>) {
        match self.slots.get(card.0) {
            Some(slot) => slot.deliver(request),
            None => request.reply.fail(uapi::Errno::ENODEV),
        }
    }
}
