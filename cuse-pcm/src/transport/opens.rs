//! Open files of a mount: which card's file a kernel's file handle is, and opens that are not answered yet.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use super::client_memory::{Client, Descriptor, LASTING, Neighbour, Neighbours, Place};
use super::passthrough::BackingId;
use super::{CardIndex, Deliver};
use crate::request::{FileHandle, Request};
use uapi::Errno;

/// An open file.
#[derive(Debug)]
pub struct OpenFile {
    /// Whose it is.
    pub card: CardIndex,
    /// The way to that card.
    to: Option<Arc<dyn Deliver>>,
    /// What the card calls it.
    pub file: FileHandle,
    /// The inode, which is this open's alone; 0 on a character device.
    pub inode: u64,
    /// With what memory it was opened.
    pub memory: Memory,
    /// Where it was last seen, on a device: [`NEVER`], [`NOWHERE`] or a packed [`Place`].
    seen: AtomicU64,
    /// The thread that asked last: it most likely asks again.
    last: Mutex<Option<Arc<Client>>>,
    /// All files of the mount.
    all: Weak<Slots>,
}

/// Open files by the kernel's file handle.
type Slots = RwLock<Vec<Option<Arc<OpenFile>>>>;

/// Nobody has looked yet.
const NEVER: u64 = 0;
/// Somebody has looked, and could not tell.
const NOWHERE: u64 = u64::MAX;

fn pack(place: Place) -> u64 {
    u64::from(place.process) << 32 | u64::from(place.descriptor)
}

fn unpack(packed: u64) -> Option<Place> {
    let [process, descriptor] = [packed >> 32, packed].map(|half| half & u64::from(u32::MAX));
    (packed != NEVER && packed != NOWHERE).then_some(Place {
        process: u32::try_from(process).ok()?,
        descriptor: u32::try_from(descriptor).ok()?,
    })
}

/// The files beside one of a card.
#[derive(Debug)]
struct Beside(CardIndex, FileHandle, Weak<Slots>);

impl Beside {
    /// The one among the open files for which `which` holds, as `choose` says.
    fn one(
        &self,
        which: impl Fn(&OpenFile) -> bool,
        choose: impl FnOnce(&[&OpenFile]) -> Option<usize>,
    ) -> Option<Neighbour> {
        let files = self.2.upgrade()?;
        let files = files.read().unwrap_or_else(PoisonError::into_inner);
        let there: Vec<&OpenFile> = files
            .iter()
            .flatten()
            .map(Arc::as_ref)
            .filter(|open| which(open))
            .collect();
        let found = there.get(choose(&there)?)?;
        Some(Neighbour {
            elsewhere: (found.card != self.0).then_some(found.card),
            file: found.file,
        })
    }
}

impl Neighbours for Beside {
    fn on_inode(&self, inode: u64) -> Option<Neighbour> {
        self.one(
            |open| open.inode == inode,
            |there| (there.len() == 1).then_some(0),
        )
    }

    fn on_device(
        &self,
        number: u64,
        flags: u32,
        is_it: &dyn Fn(Place) -> Option<bool>,
    ) -> Option<Neighbour> {
        let alike = |theirs| (theirs ^ flags) & LASTING == 0;
        let on_it = |open: &OpenFile| matches!(open.memory, Memory::Device { number: on, flags } if on == number && alike(flags));
        self.one(on_it, |there| {
            if let [_] = there {
                return Some(0);
            }
            let verdicts: Vec<Option<bool>> = there
                .iter()
                .map(|open| is_it(unpack(open.seen.load(Ordering::Acquire))?))
                .collect();
            let of = |verdict| verdicts.iter().position(|known| *known == verdict);
            let unknown = verdicts.iter().filter(|known| known.is_none()).count();
            of(Some(true)).or_else(|| of(None).filter(|_| unknown == 1))
        })
    }

    fn seen_at(&self, place: Place) {
        let Some(files) = self.2.upgrade() else {
            return;
        };
        let files = files.read().unwrap_or_else(PoisonError::into_inner);
        let place = pack(place);
        for open in files.iter().flatten() {
            if open.card == self.0 && open.file == self.1 {
                open.seen.store(place, Ordering::Release);
            } else {
                // A descriptor is of one file: another one that was seen there has lost it since.
                let _ =
                    open.seen
                        .compare_exchange(place, NOWHERE, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }
}

impl OpenFile {
    /// Hands a request of this file to its card.
    pub fn deliver(&self, request: Request<'_>) {
        match &self.to {
            Some(card) => card.deliver(request),
            None => request.reply.fail(Errno::ENODEV),
        }
    }

    /// Takes note of the descriptor that `client` asks through, the first time it does: LINK may name it later.
    pub fn look_once(&self, client: &Client) {
        if self.seen.load(Ordering::Acquire) != NEVER {
            return;
        }
        if client.look().is_none() {
            // Asked again at PREPARE.
            self.seen.store(NOWHERE, Ordering::Release);
        }
    }

    /// Access to thread `tid`, which asks through this file.
    #[must_use]
    pub fn client(&self, tid: u32) -> Arc<Client> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(client) if client.tid() == tid => Arc::clone(client),
            _ => {
                let client = match self.memory {
                    Memory::PageCache => Client::with_cached_areas(tid, self.inode),
                    Memory::Plain | Memory::Passthrough(_) | Memory::Narrow(_) => {
                        Client::new(tid, self.inode)
                    }
                    Memory::Device { number, flags } => {
                        Client::through(tid, Descriptor::Device { number, flags })
                    }
                };
                let client = client.among(Box::new(Beside(
                    self.card,
                    self.file,
                    Weak::clone(&self.all),
                )));
                Arc::clone(last.insert(Arc::new(client)))
            }
        }
    }
}

/// How an open is to be answered once the card agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Nothing can be mapped.
    Plain,
    /// The kernel maps a registered file.
    Passthrough(BackingId),
    /// The kernel maps a registered file whose records are a 32-bit program's.
    Narrow(BackingId),
    /// The kernel maps cached pages.
    PageCache,
    /// Nothing can be mapped, and other opens may be on the same device.
    Device {
        /// Device number.
        number: u64,
        /// Open flags (`O_*`).
        flags: u32,
    },
}

/// An open whose answer is due.
#[derive(Clone, Debug)]
pub struct PendingOpen {
    /// The request.
    pub unique: u64,
    /// Whose node.
    pub card: CardIndex,
    /// Which inode.
    pub inode: u64,
    /// With what memory.
    pub memory: Memory,
    /// The way to that card, once it was asked for.
    pub to: Option<Arc<dyn Deliver>>,
}

/// All opens of a mount.
#[derive(Debug, Default)]
pub struct Opens {
    files: Arc<Slots>,
    /// Of this connection.
    own: AtomicUsize,
    pending: Mutex<Vec<PendingOpen>>,
}

impl Opens {
    /// Files of another connection beside those of this one, which they can be linked with.
    #[must_use]
    pub fn beside(&self) -> Opens {
        Opens {
            files: Arc::clone(&self.files),
            own: AtomicUsize::new(0),
            pending: Mutex::default(),
        }
    }

    /// An open is handed to its card.
    pub fn begin(&self, pending: PendingOpen) {
        self.pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(pending);
    }

    /// The open that request `unique` is, if it is one.
    #[must_use]
    pub fn end(&self, unique: u64) -> Option<PendingOpen> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let at = pending.iter().position(|p| p.unique == unique)?;
        Some(pending.swap_remove(at))
    }

    /// The card agreed; returns the kernel's file handle, and the memory of the open. That is the one of the card's file
    /// `with`, where it can be mapped through two inodes.
    #[must_use]
    pub fn insert(
        &self,
        pending: &PendingOpen,
        file: FileHandle,
        with: Option<FileHandle>,
    ) -> (u64, Memory) {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let other = with.and_then(|with| {
            let mut open = files.iter().flatten();
            open.find(|open| open.card == pending.card && open.file == with)
        });
        let memory = match (other.map(|open| open.memory), pending.memory) {
            (Some(shared @ Memory::Passthrough(_)), Memory::Passthrough(_))
            | (Some(shared @ Memory::Narrow(_)), Memory::Narrow(_)) => shared,
            // The records are of another width.
            (Some(_), Memory::Passthrough(_) | Memory::Narrow(_)) => Memory::Plain,
            (_, own) => own,
        };
        let open = OpenFile {
            card: pending.card,
            to: pending.to.clone(),
            file,
            inode: pending.inode,
            memory,
            seen: AtomicU64::new(NEVER),
            last: Mutex::new(None),
            all: Arc::downgrade(&self.files),
        };
        let free = files
            .iter()
            .position(Option::is_none)
            .unwrap_or(files.len());
        if free == files.len() {
            files.push(None);
        }
        if let Some(slot) = files.get_mut(free) {
            *slot = Some(Arc::new(open));
            self.own.fetch_add(1, Ordering::SeqCst);
        }
        (free as u64, memory)
    }

    /// An open file by the kernel's file handle.
    #[must_use]
    pub fn get(&self, fh: u64) -> Option<Arc<OpenFile>> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(usize::try_from(fh).ok()?)?.clone()
    }

    /// The kernel has closed `fh`: the file, and whether it was the last one with its memory.
    #[must_use]
    pub fn remove(&self, fh: u64) -> Option<(Arc<OpenFile>, bool)> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let closed = files.get_mut(usize::try_from(fh).ok()?)?.take()?;
        self.own.fetch_sub(1, Ordering::SeqCst);
        let last = !files
            .iter()
            .flatten()
            .any(|open| open.memory == closed.memory);
        Some((closed, last))
    }

    /// Files of this connection that are open now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.own.load(Ordering::SeqCst)
    }

    /// Whether nothing of this connection is open or about to be.
    #[must_use]
    pub fn idle(&self) -> bool {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.is_empty() && self.count() == 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]
    use super::*;

    fn pending(unique: u64) -> PendingOpen {
        PendingOpen {
            unique,
            card: CardIndex(0),
            inode: 9,
            memory: Memory::Plain,
            to: None,
        }
    }

    #[test]
    fn a_pending_open_ends_once() {
        let opens = Opens::default();
        opens.begin(pending(2));
        opens.begin(pending(4));
        assert_eq!(opens.end(2).map(|pending| pending.unique), Some(2));
        assert!(opens.end(2).is_none());
    }

    #[test]
    fn neighbours_of_other_cards_are_told_apart() {
        let opens = Opens::default();
        let other = PendingOpen {
            card: CardIndex(1),
            inode: 10,
            ..pending(4)
        };
        let (a, _) = opens.insert(&pending(2), FileHandle(100), None);
        let (b, _) = opens.insert(&other, FileHandle(100), None);
        let of = |fh| {
            let open = opens.get(fh).unwrap();
            Beside(open.card, open.file, Arc::downgrade(&opens.files))
        };
        let found = |elsewhere| {
            let file = FileHandle(100);
            Some(Neighbour { elsewhere, file })
        };
        assert_eq!(of(a).on_inode(9), found(None));
        assert_eq!(of(a).on_inode(10), found(Some(CardIndex(1))));
        assert_eq!(of(b).on_inode(10), found(None));
        assert_eq!(of(b).on_inode(11), None);
    }

    #[test]
    fn files_alike_on_a_device_are_told_apart_by_where_they_were_seen() {
        let opens = Opens::default();
        let open = |unique, file| {
            let memory = Memory::Device {
                number: 5,
                flags: 0o2,
            };
            let pending = PendingOpen {
                memory,
                ..pending(unique)
            };
            let (fh, _) = opens.insert(&pending, FileHandle(file), None);
            Beside(
                CardIndex(0),
                opens.get(fh).unwrap().file,
                Arc::downgrade(&opens.files),
            )
        };
        let at = |descriptor| Place {
            process: 77,
            descriptor,
        };
        let (a, b) = (open(2, 100), open(4, 101));
        // The descriptor in question is of the file that is at 3, and another process has none of them.
        let found = |is_at: u32| {
            let is_it = |place: Place| (place.process == 77).then_some(place == at(is_at));
            a.on_device(5, 0o4002, &is_it).map(|found| found.file.0)
        };
        assert_eq!(found(3), None);
        b.seen_at(at(3));
        assert_eq!((found(3), found(4)), (Some(101), Some(100)));
        a.seen_at(at(4));
        assert_eq!((found(3), found(4), found(5)), (Some(101), Some(100), None));
        let c = open(6, 102);
        assert_eq!((found(3), found(5)), (Some(101), Some(102)));
        // A number that was given to another file.
        c.seen_at(at(3));
        assert_eq!((found(3), found(5)), (Some(102), Some(101)));
        assert_eq!(a.on_device(6, 0o2, &|_| None), None);
        assert_eq!(a.on_device(5, 0o1, &|_| None), None);
    }

    #[test]
    fn a_closed_handle_is_used_again_and_leads_nowhere_meanwhile() {
        let opens = Opens::default();
        let (a, _) = opens.insert(&pending(2), FileHandle(100), None);
        let (b, _) = opens.insert(&pending(4), FileHandle(101), None);
        assert_eq!(opens.get(b).unwrap().file, FileHandle(101));
        assert_eq!(opens.remove(a).unwrap().0.file, FileHandle(100));
        assert!(
            opens.get(a).is_none() && opens.remove(a).is_none() && opens.get(u64::MAX).is_none()
        );
        assert_eq!(opens.insert(&pending(6), FileHandle(102), None).0, a);
    }

    #[test]
    fn a_file_that_shares_has_the_others_memory_until_the_last_of_them_closes() {
        let opens = Opens::default();
        let own = |unique, id| PendingOpen {
            memory: Memory::Passthrough(BackingId(id)),
            ..pending(unique)
        };
        let (a, _) = opens.insert(&own(2, 7), FileHandle(100), None);
        let (b, memory) = opens.insert(&own(4, 8), FileHandle(101), Some(FileHandle(100)));
        assert_eq!(memory, Memory::Passthrough(BackingId(7)));
        assert!(!opens.remove(a).unwrap().1);
        let (c, memory) = opens.insert(&own(6, 9), FileHandle(102), Some(FileHandle(101)));
        assert_eq!(memory, Memory::Passthrough(BackingId(7)));
        assert!(!opens.remove(b).unwrap().1);
        assert!(opens.remove(c).unwrap().1);
    }

    #[test]
    fn programs_of_another_width_do_not_see_the_ring_of_the_first() {
        let opens = Opens::default();
        let own = |unique, memory| PendingOpen {
            memory,
            ..pending(unique)
        };
        let narrow = |id| Memory::Narrow(BackingId(id));
        let wide = Memory::Passthrough(BackingId(8));
        let with = Some(FileHandle(100));
        let _ = opens.insert(&own(2, narrow(7)), FileHandle(100), None);
        let (_, memory) = opens.insert(&own(4, wide), FileHandle(101), with);
        assert_eq!(memory, Memory::Plain);
        let (_, memory) = opens.insert(&own(6, narrow(9)), FileHandle(102), with);
        assert_eq!(memory, narrow(7));
    }

    #[test]
    fn cached_pages_are_an_inodes_alone() {
        let opens = Opens::default();
        let cached = |unique| PendingOpen {
            memory: Memory::PageCache,
            ..pending(unique)
        };
        let _ = opens.insert(&cached(2), FileHandle(100), None);
        let (_, memory) = opens.insert(&pending(4), FileHandle(101), Some(FileHandle(100)));
        assert_eq!(memory, Memory::Plain);
    }

    #[test]
    fn the_same_thread_is_not_looked_at_anew() {
        let opens = Opens::default();
        let (fh, _) = opens.insert(&pending(2), FileHandle(1), None);
        let file = opens.get(fh).unwrap();
        let first = file.client(7);
        assert!(Arc::ptr_eq(&first, &file.client(7)));
        assert!(!Arc::ptr_eq(&first, &file.client(8)));
    }
}
