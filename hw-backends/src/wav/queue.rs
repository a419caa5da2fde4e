//! Bytes on their way between the engine and a file's thread: one puts in, one takes out, nobody waits for the other.

use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use uapi::Errno;

use crate::dma::Area;

/// A bounded queue of bytes. One thread at a time calls the putting side ([`push`](Self::push)), one the taking side
/// ([`peek`](Self::peek), [`consume`](Self::consume)).
#[derive(Debug)]
pub(super) struct Queue {
    area: Area,
    /// Bytes ever put in.
    head: AtomicU64,
    /// Bytes ever taken out.
    tail: AtomicU64,
}

impl Queue {
    /// Room for `bytes`. The memory is the queue's from now on, though only touched pages cost.
    pub(super) fn new(bytes: usize) -> Result<Queue, Errno> {
        Ok(Queue {
            area: Area::anonymous(bytes.max(1))?,
            head: AtomicU64::new(0),
            tail: AtomicU64::new(0),
        })
    }

    /// Bytes to take out.
    pub(super) fn len(&self) -> usize {
        let tail = self.tail.load(Acquire);
        usize::try_from(self.head.load(Acquire).wrapping_sub(tail))
            .unwrap_or(0)
            .min(self.area.len())
    }

    /// Whether everything was taken out.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that can be put in.
    pub(super) fn room(&self) -> usize {
        self.area.len() - self.len()
    }

    /// Puts all of `bytes` in, or nothing: false where there is no room.
    pub(super) fn push(&self, bytes: &[u8]) -> bool {
        if bytes.len() > self.room() {
            return false;
        }
        let head = self.head.load(Relaxed);
        let at = self.offset(head);
        let first = self.area.write(at, bytes);
        self.area.write(0, bytes.get(first..).unwrap_or(&[]));
        // Whoever sees the new head sees the bytes.
        self.head
            .store(head.wrapping_add(bytes.len() as u64), Release);
        true
    }

    /// Copies the oldest bytes without taking them out; returns how many.
    pub(super) fn peek(&self, into: &mut [u8]) -> usize {
        let n = into.len().min(self.len());
        let Some(into) = into.get_mut(..n) else {
            return 0;
        };
        let first = self.area.read(self.offset(self.tail.load(Relaxed)), into);
        if let Some(rest) = into.get_mut(first..) {
            self.area.read(0, rest);
        }
        n
    }

    /// Takes the oldest `n` bytes out.
    pub(super) fn consume(&self, n: usize) {
        let tail = self.tail.load(Relaxed);
        // The bytes were read before their room is given back.
        self.tail
            .store(tail.wrapping_add(n.min(self.len()) as u64), Release);
    }

    fn offset(&self, position: u64) -> usize {
        usize::try_from(position % self.area.len() as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn bytes_come_out_in_order_around_the_end() {
        let queue = Queue::new(10).unwrap();
        let mut out = [0; 10];
        assert!(queue.push(&[1, 2, 3, 4, 5, 6, 7]));
        queue.consume(queue.peek(&mut out[..5]));

        assert!(queue.push(&[8, 9, 10, 11, 12, 13, 14]));

        assert_eq!(queue.peek(&mut out), 9);
        assert_eq!(out[..9], [6, 7, 8, 9, 10, 11, 12, 13, 14]);
    }

    #[test]
    fn a_push_beyond_the_room_changes_nothing() {
        let queue = Queue::new(4).unwrap();
        assert!(queue.push(&[1, 2, 3]));

        assert!(!queue.push(&[4, 5]));

        assert_eq!((queue.len(), queue.room()), (3, 1));
    }
}
