//! Joins transports and cards; the only module that knows both.
//!
//! Threads: some readers for every mount and device, a mapper for every mount, a timer for every card. Cards come and go. Whoever reads
//! requests never waits for a card: what comes for a busy one is left in its inbox, and whoever holds the card looks there
//! before and after letting go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hw_backends::clock;
use hw_backends::units::{Nanos, Now};
use uapi::Errno;

use crate::file::{Files, poll};
use crate::request::{Answer, Operation, Request};
use crate::transport::cuse::Cuse;
use crate::transport::mount::{MapKind, Mount};
use crate::transport::{CardIndex, Cards, Connection as _};

mod engine;
mod house;
mod inbox;
mod mounts;
mod readers;
mod signals;
mod slot;
mod timer;
mod turn;
mod watch;

use engine::Engine;
use mounts::ServedMount;
use readers::{Leaving, Readers};

/// How long the end of a device of which nothing is open is waited for.
const SOON: Duration = Duration::from_secs(2);

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
            Operation::Release { .. } => request.reply.send(&Answer::Done),
            Operation::Poll { events, .. } => {
                request.reply.send(&Answer::Ready(poll::removed(events)));
            }
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
    timers: BTreeMap<CardIndex, JoinHandle<()>>,
    mounts: Vec<ServedMount>,
    devices: Vec<Readers<Cuse>>,
    /// Devices of cards that were taken away, until their last file is closed.
    leaving: Vec<Leaving<Cuse>>,
    ended: bool,
}

impl Default for Server {
    fn default() -> Server {
        Server::new()
    }
}

impl Server {
    /// There is no card yet.
    #[must_use]
    pub fn new() -> Server {
        Server {
            engine: Engine::new(),
            timers: BTreeMap::new(),
            mounts: Vec::new(),
            devices: Vec::new(),
            leaving: Vec::new(),
            ended: false,
        }
    }

    /// Serves `cards`; a node's [`CardIndex`] counts them from 0. Returns when every mount has answered the kernel's INIT.
    ///
    /// # Errors
    /// What starting a thread gives; ETIMEDOUT where the kernel sent no INIT.
    pub fn start(cards: Vec<Box<dyn Service>>, mounts: &[Arc<Mount>]) -> std::io::Result<Server> {
        let mut server = Server::new();
        for card in cards {
            server.add_card(card)?;
        }
        for mount in mounts {
            server.add_mount(mount)?;
        }
        Ok(server)
    }

    /// One more card, which has no nodes yet.
    ///
    /// # Errors
    /// What starting a thread gives.
    pub fn add_card(&mut self, service: Box<dyn Service>) -> std::io::Result<CardIndex> {
        let (card, slot) = self.engine.add(service);
        let cards = self.engine.count();
        let grown: std::io::Result<()> = self.mounts.iter_mut().try_for_each(|m| m.grow(cards));
        match grown.and_then(|()| timer::start(&slot)) {
            Ok(timer) => {
                self.timers.insert(card, timer);
                Ok(card)
            }
            Err(error) => {
                drop(self.engine.take_away(card, &clock::now()));
                Err(error)
            }
        }
    }

    /// Serves a mount with nodes of the cards. Returns when it has answered the kernel's INIT.
    ///
    /// # Errors
    /// What starting a thread gives; ETIMEDOUT where the kernel sent no INIT.
    pub fn add_mount(&mut self, mount: &Arc<Mount>) -> std::io::Result<()> {
        let (served, started) = ServedMount::start(mount, &self.engine);
        self.mounts.push(served);
        started
    }

    /// Serves a character device too. Returns when it has answered the kernel's INIT, and the kernel has made the device
    /// or ended the connection.
    ///
    /// # Errors
    /// What starting a thread gives; ETIMEDOUT where the kernel sent no INIT.
    pub fn add_device(&mut self, device: &Arc<Cuse>) -> std::io::Result<()> {
        let cards: Arc<dyn Cards> = Arc::clone(&self.engine) as Arc<dyn Cards>;
        let mut readers = Readers::first(device, &cards)?;
        let standby = readers.add_standby();
        self.devices.push(readers);
        standby
    }

    /// Takes a card away, as Linux does with one that is unplugged: its nodes vanish, whoever waits for it is answered,
    /// and files that are open answer ENODEV until they are closed; their device numbers stay in use until then. Waits
    /// for who is at work on the card. Returns whether nothing is left of it.
    pub fn remove_card(&mut self, card: CardIndex) -> bool {
        let (own, others) = (self.devices.drain(..)).partition(|device| device.serves(card));
        self.devices = others;
        let own: Vec<Readers<Cuse>> = own;
        own.iter().for_each(|device| device.connection().hide());
        for served in &self.mounts {
            served.mount.remove_nodes(card);
        }
        drop(self.engine.take_away(card, &clock::now()));
        if let Some(timer) = self.timers.remove(&card) {
            let _ = timer.join();
        }
        self.leaving.retain(|leaving| !leaving.gone());
        for device in own {
            match device.retire() {
                Ok(leaving) => self.leaving.push(leaving),
                Err(error) => log::error!("A device stays: {error}"),
            }
        }
        // Where nothing is open it is a matter of moments.
        let since = std::time::Instant::now();
        for leaving in &self.leaving {
            leaving.wait(SOON.saturating_sub(since.elapsed()));
        }
        self.leaving.retain(|leaving| !leaving.gone());
        !self.leaving.iter().any(|leaving| leaving.serves(card))
    }

    /// Lets `what` look at what serves a card; `None` where there is no such card, or somebody holds it for longer than
    /// `at_most`.
    pub fn look<T>(
        &self,
        card: CardIndex,
        at_most: Duration,
        what: impl FnOnce(&mut dyn Service) -> T,
    ) -> Option<T> {
        self.engine.slot(card)?.look(at_most, what)
    }

    /// How memory is shared on each mount.
    #[must_use]
    pub fn kinds(&self) -> Vec<MapKind> {
        self.mounts.iter().filter_map(|m| m.mount.kind()).collect()
    }

    /// Whether every connection has ended from outside (unmounted, aborted).
    #[must_use]
    pub fn over(&self) -> bool {
        self.mounts.iter().all(|m| m.mount.session().over())
            && self.devices.iter().all(Readers::over)
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
        self.devices.iter().for_each(|d| d.connection().hide());
        self.mounts.iter().for_each(|m| m.mount.unmount());
        // Cards give their memory back while there are still readers to write pages out to.
        let now = clock::now();
        for card in self.engine.indices() {
            drop(self.engine.take_away(card, &now));
        }
        for timer in std::mem::take(&mut self.timers).into_values() {
            let _ = timer.join();
        }
        self.mounts.drain(..).for_each(ServedMount::stop);
        self.devices.drain(..).for_each(Readers::stop);
        self.leaving.drain(..).for_each(Leaving::end);
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
