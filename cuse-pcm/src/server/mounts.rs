//! What serves a mount: its threads, and who watches over it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::engine::Engine;
use super::readers::Readers;
use super::thread;
use crate::transport::Cards;
use crate::transport::guard::Guard;
use crate::transport::mount::{MapKind, Mount};

/// A mount being served.
#[derive(Debug)]
pub(super) struct ServedMount {
    pub(super) mount: Arc<Mount>,
    readers: Option<Readers<Mount>>,
    /// The mapper and the opener.
    mappers: Vec<JoinHandle<()>>,
    anchor: Option<JoinHandle<()>>,
    /// Last of all: it sees to it that a kill leaves nothing hanging.
    guard: Option<Guard>,
}

impl ServedMount {
    /// Serves it. What was started before something failed is there to be stopped.
    pub(super) fn start(
        mount: &Arc<Mount>,
        engine: &Arc<Engine>,
    ) -> (ServedMount, std::io::Result<()>) {
        let mut served = ServedMount {
            mount: Arc::clone(mount),
            readers: None,
            mappers: Vec::new(),
            anchor: None,
            guard: None,
        };
        let started = served.start_all(engine);
        (served, started)
    }

    fn start_all(&mut self, engine: &Arc<Engine>) -> std::io::Result<()> {
        let cards: Arc<dyn Cards> = Arc::clone(engine) as Arc<dyn Cards>;
        let mapping = Arc::clone(&self.mount);
        self.mappers
            .push(thread("mapper", move || mapping.run_mapper())?);
        let (opening, to) = (Arc::clone(&self.mount), Arc::clone(&cards));
        self.mappers
            .push(thread("opener", move || opening.run_opener(to.as_ref()))?);
        let readers = self.readers.insert(Readers::first(&self.mount, &cards)?);
        if self.mount.kind() != Some(MapKind::PageCache) {
            return readers.add_standby();
        }
        self.guard = Some(Guard::new(self.mount.root())?);
        self.grow(engine.count())?;
        let anchoring = Arc::clone(&self.mount);
        let anchor = thread("anchor", move || anchoring.run_anchor())?;
        while !self.mount.anchored() && !anchor.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.anchor = Some(anchor);
        Ok(())
    }

    /// There are `cards` now. Each may hold one reader up while it touches pages that another one has to bring.
    pub(super) fn grow(&mut self, cards: usize) -> std::io::Result<()> {
        match &mut self.readers {
            Some(readers) if self.mount.kind() == Some(MapKind::PageCache) => {
                readers.at_least(cards.max(1).saturating_add(1))
            }
            _ => Ok(()),
        }
    }

    /// Ends it, once the cards are gone.
    pub(super) fn stop(self) {
        self.mount.stop_mapper();
        for thread in self.mappers {
            let _ = thread.join();
        }
        self.mount.weigh_anchor();
        if let Some(anchor) = self.anchor {
            let _ = anchor.join();
        }
        if let Some(readers) = self.readers {
            readers.stop();
        }
        drop(self.mount);
        drop(self.guard);
    }
}
