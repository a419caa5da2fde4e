//! Joins transports and cards; the only module that knows both.
//!
//! Threads: some readers for every mount and device, a mapper for every mount, a timer for every card. Whoever reads
//! requests never waits for a card: what comes for a busy one is left in its inbox, and whoever holds the card looks there
//! before and after letting go.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hw_backends::clock;
use hw_backends::units::{Nanos, Now};
use uapi::Errno;

use crate::file::Files;
use crate::request::{Operation, Request};
use crate::transport::cuse::Cuse;
use crate::transport::guard::Guard;
use crate::transport::mount::{MapKind, Mount};
use crate::transport::{Connection as _, Deliver};

mod engine;
mod house;
mod inbox;
mod readers;
mod signals;
mod slot;
mod timer;
mod watch;

use engine::Engine;

/// What a server serves: the files of one card, or a stand-in.
///
/// Called by one thread at a time.
pub trait Service: Send + std::fmt::Debug {
    /// Answers now, or keeps the reply and answers from a later call.
    fn handle(&mut self, request: Request<'_>, now: &Now);
    /// Does what is due.
    fn tick(&mut self, now: &Now);
    /// When [`Service::tick`] is next needed, on the monotonic clock; `None` if never.
    fn next_deadline(&self) -> Option<Nanos>;
    /// The card goes away: nobody may be left waiting.
    fn disconnect(&mut self, now: &Now);
    /// Its files, where it has some that can be linked with those of other cards.
    fn files(&mut self) -> Option<&mut Files> {
        None
    }
}

impl Service for Files {
    fn handle(&mut self, request: Request<'_>, now: &Now) {
        Files::handle(self, request, now);
    }

    fn tick(&mut self, now: &Now) {
        Files::tick(self, now);
    }

    fn next_deadline(&self) -> Option<Nanos> {
        Files::next_deadline(self)
    }

    fn disconnect(&mut self, now: &Now) {
        Files::disconnect(self, now);
    }

    fn files(&mut self) -> Option<&mut Files> {
        Some(self)
    }
}

/// Takes the place of a card that was taken away.
#[derive(Debug)]
struct Gone;

impl Service for Gone {
    fn handle(&mut self, request: Request<'_>, _now: &Now) {
        match request.operation {
            Operation::Release { .. } => request.reply.send(&crate::request::Answer::Done),
            _ => request.reply.fail(Errno::ENODEV),
        }
    }

    fn tick(&mut self, _now: &Now) {}

    fn next_deadline(&self) -> Option<Nanos> {
        None
    }

    fn disconnect(&mut self, _now: &Now) {}
}

/// Cards being served; [`Server::stop`] (or the drop) ends them.
#[derive(Debug)]
pub struct Server {
    engine: Arc<Engine>,
    mounts: Vec<Arc<Mount>>,
    ended: bool,
    readers: Vec<readers::Readers<Mount>>,
    devices: Vec<readers::Readers<Cuse>>,
    mappers: Vec<JoinHandle<()>>,
    anchors: Vec<JoinHandle<()>>,
    timers: Vec<JoinHandle<()>>,
    /// Last of all: they see to it that a kill leaves nothing hanging.
    guards: Vec<Guard>,
}

impl Server {
    /// Serves `cards`; a mount's [`CardIndex`](crate::transport::CardIndex) counts them. Returns when every mount has
    /// answered the kernel's INIT.
    ///
    /// # Errors
    /// What starting a thread gives; ETIMEDOUT where the kernel sent no INIT.
    pub fn start(cards: Vec<Box<dyn Service>>, mounts: &[Arc<Mount>]) -> std::io::Result<Server> {
        let engine = Arc::new(Engine::new(cards));
        let timers = (0..engine.cards())
            .map(|card| timer::start(&engine, card))
            .collect::<Result<_, _>>()?;
        let mut server = Server {
            engine,
            mounts: Vec::new(),
            ended: false,
            readers: Vec::new(),
            devices: Vec::new(),
            mappers: Vec::new(),
            anchors: Vec::new(),
            timers,
            guards: Vec::new(),
        };
        for mount in mounts {
            server.serve(mount)?;
        }
        Ok(server)
    }

    fn serve(&mut self, mount: &Arc<Mount>) -> std::io::Result<()> {
        let deliver: Arc<dyn Deliver> = Arc::clone(&self.engine) as Arc<dyn Deliver>;
        self.mounts.push(Arc::clone(mount));
        let mapping = Arc::clone(mount);
        self.mappers
            .push(thread("mapper", move || mapping.run_mapper())?);
        let (opening, to) = (Arc::clone(mount), Arc::clone(&deliver));
        self.mappers
            .push(thread("opener", move || opening.run_opener(to.as_ref()))?);
        let mut readers = readers::Readers::first(mount, &deliver)?;
        if mount.kind() == Some(MapKind::PageCache) {
            self.guards.push(Guard::new(mount.root())?);
            // Each card may hold one reader up while it touches pages that another one has to bring.
            for _ in 0..mount.cards().len().max(1) {
                readers.add()?;
            }
            let anchoring = Arc::clone(mount);
            self.anchors
                .push(thread("anchor", move || anchoring.run_anchor())?);
            while !mount.anchored()
                && self
                    .anchors
                    .last()
                    .is_some_and(|anchor| !anchor.is_finished())
            {
                std::thread::sleep(Duration::from_millis(1));
            }
        } else {
            readers.add_standby()?;
        }
        self.readers.push(readers);
        Ok(())
    }

    /// Serves a character device too. Returns when it has answered the kernel's INIT, and the kernel has made the device
    /// or ended the connection.
    ///
    /// # Errors
    /// What starting a thread gives; ETIMEDOUT where the kernel sent no INIT.
    pub fn add_device(&mut self, device: &Arc<Cuse>) -> std::io::Result<()> {
        let deliver: Arc<dyn Deliver> = Arc::clone(&self.engine) as Arc<dyn Deliver>;
        let mut readers = readers::Readers::first(device, &deliver)?;
        let standby = readers.add_standby();
        self.devices.push(readers);
        standby
    }

    /// How memory is shared on each mount.
    #[must_use]
    pub fn kinds(&self) -> Vec<MapKind> {
        self.mounts.iter().filter_map(|m| m.kind()).collect()
    }

    /// Whether every connection has ended from outside (unmounted, aborted).
    #[must_use]
    pub fn over(&self) -> bool {
        self.mounts.iter().all(|m| m.session().over())
            && self.devices.iter().all(readers::Readers::over)
    }

    /// Takes all cards away, unmounts, and ends every thread. Clients that still have files open get ECONNABORTED and
    /// ENOTCONN.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.mounts.iter().for_each(|m| m.unmount());
        // Cards give their memory back while there are still readers to write pages out to.
        for old in self.engine.take_away(&clock::now()) {
            drop(old);
        }
        self.mounts.iter().for_each(|m| m.stop_mapper());
        self.engine.stop_timers();
        for thread in self.mappers.drain(..).chain(self.timers.drain(..)) {
            let _ = thread.join();
        }
        self.mounts.iter().for_each(|m| m.weigh_anchor());
        for anchor in self.anchors.drain(..) {
            let _ = anchor.join();
        }
        self.readers.drain(..).for_each(readers::Readers::stop);
        self.devices.drain(..).for_each(readers::Readers::stop);
        self.mounts.clear();
        self.guards.clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || {
            signals::block();
            run();
        })
}
