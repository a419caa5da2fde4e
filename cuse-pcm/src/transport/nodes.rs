//! The names of a mount, and the inodes behind them.
//!
//! Every LOOKUP of a node's name gives an inode of its own: an open has its own memory, and the kernel knows only one
//! memory per inode. An inode is opened once in its life.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hw_backends::units::Direction;
use uapi::Errno;

use super::CardIndex;
use super::page_cache::Store;
use crate::request::Node;

/// The root directory's inode.
pub const ROOT: u64 = 1;

/// A node to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// File name, e.g. `pcmC0D0p`.
    pub name: String,
    /// Whose it is.
    pub card: CardIndex,
    /// What it is.
    pub node: Node,
    /// Whether opens shall have memory that the client can map, where the mount can do that.
    pub mmap: bool,
}

impl NodeSpec {
    /// The node of ALSA card `number`, named as the kernel names it.
    #[must_use]
    pub fn new(card: CardIndex, number: u32, node: Node) -> NodeSpec {
        let (name, mmap) = match node {
            Node::Control => (format!("controlC{number}"), false),
            Node::Pcm {
                device,
                direction: Direction::Playback,
            } => (format!("pcmC{number}D{device}p"), true),
            Node::Pcm {
                device,
                direction: Direction::Capture,
            } => (format!("pcmC{number}D{device}c"), true),
        };
        NodeSpec {
            name,
            card,
            node,
            mmap,
        }
    }
}

/// What is known of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Looked up, not opened.
    Fresh,
    /// Opened; the daemon's own thread `by` may open it too, once (page cache).
    Awaiting {
        /// Thread id.
        by: u32,
    },
    /// Opened.
    Open,
    /// Opened and closed again.
    Used,
}

#[derive(Debug)]
struct Inode {
    spec: Arc<NodeSpec>,
    lookups: u64,
    life: Life,
    store: Option<Arc<Store>>,
    /// Opens that last: the client's, and the daemon's own.
    opens: u32,
    /// Shown elsewhere without a lookup for each open: opened as often as it likes.
    lasting: bool,
}

#[derive(Debug)]
struct Table {
    next: u64,
    inodes: HashMap<u64, Inode>,
    /// Names that only the daemon's own thread (its id) can resolve.
    tokens: HashMap<Vec<u8>, (u32, u64)>,
}

/// Names and inodes of a mount.
#[derive(Debug)]
pub struct Nodes {
    specs: Mutex<Vec<Arc<NodeSpec>>>,
    table: Mutex<Table>,
}

impl Nodes {
    /// Shows `specs`. Inodes are numbered from a random place on, so that a number (seen in `/proc/<tid>/fdinfo`)
    /// tells our files from others.
    #[must_use]
    pub fn new(specs: Vec<NodeSpec>) -> Nodes {
        // Inode numbers stay below 2³² for clients whose stat has no more room.
        let first = (1 << 28) | (random() >> 36);
        Nodes {
            specs: Mutex::new(specs.into_iter().map(Arc::new).collect()),
            table: Mutex::new(Table {
                next: first,
                inodes: HashMap::new(),
                tokens: HashMap::new(),
            }),
        }
    }

    /// The nodes in the order they are listed.
    #[must_use]
    pub fn specs(&self) -> Vec<Arc<NodeSpec>> {
        self.listed().clone()
    }

    /// Shows more.
    ///
    /// # Errors
    /// EEXIST: there is one of that name; nothing is shown.
    pub fn add(&self, specs: Vec<NodeSpec>) -> Result<(), Errno> {
        let mut listed = self.listed();
        let shown = |new: &NodeSpec| listed.iter().any(|spec| spec.name == new.name);
        if specs.iter().any(shown) {
            return Err(Errno::EEXIST);
        }
        listed.extend(specs.into_iter().map(Arc::new));
        Ok(())
    }

    /// Shows the nodes of a card no more. Those that are open stay so.
    pub fn remove(&self, card: CardIndex) {
        self.listed().retain(|spec| spec.card != card);
    }

    fn listed(&self) -> MutexGuard<'_, Vec<Arc<NodeSpec>>> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// LOOKUP in the root by thread `tid`: a fresh inode, or, for the daemon's own thread and a token, the inode
    /// that the token names.
    ///
    /// # Errors
    /// ENOENT.
    pub fn lookup(&self, name: &[u8], tid: u32) -> Result<u64, Errno> {
        let mut table = self.table();
        if let Some(&(by, inode)) = table.tokens.get(name) {
            let known = table
                .inodes
                .get_mut(&inode)
                .filter(|_| by == tid)
                .ok_or(Errno::ENOENT)?;
            known.lookups = known.lookups.saturating_add(1);
            return Ok(inode);
        }
        let spec = {
            let listed = self.listed();
            let named = listed.iter().find(|s| s.name.as_bytes() == name);
            named.map(Arc::clone).ok_or(Errno::ENOENT)?
        };
        let number = table.next;
        table.next = number.wrapping_add(1);
        table.inodes.insert(
            number,
            Inode {
                spec,
                lookups: 1,
                life: Life::Fresh,
                store: None,
                opens: 0,
                lasting: false,
            },
        );
        Ok(number)
    }

    /// The kernel drops `count` references.
    pub fn forget(&self, inode: u64, count: u64) {
        let mut table = self.table();
        if let Some(known) = table.inodes.get_mut(&inode) {
            known.lookups = known.lookups.saturating_sub(count);
            if known.lookups == 0 && known.opens == 0 {
                table.inodes.remove(&inode);
            }
        }
    }

    /// Whether the kernel may ask about this inode.
    #[must_use]
    pub fn exists(&self, inode: u64) -> bool {
        inode == ROOT || self.table().inodes.contains_key(&inode)
    }

    /// Whether this inode was not opened yet.
    #[must_use]
    pub fn is_fresh(&self, inode: u64) -> bool {
        let table = self.table();
        let known = table.inodes.get(&inode);
        known.is_some_and(|known| known.life == Life::Fresh || known.lasting)
    }

    /// This inode will be opened without being looked up anew. Opens that last at the same time have to share a memory.
    pub fn keep(&self, inode: u64) {
        if let Some(known) = self.table().inodes.get_mut(&inode) {
            known.lasting = true;
        }
    }

    /// A client opens an inode: the node behind.
    ///
    /// # Errors
    /// ENOENT for an unknown inode; ESTALE for one that was opened before (the kernel then looks the name up again).
    pub fn open(&self, inode: u64) -> Result<Arc<NodeSpec>, Errno> {
        let mut table = self.table();
        let known = table.inodes.get_mut(&inode).ok_or(Errno::ENOENT)?;
        if known.life != Life::Fresh && !known.lasting {
            return Err(Errno(libc::ESTALE));
        }
        known.life = Life::Open;
        known.opens = known.opens.saturating_add(1);
        Ok(Arc::clone(&known.spec))
    }

    /// The node behind an inode.
    #[must_use]
    pub fn spec(&self, inode: u64) -> Option<Arc<NodeSpec>> {
        self.table()
            .inodes
            .get(&inode)
            .map(|known| Arc::clone(&known.spec))
    }

    /// Gives an opened inode content for its cached pages.
    pub fn set_store(&self, inode: u64, store: Arc<Store>) {
        if let Some(known) = self.table().inodes.get_mut(&inode) {
            known.store = Some(store);
        }
    }

    /// The content of an inode's cached pages.
    #[must_use]
    pub fn store(&self, inode: u64) -> Option<Arc<Store>> {
        self.table()
            .inodes
            .get(&inode)
            .and_then(|known| known.store.clone())
    }

    /// Names an opened inode so that thread `tid` can open it too, once.
    #[must_use]
    pub fn grant(&self, inode: u64, tid: u32) -> String {
        let token = format!(".{:016x}{:016x}", random(), random());
        let mut table = self.table();
        if let Some(known) = table.inodes.get_mut(&inode) {
            known.life = Life::Awaiting { by: tid };
            table
                .tokens
                .insert(token.clone().into_bytes(), (tid, inode));
        }
        token
    }

    /// Takes a name given by [`Nodes::grant`] back.
    pub fn revoke(&self, token: &str) {
        let mut table = self.table();
        if let Some((_, inode)) = table.tokens.remove(token.as_bytes()) {
            if let Some(known) = table.inodes.get_mut(&inode) {
                if matches!(known.life, Life::Awaiting { .. }) {
                    known.life = Life::Open;
                }
            }
        }
    }

    /// Whether this open is the one that was granted to thread `tid`; counts it.
    #[must_use]
    pub fn open_granted(&self, inode: u64, tid: u32) -> bool {
        let mut table = self.table();
        match table.inodes.get_mut(&inode) {
            Some(known) if known.life == (Life::Awaiting { by: tid }) => {
                known.life = Life::Open;
                known.opens = known.opens.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    /// An open has ended. With the last one the content of cached pages goes.
    pub fn close(&self, inode: u64) {
        let mut table = self.table();
        let Some(known) = table.inodes.get_mut(&inode) else {
            return;
        };
        known.opens = known.opens.saturating_sub(1);
        if known.opens == 0 {
            known.life = Life::Used;
            known.store = None;
            if known.lookups == 0 {
                table.inodes.remove(&inode);
            }
        }
    }
}

fn random() -> u64 {
    let mut bytes = [0u8; 8];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(8) => u64::from_ne_bytes(bytes),
        // Without a source of randomness the names below are only as secret as their use by one thread makes them.
        _ => u64::from(std::process::id()).rotate_left(17),
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

    fn nodes() -> Nodes {
        let pcm = Node::Pcm {
            device: 2,
            direction: Direction::Capture,
        };
        Nodes::new(vec![
            NodeSpec::new(CardIndex(0), 7, Node::Control),
            NodeSpec::new(CardIndex(0), 7, pcm),
        ])
    }

    #[test]
    fn names_are_the_kernels() {
        let names: Vec<_> = nodes().specs().iter().map(|s| s.name.clone()).collect();
        assert_eq!(names, ["controlC7", "pcmC7D2c"]);
    }

    #[test]
    fn every_lookup_gives_an_inode_of_its_own() {
        let nodes = nodes();
        let a = nodes.lookup(b"pcmC7D2c", 1).unwrap();
        let b = nodes.lookup(b"pcmC7D2c", 1).unwrap();
        assert_ne!(a, b);
        assert!(u32::try_from(b).is_ok());
    }

    #[test]
    fn an_unknown_name_is_enoent() {
        assert_eq!(nodes().lookup(b"pcmC7D2p", 1), Err(Errno::ENOENT));
    }

    #[test]
    fn an_inode_is_opened_once() {
        let nodes = nodes();
        let inode = nodes.lookup(b"controlC7", 1).unwrap();
        assert_eq!(nodes.open(inode).unwrap().node, Node::Control);
        assert_eq!(nodes.open(inode).unwrap_err(), Errno(libc::ESTALE));
        nodes.close(inode);
        assert_eq!(nodes.open(inode).unwrap_err(), Errno(libc::ESTALE));
    }

    #[test]
    fn a_lasting_inode_is_opened_again() {
        let nodes = nodes();
        let inode = nodes.lookup(b"pcmC7D2c", 1).unwrap();
        nodes.keep(inode);
        for _ in 0..2 {
            nodes.open(inode).unwrap();
            assert!(nodes.is_fresh(inode));
            nodes.close(inode);
        }
        nodes.forget(inode, 1);
        assert_eq!(nodes.open(inode).unwrap_err(), Errno::ENOENT);
    }

    #[test]
    fn a_removed_cards_names_are_gone_and_its_open_inodes_stay() {
        let nodes = nodes();
        let other = NodeSpec::new(CardIndex(1), 8, Node::Control);
        nodes.add(vec![other.clone()]).unwrap();
        assert_eq!(nodes.add(vec![other]), Err(Errno::EEXIST));
        let inode = nodes.lookup(b"controlC7", 1).unwrap();
        nodes.open(inode).unwrap();
        nodes.remove(CardIndex(0));
        assert_eq!(nodes.lookup(b"controlC7", 1), Err(Errno::ENOENT));
        assert_eq!(nodes.spec(inode).unwrap().name, "controlC7");
        let names: Vec<_> = nodes.specs().iter().map(|s| s.name.clone()).collect();
        assert_eq!(names, ["controlC8"]);
    }

    #[test]
    fn a_token_leads_only_its_thread_to_the_opened_inode() {
        let nodes = nodes();
        let inode = nodes.lookup(b"pcmC7D2c", 1).unwrap();
        nodes.open(inode).unwrap();
        let token = nodes.grant(inode, 42);
        assert_eq!(nodes.lookup(token.as_bytes(), 43), Err(Errno::ENOENT));
        assert_eq!(nodes.lookup(token.as_bytes(), 42), Ok(inode));
        assert!(!nodes.open_granted(inode, 43));
        assert!(nodes.open_granted(inode, 42));
        assert!(!nodes.open_granted(inode, 42), "granted once");
        nodes.revoke(&token);
        assert_eq!(nodes.lookup(token.as_bytes(), 42), Err(Errno::ENOENT));
    }

    #[test]
    fn a_forgotten_inode_is_gone_once_it_is_closed() {
        let nodes = nodes();
        let inode = nodes.lookup(b"controlC7", 1).unwrap();
        nodes.open(inode).unwrap();
        nodes.forget(inode, 1);
        assert!(nodes.exists(inode));
        nodes.close(inode);
        assert!(!nodes.exists(inode));
        nodes.forget(inode, u64::MAX);
    }
}
