//! Whose turn it is to read, where several threads read one connection.
//!
//! A thread that has read a request could be overtaken by one that reads the next: by a call, say, that comes after a
//! close. So reading goes by turns. A turn lasts from before the read until the request has its place: its card is held, or
//! it lies in the card's inbox. Nobody waits for a card in between, nor for a ring's pages, so the next one's turn always
//! comes.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

thread_local! {
    /// Of what it is this thread's turn.
    static MINE: Cell<Option<Arc<Turns>>> = const { Cell::new(None) };
}

/// The turns of one connection.
#[derive(Debug, Default)]
pub(super) struct Turns {
    taken: Mutex<bool>,
    over: Condvar,
}

/// This thread's turn; over at the end of its life at the latest.
#[derive(Debug)]
pub(super) struct Turn(PhantomData<*const ()>);

impl Turns {
    /// Waits for its turn.
    pub(super) fn take(self: &Arc<Self>) -> Turn {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.over.wait_while(taken, |taken| *taken);
        *free.unwrap_or_else(PoisonError::into_inner) = true;
        MINE.set(Some(Arc::clone(self)));
        Turn(PhantomData)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        is_over();
    }
}

/// What this thread has read has its place: the next one may read. Nothing where it is nobody's turn.
pub(super) fn is_over() {
    if let Some(turns) = MINE.take() {
        let mut taken = turns.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = false;
        drop(taken);
        turns.over.notify_one();
    }
}
