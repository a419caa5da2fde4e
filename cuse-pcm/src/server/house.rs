//! The cards behind one lock: a card alone, or cards whose streams are linked with one another.
//!
//! Knows who lives there and calls their services; how they get in and out is `slot`'s.

use std::sync::{Arc, Weak};

use hw_backends::units::{Nanos, Now};

use super::inbox::Kept;
use super::slot::Slot;
use super::{Gone, Service};
use crate::file::Files;
use crate::file::company::{self, Company};
use crate::request::{Caller, FileHandle, Operation, Reply, Request, RequestId};

/// How many interrupts are remembered that may have overtaken their requests.
const REMEMBERED: usize = 16;

/// What is left in an inbox.
#[derive(Debug)]
pub(super) enum Letter {
    /// Something for a card to do.
    Errand(Errand),
    /// Cards come to live here.
    Arrival(Vec<Resident>),
    /// All who live here shall move to a house, if the card that the errand is about lives here; the errand goes along.
    Fetch(Arc<Slot>, Errand),
}

/// A request under way to its card.
#[derive(Debug)]
pub(super) struct Errand {
    /// Whose it is.
    pub(super) card: Arc<Slot>,
    pub(super) request: Kept,
    /// LINK: the file of another card that it names.
    pub(super) link: Option<(Arc<Slot>, FileHandle)>,
    /// How often it was sent on.
    pub(super) hops: u32,
}

impl Errand {
    pub(super) fn new(card: &Arc<Slot>, request: Request<'_>) -> Errand {
        Errand {
            card: Arc::clone(card),
            request: Kept::new(request),
            link: None,
            hops: 0,
        }
    }
}

/// A card where it lives.
#[derive(Debug)]
pub(super) struct Resident {
    /// Its place among the cards.
    pub(super) slot: Weak<Slot>,
    /// That one's number.
    pub(super) number: u64,
    service: Box<dyn Service>,
    /// Interrupts whose request is done, or not here yet: the kernel sends an interrupt once, and another reader may
    /// bring it before the request. Numbers are not used again, so old ones do no harm.
    early: [Option<RequestId>; REMEMBERED],
    next_early: usize,
}

impl Resident {
    pub(super) fn new(slot: Weak<Slot>, number: u64, service: Box<dyn Service>) -> Resident {
        Resident {
            slot,
            number,
            service,
            early: [None; REMEMBERED],
            next_early: 0,
        }
    }

    fn remember(&mut self, interrupted: RequestId) {
        if let Some(place) = self.early.get_mut(self.next_early) {
            *place = Some(interrupted);
        }
        self.next_early = self.next_early.wrapping_add(1) % REMEMBERED;
    }

    /// Whether an interrupt of this request has come; it is then forgotten.
    fn interrupted(&mut self, id: RequestId) -> bool {
        let early = self.early.iter_mut().find(|early| **early == Some(id));
        early.map(|early| *early = None).is_some()
    }
}

/// Who lives behind one lock. The card whose lock it is lives there whenever anybody does.
#[derive(Debug, Default)]
pub(super) struct House {
    residents: Vec<Resident>,
    /// Somebody came, or one of them was taken away.
    changed: bool,
}

impl Company for House {
    fn len(&self) -> usize {
        self.residents.len()
    }

    fn files(&mut self, at: usize) -> Option<&mut Files> {
        self.residents.get_mut(at)?.service.files()
    }
}

impl House {
    /// Where among the residents a card is.
    pub(super) fn place(&self, card: &Slot) -> Option<usize> {
        let mut residents = self.residents.iter();
        residents.position(|resident| resident.number == card.number)
    }

    pub(super) fn move_in(&mut self, mut residents: Vec<Resident>) {
        self.changed = true;
        self.residents.append(&mut residents);
    }

    pub(super) fn move_out(&mut self) -> Vec<Resident> {
        std::mem::take(&mut self.residents)
    }

    /// Handles a request of the card at this place. A LINK may name a file of another one, by its place.
    pub(super) fn handle(
        &mut self,
        at: usize,
        link: Option<(usize, FileHandle)>,
        request: Request<'_>,
        now: &Now,
    ) {
        let (id, memory) = (request.id, Arc::clone(&request.memory));
        if let Operation::Interrupt { of } = request.operation {
            if let Some(resident) = self.residents.get_mut(at) {
                resident.remember(of);
            }
            return self.serve(at, None, request, now);
        }
        self.serve(at, link, request, now);
        let resident = self.residents.get_mut(at);
        if resident.is_some_and(|resident| resident.interrupted(id)) {
            let operation = Operation::Interrupt { of: id };
            let interrupt = Request {
                id,
                caller: Caller::default(),
                operation,
                reply: Reply::nobody(id),
                memory,
            };
            self.serve(at, None, interrupt, now);
        }
    }

    fn serve(
        &mut self,
        at: usize,
        link: Option<(usize, FileHandle)>,
        request: Request<'_>,
        now: &Now,
    ) {
        if self.alone(at) {
            if let Some(resident) = self.residents.get_mut(at) {
                resident.service.handle(request, now);
            }
        } else if let Some(target) = link {
            company::link(self, at, target, request, now);
        } else {
            company::call(self, at, now, |files| files.handle(request, now));
        }
    }

    /// Whether what is asked of this one concerns no other.
    fn alone(&mut self, at: usize) -> bool {
        self.residents.len() == 1 || self.files(at).is_none()
    }

    pub(super) fn tick(&mut self, now: &Now) {
        if let [resident] = self.residents.as_mut_slice() {
            return resident.service.tick(now);
        }
        company::tick(self, now);
        for resident in &mut self.residents {
            if resident.service.files().is_none() {
                resident.service.tick(now);
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Nanos> {
        let services = self.residents.iter().map(|resident| &resident.service);
        services.filter_map(|service| service.next_deadline()).min()
    }

    /// What serves the card at this place.
    pub(super) fn service(&mut self, at: usize) -> Option<&mut dyn Service> {
        Some(self.residents.get_mut(at)?.service.as_mut())
    }

    /// Disconnects a card, and puts a stand-in in its place.
    pub(super) fn take_away(&mut self, at: usize, now: &Now) -> Option<Box<dyn Service>> {
        if self.alone(at) {
            self.residents.get_mut(at)?.service.disconnect(now);
        } else {
            company::call(self, at, now, |files| files.disconnect(now));
        }
        self.changed = true;
        let resident = self.residents.get_mut(at)?;
        Some(std::mem::replace(&mut resident.service, Box::new(Gone)))
    }

    /// Puts those out who are not linked with the `host` any more, in groups of those who still are with one another.
    pub(super) fn part(&mut self, host: &Slot) -> Vec<Vec<Resident>> {
        let changed = std::mem::take(&mut self.changed);
        if self.residents.len() < 2 || !(company::take_ties_changed(self) || changed) {
            return Vec::new();
        }
        let ties = company::ties(self);
        let own = self.place(host).and_then(|at| ties.get(at)).copied();
        let mut groups: Vec<Vec<Resident>> = ties.iter().map(|_| Vec::new()).collect();
        for (resident, tie) in self.residents.drain(..).zip(ties) {
            if let Some(group) = groups.get_mut(tie) {
                group.push(resident);
            }
        }
        if let Some(stay) = own.and_then(|own| groups.get_mut(own)) {
            self.residents.append(stay);
        }
        groups.retain(|group| !group.is_empty());
        groups
    }
}
