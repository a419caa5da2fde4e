//! Cards in company: what is asked of one while its streams are linked with those of others (§9.1).
//!
//! The files of each card stay by themselves; a call to one has the other cards [lent](Card::lend) to it, and afterwards
//! the others' files see to those who wait for what became of their streams. All of it is called by one thread at a
//! time: who holds which lock meanwhile is not known here.

use hw_backends::units::Now;

use super::Files;
use crate::card::{Card, Member};
use crate::request::{FileHandle, Request};

/// How often news of one card may lead to news of another one before the rest has to wait for the next call.
const ROUNDS: usize = 64;

/// Files of several cards.
pub trait Company {
    /// How many there may be.
    fn len(&self) -> usize;

    /// The files of one of them; `None` where there are none.
    fn files(&mut self, at: usize) -> Option<&mut Files>;

    /// Whether there is nobody.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What happened to the streams of a card in company, and may concern the files of others.
#[derive(Debug, Default)]
pub(super) struct Tidings {
    /// A link was made or broken: others have not been told.
    pub(super) regrouped: bool,
    /// The same: whoever keeps the company together has not asked.
    pub(super) ties_changed: bool,
    /// Substreams on which something changed.
    pub(super) woken: Vec<Member>,
}

/// Calls something of one card's files in the company of the others'; `None` if there are none.
pub fn call<T>(
    all: &mut dyn Company,
    at: usize,
    now: &Now,
    what: impl FnOnce(&mut Files) -> T,
) -> Option<T> {
    let result = with(all, at, what);
    settle(all, now);
    result
}

/// Handles a LINK whose descriptor is file `target` of another one of the company.
pub fn link(
    all: &mut dyn Company,
    at: usize,
    target: (usize, FileHandle),
    request: Request<'_>,
    now: &Now,
) {
    let (other, file) = target;
    let member = all.files(other).and_then(|files| files.member(file));
    call(all, at, now, |files| {
        files.link_target = member;
        files.handle(request, now);
        files.link_target = None;
    });
}

/// Does what is due in any of them.
pub fn tick(all: &mut dyn Company, now: &Now) {
    for at in 0..all.len() {
        let deadline = all.files(at).and_then(|files| files.next_deadline());
        if deadline.is_some_and(|deadline| deadline <= now.monotonic) {
            call(all, at, now, |files| files.tick(now));
        }
    }
}

/// Who has to stay together: for each of the company the first one that it is linked with, directly or not.
#[must_use]
pub fn ties(all: &mut dyn Company) -> Vec<usize> {
    let mut keys = Vec::new();
    let mut pairs = Vec::new();
    for at in 0..all.len() {
        let card = all.files(at).map(|files| &files.card);
        keys.push(card.map(Card::key));
        pairs.extend(card.into_iter().flat_map(Card::ties));
    }
    let place = |key| keys.iter().position(|known| *known == Some(key));
    let mut first: Vec<usize> = (0..keys.len()).collect();
    for (a, b) in pairs {
        let group = |key| place(key).and_then(|at| first.get(at).copied());
        let (Some(a), Some(b)) = (group(a), group(b)) else {
            continue;
        };
        for one in &mut first {
            if *one == a.max(b) {
                *one = a.min(b);
            }
        }
    }
    first
}

fn with<T>(all: &mut dyn Company, at: usize, what: impl FnOnce(&mut Files) -> T) -> Option<T> {
    all.files(at)?;
    for other in (0..all.len()).filter(|other| *other != at) {
        let card = all.files(other).map(Files::lend_card);
        if let (Some(card), Some(files)) = (card, all.files(at)) {
            files.card.lend(card);
        }
    }
    let result = all.files(at).map(what);
    for other in (0..all.len()).rev().filter(|other| *other != at) {
        if all.files(other).is_none() {
            continue;
        }
        let card = all.files(at).and_then(|files| files.card.give_back());
        if let (Some(card), Some(files)) = (card, all.files(other)) {
            files.card = card;
        }
    }
    result
}

/// Lets what happened to the streams of one card reach those who wait for it in the files of others.
fn settle(all: &mut dyn Company, now: &Now) {
    for _ in 0..ROUNDS {
        let (mut quiet, mut regrouped) = (true, false);
        for at in 0..all.len() {
            if all.files(at).is_some_and(|files| files.card.stirs()) {
                with(all, at, |files| files.settle(now));
            }
            let Some(files) = all.files(at) else { continue };
            regrouped |= std::mem::take(&mut files.tidings.regrouped);
            let mut woken = std::mem::take(&mut files.tidings.woken);
            quiet &= woken.is_empty();
            for member in woken.drain(..) {
                tell(all, at, &member, now);
            }
            if let Some(files) = all.files(at) {
                files.tidings.woken = woken;
            }
        }
        for at in (0..all.len()).filter(|_| regrouped) {
            with(all, at, |files| {
                files.parked.regroup(&mut files.card, now);
            });
        }
        if quiet && !regrouped {
            return;
        }
    }
}

/// All but the one at `from` hear of a change of its substream.
fn tell(all: &mut dyn Company, from: usize, member: &Member, now: &Now) {
    for other in (0..all.len()).filter(|other| *other != from) {
        with(all, other, |files| {
            files.parked.wake(&mut files.card, member, now);
        });
    }
}

/// Whether the answer of [`ties`] may be another one than when this was last asked.
pub fn take_ties_changed(all: &mut dyn Company) -> bool {
    let mut changed = false;
    for at in 0..all.len() {
        let files = all.files(at);
        changed |= files.is_some_and(|files| std::mem::take(&mut files.tidings.ties_changed));
    }
    changed
}

impl Files {
    /// The substream an open file is on, if it is one of a PCM.
    fn member(&self, file: FileHandle) -> Option<Member> {
        let id = self.table.substream(file)?;
        Some(self.card.own(&id))
    }

    fn lend_card(&mut self) -> Card {
        std::mem::replace(&mut self.card, Card::absent())
    }
}
