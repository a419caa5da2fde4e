//! Several readers of one connection.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::os::fd::OwnedFd;
use std::sync::Mutex;

use hw_backends::units::{Nanos, Now};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};

use super::*;
use crate::request::{Abi, Caller, FileHandle, Operation, Reply, Request, RequestId};
use crate::server::Service;
use crate::server::engine::Engine;
use crate::transport::Knock;
use crate::transport::client_memory::Client;
use crate::transport::opens::Opens;
use crate::transport::session::Session;

/// A message that concerns no card: some page.
const PAGE: u8 = 200;
/// The card waits with this one until a page came.
const WAITS: u8 = 100;

/// A connection whose messages are single bytes, each a request of the one card. Its readers are slow with the even ones.
#[derive(Debug)]
struct Bytes {
    session: Session,
    pages: Arc<AtomicBool>,
}

impl Connection for Bytes {
    const BUFFER: usize = 16;

    fn session(&self) -> &Session {
        &self.session
    }

    fn in_turns(&self) -> bool {
        true
    }

    fn has_its_place(&self, message: &[u8]) -> bool {
        message != [PAGE]
    }

    fn serve(self: &Arc<Self>, buffer: &mut [u8], _length: usize, cards: &dyn Cards) {
        let number = buffer[0];
        if number == PAGE {
            self.pages.store(true, Ordering::SeqCst);
            return;
        }
        if number % 2 == 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let id = RequestId(u64::from(number));
        let operation = Operation::Ioctl {
            file: FileHandle(0),
            cmd: u32::from(number),
            arg: 0,
            abi: Abi::Native,
            input: &[],
            out_size: 0,
        };
        cards.card(CardIndex(0)).unwrap().deliver(Request {
            id,
            caller: Caller::default(),
            operation,
            reply: Reply::nobody(id),
            memory: Arc::new(Client::new(0, 0)),
        });
    }

    fn started(&self) -> bool {
        true
    }

    fn cards(&self) -> Vec<CardIndex> {
        vec![CardIndex(0)]
    }

    fn knock(&self) -> Option<Knock> {
        None
    }
}

/// Remembers what came, in its order.
#[derive(Debug)]
struct Order {
    came: Arc<Mutex<Vec<u8>>>,
    pages: Arc<AtomicBool>,
}

impl Service for Order {
    fn handle(&mut self, request: Request<'_>, _now: &Now) {
        let number = u8::try_from(request.id.0).unwrap();
        let begun = Instant::now();
        while number == WAITS && !self.pages.load(Ordering::SeqCst) {
            assert!(begun.elapsed() < PATIENCE, "nobody brings the page");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.came.lock().unwrap().push(number);
    }

    fn tick(&mut self, _now: &Now) {}

    fn next_deadline(&self) -> Option<Nanos> {
        None
    }

    fn disconnect(&mut self, _now: &Now) {}
}

/// Sends messages to a connection with three readers; what the card saw of them.
fn send(messages: &[u8], expected: usize) -> Vec<u8> {
    let (ours, theirs): (OwnedFd, OwnedFd) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    let (came, pages) = (Arc::default(), Arc::<AtomicBool>::default());
    let engine = Engine::new();
    engine.add(Box::new(Order {
        came: Arc::clone(&came),
        pages: Arc::clone(&pages),
    }));
    let connection = Arc::new(Bytes {
        session: Session::new(theirs, 0, Opens::default()),
        pages,
    });
    let cards: Arc<dyn Cards> = engine;
    // The first message stands for INIT.
    let (first, rest) = messages.split_first().unwrap();
    rustix::net::send(&ours, &[*first], SendFlags::empty()).unwrap();
    let mut readers = Readers::first(&connection, &cards).unwrap();
    readers.at_least(3).unwrap();
    for message in rest {
        rustix::net::send(&ours, &[*message], SendFlags::empty()).unwrap();
    }
    let begun = Instant::now();
    while came.lock().unwrap().len() < expected && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Their reads end.
    drop(ours);
    for reader in readers.threads {
        reader.join().unwrap();
    }
    let came = came.lock().unwrap();
    came.clone()
}

#[test]
fn what_one_reader_brings_is_not_overtaken_by_what_another_one_brings() {
    let messages: Vec<u8> = (0..20).collect();
    assert_eq!(send(&messages, 20), messages);
}

#[test]
fn a_page_is_brought_while_a_reader_is_with_the_card_and_others_wait_for_it() {
    assert_eq!(send(&[0, WAITS, 1, 2, PAGE, 3], 5), [0, WAITS, 1, 2, 3]);
}
