//! A card's place: its lock, its inbox and its alarm; and how cards move to live together while they are linked.
//!
//! Each place has a lock, behind which is a [`House`]. A card lives at its own place, unless a stream of it is linked with
//! one of another card's: then all cards that are linked with one another, directly or not, live at the place of the one
//! with the lowest number, and go home when no link holds them any more. So one lock is enough for whatever a linked
//! group does, and a card that is not linked has one of its own, as if there were no links.
//!
//! Cards move by letter, so that nobody ever holds two of these locks:
//!
//! - Under a place's lock others are only written to. The locks within an inbox, of an alarm and of a home are held for
//!   some instructions, the inbox's before the home's, and nothing else is locked under them.
//! - Who reads requests never waits for a place's lock: a letter is left where it is taken. Timers and those who take
//!   cards away wait for it, with no other lock held.
//! - Whoever leaves a letter then tries the lock, and whoever lets the lock go looks for letters: none stays behind.
//! - Where a card lives changes together with the letter that takes it there. Who knows the new home can leave his
//!   letter only behind that one. Who knew an old home finds the card gone, and sends his letter on.
//! - For a link, the house with the higher number moves, so that two that want each other agree on who goes; for the
//!   way back there is nothing to agree on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use std::time::{Duration, Instant};

use hw_backends::clock;
use hw_backends::units::Now;
use uapi::Errno;

use super::house::{Errand, House, Letter, Resident};
use super::inbox::Inbox;
use super::timer::Alarm;
use super::{Gone, Service, turn};
use crate::request::Request;

/// How often a letter is sent on before it is taken to be undeliverable. Cards that move all the time need some.
const HOPS: u32 = 1000;

#[cfg(test)]
mod tests;

/// A card's place.
#[derive(Debug)]
pub(super) struct Slot {
    /// Its number among all places.
    pub(super) number: u64,
    house: Mutex<House>,
    inbox: Inbox,
    pub(super) alarm: Alarm,
    /// The card lives elsewhere.
    away: AtomicBool,
    /// There.
    host: Mutex<Option<Arc<Slot>>>,
}

/// Places that were written to, and whose inboxes have to be looked at once no lock is held.
type Written = Vec<Arc<Slot>>;

impl Slot {
    pub(super) fn new(number: u64, service: Box<dyn Service>) -> Arc<Slot> {
        Arc::new_cyclic(|slot| {
            let mut house = House::default();
            house.move_in(vec![Resident::new(slot.clone(), number, service)]);
            Slot {
                number,
                house: Mutex::new(house),
                inbox: Inbox::default(),
                alarm: Alarm::default(),
                away: AtomicBool::new(false),
                host: Mutex::new(None),
            }
        })
    }

    /// Where the card lives, or will when the letters there are read.
    fn home(self: &Arc<Slot>) -> Arc<Slot> {
        if self.away.load(Ordering::Acquire) {
            let host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(host) = &*host {
                return Arc::clone(host);
            }
        }
        Arc::clone(self)
    }

    fn set_home(&self, home: &Arc<Slot>) {
        let away = home.number != self.number;
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        *host = away.then(|| Arc::clone(home));
        self.away.store(away, Ordering::Release);
    }

    /// Handles `request` and whatever waits, unless somebody else has the lock, who will then do it.
    pub(super) fn deliver(self: &Arc<Slot>, request: Request<'_>) {
        if self.away.load(Ordering::Acquire) {
            self.home().deliver_for(self, request);
        } else {
            self.deliver_for(self, request);
        }
    }

    /// The request is for `card`, which most likely lives here.
    fn deliver_for(self: &Arc<Slot>, card: &Arc<Slot>, request: Request<'_>) {
        let written = match self.try_hold() {
            Some(house) if self.inbox.is_empty() => {
                turn::is_over();
                self.work(house, Some((card, request)))
            }
            held => {
                let errand = Errand::new(card, request);
                self.inbox.push([Letter::Errand(errand)], || {});
                turn::is_over();
                held.map_or_else(Vec::new, |house| self.work(house, None))
            }
        };
        self.look_again(written);
    }

    /// The same for what may need the card to move, or to be looked for.
    pub(super) fn deliver_letter(self: &Arc<Slot>, errand: Errand) {
        let mut written = Vec::new();
        self.home().leave(Letter::Errand(errand), &mut written);
        turn::is_over();
        self.look_again(written);
    }

    /// The timer's turn: waits for the lock.
    pub(super) fn tick(self: &Arc<Slot>) {
        let mut house = self.hold();
        self.alarm.rang();
        house.tick(&clock::now());
        let written = self.work(house, None);
        self.look_again(written);
    }

    /// Disconnects the card, wherever it lives; returns what served it.
    pub(super) fn take_away(self: &Arc<Slot>, now: &Now) -> Box<dyn Service> {
        for _ in 0..HOPS {
            let home = self.home();
            let mut house = home.hold();
            let mut written = Vec::new();
            // It may just have come, or be about to go.
            home.read(&mut house, &mut written, now);
            let at = house.place(self);
            let old = at.and_then(|at| house.take_away(at, now));
            written.extend(home.work(house, None));
            home.look_again(written);
            if let Some(old) = old {
                return old;
            }
            std::thread::yield_now();
        }
        log::error!("A card could not be taken away: internal error");
        Box::new(Gone)
    }

    /// Lets `what` look at what serves the card, wherever it lives; `None` where that cannot be had in so long.
    pub(super) fn look<T>(
        self: &Arc<Slot>,
        at_most: Duration,
        what: impl FnOnce(&mut dyn Service) -> T,
    ) -> Option<T> {
        let since = Instant::now();
        while since.elapsed() < at_most {
            let home = self.home();
            if let Some(mut house) = home.try_hold() {
                let mut written = Vec::new();
                home.read(&mut house, &mut written, &clock::now());
                let at = house.place(self);
                if let Some(service) = at.and_then(|at| house.service(at)) {
                    let result = what(service);
                    written.extend(home.work(house, None));
                    home.look_again(written);
                    return Some(result);
                }
                written.extend(home.work(house, None));
                home.look_again(written);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }

    fn hold(&self) -> MutexGuard<'_, House> {
        self.house.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_hold(&self) -> Option<MutexGuard<'_, House>> {
        match self.house.try_lock() {
            Ok(house) => Some(house),
            Err(TryLockError::Poisoned(house)) => Some(house.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Handles a request of a card, which was there before any letter, reads the letters, does what is due, and lets the
    /// lock go.
    fn work(
        self: &Arc<Slot>,
        mut house: MutexGuard<'_, House>,
        request: Option<(&Arc<Slot>, Request<'_>)>,
    ) -> Written {
        let now = clock::now();
        let mut written = Vec::new();
        if let Some((card, request)) = request {
            match house.place(card) {
                Some(at) => house.handle(at, None, request, &now),
                None => self.send_on(Errand::new(card, request), &mut written),
            }
        }
        self.read(&mut house, &mut written, &now);
        for group in house.part(self) {
            see_off(group, &mut written);
        }
        let mut deadline = house.next_deadline();
        if deadline.is_some_and(|due| due <= now.monotonic) {
            // What is due at once (a device that runs free) costs no turn of the timer's.
            house.tick(&now);
            deadline = house.next_deadline();
        }
        // Under the lock, so that no later deadline overwrites an earlier one.
        self.alarm.set(deadline);
        written
    }

    /// With no lock held: sees to this place's letters, and to those of others that were written to.
    fn look_again(self: &Arc<Slot>, mut written: Written) {
        if self.inbox.is_empty() && written.is_empty() {
            return;
        }
        written.push(Arc::clone(self));
        while let Some(slot) = written.pop() {
            while !slot.inbox.is_empty() {
                let Some(house) = slot.try_hold() else { break };
                written.extend(slot.work(house, None));
            }
        }
    }

    fn leave(self: &Arc<Slot>, letter: Letter, written: &mut Written) {
        self.inbox.push([letter], || {});
        written.push(Arc::clone(self));
    }

    fn read(self: &Arc<Slot>, house: &mut House, written: &mut Written, now: &Now) {
        while let Some(letter) = self.inbox.pop() {
            match letter {
                Letter::Errand(errand) => self.run(errand, house, written, now),
                Letter::Arrival(residents) => self.welcome(residents, house, written),
                Letter::Fetch(to, errand) => {
                    let about = errand.link.as_ref();
                    let here = about.is_some_and(|(card, _)| house.place(card).is_some());
                    if here && to.number < self.number {
                        to.receive(house.move_out(), Some(errand), written);
                    } else {
                        self.send_on(errand, written);
                    }
                }
            }
        }
    }

    fn run(self: &Arc<Slot>, errand: Errand, house: &mut House, written: &mut Written, now: &Now) {
        let Some(at) = house.place(&errand.card) else {
            return self.send_on(errand, written);
        };
        let Some((target, file)) = errand.link.clone() else {
            return errand.request.with(|r| house.handle(at, None, r, now));
        };
        if let Some(other) = house.place(&target) {
            let link = Some((other, file));
            return errand.request.with(|r| house.handle(at, link, r, now));
        }
        let there = target.home();
        if self.number < there.number {
            there.leave(Letter::Fetch(Arc::clone(self), errand), written);
        } else if there.number < self.number {
            there.receive(house.move_out(), Some(errand), written);
        } else {
            // Its arrival is among the letters.
            self.send_on(errand, written);
        }
    }

    /// To where the card lives now.
    fn send_on(self: &Arc<Slot>, mut errand: Errand, written: &mut Written) {
        errand.hops = errand.hops.saturating_add(1);
        if errand.hops > HOPS {
            log::error!("A request did not find its card: internal error");
            return errand.request.with(|r| r.reply.fail(Errno::ENODEV));
        }
        let home = errand.card.home();
        home.leave(Letter::Errand(errand), written);
    }

    /// Cards that were sent here move in, unless this place's own card has moved on meanwhile.
    fn welcome(
        self: &Arc<Slot>,
        residents: Vec<Resident>,
        house: &mut House,
        written: &mut Written,
    ) {
        let own = residents.iter().any(|one| one.number == self.number);
        if own || house.place(self).is_some() {
            house.move_in(residents);
        } else {
            self.home().receive(residents, None, written);
        }
    }

    /// Cards shall live here, and then something be done.
    fn receive(
        self: &Arc<Slot>,
        residents: Vec<Resident>,
        then: Option<Errand>,
        written: &mut Written,
    ) {
        let slots: Vec<_> = residents.iter().map(|one| one.slot.clone()).collect();
        let letters = std::iter::once(Letter::Arrival(residents));
        self.inbox
            .push(letters.chain(then.map(Letter::Errand)), || {
                for slot in slots.iter().filter_map(std::sync::Weak::upgrade) {
                    slot.set_home(self);
                }
            });
        written.push(Arc::clone(self));
    }
}

/// Cards that are not linked with their host any more go to live at the lowest one's place.
fn see_off(residents: Vec<Resident>, written: &mut Written) {
    let slots = residents.iter().filter_map(|one| one.slot.upgrade());
    // Without any, nobody can ask for them.
    if let Some(leader) = slots.min_by_key(|slot| slot.number) {
        leader.receive(residents, None, written);
    }
}
