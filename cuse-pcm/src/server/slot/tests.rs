//! Threads on several cards, with links that come and go.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Condvar, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hw_backends::dma::{Area, PrivateBacking};
use hw_backends::drive::Speed;
use hw_backends::null::Null;
use hw_backends::units::Direction;
use uapi::pcm::params::Param;
use uapi::pcm::{HwParams, Interval, Mask, State, Status, SwParams, XferI, table};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::*;
use crate::card::{Card, Identity, PcmDevice};
use crate::file::Files;
use crate::file::company::Company;
use crate::pcm::Substream;
use crate::request::{
    Abi, Answer, Caller, ClientMemory, FileHandle, Node, Operation, PollHandle, Reply, RequestId,
    Sink,
};
use crate::server::engine::Engine;
use crate::server::timer;
use crate::transport::{CardIndex, Cards as Directory};

/// Nothing takes that long.
const FOREVER: Duration = Duration::from_secs(60);
const RING: u64 = 8000;
const SUBSTREAMS: usize = 16;

/// Cards of null devices, served as they are without a transport.
struct Cards {
    engine: Arc<Engine>,
    slots: Vec<Arc<Slot>>,
    timers: Vec<JoinHandle<()>>,
    ids: AtomicU64,
    /// What a descriptor of any client names.
    descriptors: Arc<Mutex<HashMap<i32, File>>>,
}

/// An open file and its descriptor.
#[derive(Clone, Copy, Debug)]
struct File {
    card: usize,
    handle: FileHandle,
    descriptor: i32,
}

/// The result, and what was carried back.
type Answered = (Result<i64, Errno>, Vec<u8>);

#[derive(Debug, Default)]
struct Answers {
    all: Mutex<HashMap<u64, Answered>>,
    came: Condvar,
}

impl Sink for Answers {
    fn answer(&self, id: RequestId, answer: &Answer<'_>) {
        let answer = match answer {
            Answer::Opened(file) | Answer::Shared(file, _) => (Ok(file.0.cast_signed()), vec![]),
            Answer::Ioctl(result, bytes) => (result.map(i64::from), bytes.to_vec()),
            Answer::Failed(errno) => (Err(*errno), vec![]),
            _ => (Ok(0), vec![]),
        };
        let twice = self.all.lock().unwrap().insert(id.0, answer);
        assert!(twice.is_none(), "{id:?} was answered twice");
        self.came.notify_all();
    }

    fn wake(&self, _: PollHandle) {}
}

/// A client's memory: as large as one likes, zero; and one that can be held up.
#[derive(Debug)]
struct Memory {
    card: usize,
    descriptors: Arc<Mutex<HashMap<i32, File>>>,
    hold: Option<Arc<Hold>>,
}

#[derive(Debug, Default)]
struct Hold {
    reached: AtomicBool,
    released: AtomicBool,
}

impl Memory {
    fn named(&self, descriptor: i32) -> Option<File> {
        self.descriptors.lock().unwrap().get(&descriptor).copied()
    }
}

impl ClientMemory for Memory {
    fn read(&self, _: u64, into: &mut [u8]) -> Result<(), Errno> {
        into.fill(0);
        Ok(())
    }
    fn write(&self, _: u64, _: &[u8]) -> Result<(), Errno> {
        Ok(())
    }
    fn read_area(&self, _: u64, _: &Area) -> Result<(), Errno> {
        if let Some(hold) = &self.hold {
            hold.reached.store(true, Ordering::SeqCst);
            while !hold.released.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }
    fn write_area(&self, _: u64, _: &Area) -> Result<(), Errno> {
        Ok(())
    }
    fn file_flags(&self) -> Option<u32> {
        None
    }
    fn process(&self) -> u32 {
        1
    }
    fn open_file(&self, descriptor: i32) -> Option<FileHandle> {
        let file = self.named(descriptor)?;
        (file.card == self.card).then_some(file.handle)
    }
    fn open_file_elsewhere(&self, descriptor: i32) -> Option<(CardIndex, FileHandle)> {
        let file = self.named(descriptor)?;
        (file.card != self.card).then_some((CardIndex(file.card), file.handle))
    }
}

fn null_card() -> Card {
    let substream = || {
        Substream::new(
            Box::new(Null::new(Direction::Playback, Speed::Real)),
            Direction::Playback,
        )
    };
    let playback = (0..SUBSTREAMS).map(|_| substream()).collect();
    let device = PcmDevice::new(0, "PCM", "A PCM device", playback, Vec::new());
    Card::new(Identity::default(), vec![device])
}

impl Cards {
    fn new(cards: usize) -> Cards {
        let services = (0..cards).map(|_| Box::new(Files::new(null_card())) as Box<dyn Service>);
        let engine = Engine::new();
        let slots: Vec<_> = services.map(|service| engine.add(service).1).collect();
        let timers = slots.iter().map(|slot| timer::start(slot).unwrap());
        let timers = timers.collect();
        Cards {
            engine,
            slots,
            timers,
            ids: AtomicU64::new(2),
            descriptors: Arc::default(),
        }
    }

    fn slot(&self, card: usize) -> &Arc<Slot> {
        &self.slots[card]
    }

    /// Everybody comes home, is alone there, and has nothing open and nothing to read. Whoever answered the last request
    /// may still be on the way back.
    fn assert_at_rest(&self) {
        let since = Instant::now();
        for card in 0..self.slots.len() {
            while let Err(why) = self.at_rest(card) {
                assert!(since.elapsed() < FOREVER, "card {card} {why}");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn at_rest(&self, card: usize) -> Result<(), String> {
        let slot = self.slot(card);
        let mut house = slot.house.lock().unwrap();
        let expect = |holds: bool, why: &str| holds.then_some(()).ok_or(why.to_owned());
        expect(Arc::ptr_eq(&slot.home(), slot), "lives elsewhere")?;
        expect(slot.inbox.is_empty(), "has letters")?;
        expect(house.place(slot) == Some(0), "is not there")?;
        expect(house.len() == 1, "has company")?;
        let Some(files) = house.files(0) else {
            return Ok(());
        };
        let left = (files.open_files(), files.parked_requests());
        expect(left == (0, 0), &format!("has {left:?} files and requests"))
    }

    fn end(self) {
        for card in self.engine.indices() {
            drop(self.engine.take_away(card, &clock::now()));
        }
        for timer in self.timers {
            timer.join().unwrap();
        }
    }
}

struct Client<'a> {
    cards: &'a Cards,
    answers: Arc<Answers>,
    hold: Option<Arc<Hold>>,
    random: u64,
}

impl<'a> Client<'a> {
    fn new(cards: &'a Cards, seed: u64) -> Client<'a> {
        Client {
            cards,
            answers: Arc::default(),
            hold: None,
            random: seed,
        }
    }

    fn below(&mut self, n: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % n
    }

    fn send(&self, card: usize, operation: Operation<'_>) -> RequestId {
        let id = RequestId(self.cards.ids.fetch_add(2, Ordering::Relaxed));
        let sink = Arc::clone(&self.answers) as Arc<dyn Sink>;
        let ioctl = matches!(operation, Operation::Ioctl { .. });
        let memory = Arc::new(Memory {
            card,
            descriptors: Arc::clone(&self.cards.descriptors),
            hold: self.hold.clone(),
        });
        let request = Request {
            id,
            caller: Caller::default(),
            operation,
            reply: Reply::new(id, sink, ioctl),
            memory,
        };
        let to = Directory::card(&*self.cards.engine, CardIndex(card));
        to.unwrap().deliver(request);
        id
    }

    fn answer(&self, id: RequestId) -> Answered {
        let mut all = self.answers.all.lock().unwrap();
        let since = Instant::now();
        loop {
            if let Some(answer) = all.remove(&id.0) {
                return answer;
            }
            assert!(since.elapsed() < FOREVER, "{id:?} has no answer");
            all = self.answers.came.wait_timeout(all, FOREVER).unwrap().0;
        }
    }

    fn open(&self, card: usize) -> Result<File, Errno> {
        let node = Node::Pcm {
            device: 0,
            direction: Direction::Playback,
        };
        let operation = Operation::Open {
            node,
            flags: 2,
            backing: Box::<PrivateBacking>::default(),
        };
        let handle = self.answer(self.send(card, operation)).0?;
        let mut all = self.cards.descriptors.lock().unwrap();
        let descriptor = i32::try_from(all.len()).unwrap();
        let file = File {
            card,
            handle: FileHandle(handle.cast_unsigned()),
            descriptor,
        };
        all.insert(descriptor, file);
        Ok(file)
    }

    fn close(&self, file: File) {
        let file_handle = file.handle;
        let id = self.send(file.card, Operation::Release { file: file_handle });
        self.answer(id).0.unwrap();
    }

    fn start(&self, file: File, cmd: u32, arg: u64, input: &[u8], out_size: usize) -> RequestId {
        let operation = Operation::Ioctl {
            file: file.handle,
            cmd,
            arg,
            abi: Abi::Native,
            input,
            out_size,
        };
        self.send(file.card, operation)
    }

    fn call(&self, file: File, cmd: u32, arg: u64) -> Result<i64, Errno> {
        self.answer(self.start(file, cmd, arg, &[], 0)).0
    }

    fn link(&self, file: File, with: File) -> Result<i64, Errno> {
        self.call(file, table::LINK, with.descriptor.cast_unsigned().into())
    }

    fn status(&self, file: File) -> Status {
        let id = self.start(file, table::STATUS, 0, &[], size_of::<Status>());
        let (result, bytes) = self.answer(id);
        result.unwrap();
        Status::read_from_bytes(&bytes).unwrap()
    }

    fn state(&self, file: File) -> i32 {
        self.status(file).state
    }

    fn write(&self, file: File, frames: u64) -> RequestId {
        let mut x = XferI::new_zeroed();
        x.frames = frames;
        x.buf = if self.hold.is_some() { 0x1000 } else { 0 };
        self.start(file, table::WRITEI_FRAMES, 0, x.as_bytes(), 0)
    }

    /// So much free space is an xrun.
    fn stop_at(&self, file: File, stop_threshold: u64) -> Result<(), Errno> {
        let sw = SwParams {
            period_step: 1,
            avail_min: 80,
            start_threshold: u64::MAX >> 1,
            stop_threshold,
            ..SwParams::new_zeroed()
        };
        let size = size_of::<SwParams>();
        let id = self.start(file, table::SW_PARAMS, 0, sw.as_bytes(), size);
        self.answer(id).0.map(|_| ())
    }

    /// To PREPARED.
    fn prepare(&self, file: File) -> Result<(), Errno> {
        let mut hw = hw_params();
        let size = size_of::<HwParams>();
        let id = self.start(file, table::HW_PARAMS, 0, hw.as_mut_bytes(), size);
        self.answer(id).0?;
        self.stop_at(file, u64::MAX >> 1)?;
        self.call(file, table::PREPARE, 0).map(|_| ())
    }

    /// Two or three streams of different cards, linked and started.
    fn begin(&mut self, cards: usize) -> Result<Vec<File>, Errno> {
        let first = self.below(cards);
        let mut on = vec![first, (first + 1 + self.below(cards - 1)) % cards];
        let third = self.below(cards);
        if !on.contains(&third) {
            on.push(third);
        }
        let files: Vec<File> = on
            .iter()
            .map(|card| self.open(*card))
            .collect::<Result<_, _>>()?;
        for file in &files {
            self.prepare(*file)?;
            self.answer(self.write(*file, 80)).0?;
        }
        for pair in files.windows(2) {
            self.link(pair[0], pair[1])?;
        }
        self.call(files[1], table::START, 0)?;
        Ok(files)
    }

    /// What a linked group does, does it at once.
    fn round(&mut self, cards: usize) {
        let files = self.begin(cards).unwrap();
        let all = |client: &Client<'_>, state: State| {
            for file in &files {
                assert_eq!(client.state(*file), state as i32, "{files:?}");
            }
        };
        all(self, State::Running);
        let started = |file: &File| self.status(*file).trigger_tstamp;
        assert!(files.iter().all(|file| started(file) == started(&files[0])));
        self.assert_together(&files);
        let last = files[files.len() - 1];
        let mut open = files.clone();
        match self.below(6) {
            0 => {
                self.call(last, table::DROP, 0).unwrap();
                all(self, State::Setup);
            }
            1 => {
                self.call(last, table::PAUSE, 1).unwrap();
                all(self, State::Paused);
                self.call(files[0], table::PAUSE, 0).unwrap();
                all(self, State::Running);
            }
            2 => {
                self.call(files[0], table::DRAIN, 0).unwrap();
                all(self, State::Setup);
            }
            3 => {
                // What is queued there is ten milliseconds long; this says so at once if they are over.
                let _ = self.stop_at(last, RING);
                let since = Instant::now();
                while self.state(files[0]) != State::Xrun as i32 {
                    assert!(since.elapsed() < FOREVER, "{files:?} do not run dry");
                    std::thread::sleep(Duration::from_millis(1));
                }
                all(self, State::Xrun);
            }
            4 => {
                self.call(last, table::UNLINK, 0).unwrap();
                self.call(files[0], table::DROP, 0).unwrap();
                assert_eq!(self.state(last), State::Running as i32);
                assert_eq!(self.state(files[0]), State::Setup as i32);
            }
            _ => {
                self.close(open.pop().unwrap());
                for file in &open {
                    assert_eq!(self.state(*file), State::Setup as i32);
                }
            }
        }
        for file in open {
            self.close(file);
        }
    }

    /// All live in one house. It may move while it is asked for.
    fn assert_together(&self, files: &[File]) {
        for _ in 0..1000 {
            let homes: Vec<_> = files
                .iter()
                .map(|file| self.cards.slot(file.card).home().number)
                .collect();
            if homes.iter().all(|home| *home == homes[0]) {
                return;
            }
            std::thread::yield_now();
        }
        panic!("{files:?} are linked and do not live together");
    }
}

fn hw_params() -> HwParams {
    let mut p = HwParams::new_zeroed();
    p.rmask = u32::MAX;
    p.masks = [1 << 3, 1 << 2, u32::MAX].map(|word| Mask {
        bits: [word, 0, 0, 0, 0, 0, 0, 0],
    });
    let any = Interval {
        min: 0,
        max: u32::MAX,
        flags: 0,
    };
    p.intervals = [any; 12];
    let ring = u32::try_from(RING).unwrap();
    for (param, value) in [
        (Param::Channels, 1),
        (Param::Rate, 8000),
        (Param::PeriodSize, 80),
        (Param::BufferSize, ring),
    ] {
        p.intervals[param as usize - Param::SampleBits as usize] = Interval {
            min: value,
            max: value,
            flags: Interval::INTEGER,
        };
    }
    p
}

#[test]
fn threads_that_link_and_unlink_at_random_are_all_served_and_every_card_comes_home() {
    const CARDS: usize = 5;
    let cards = Cards::new(CARDS);
    let until = Instant::now() + Duration::from_secs(2);
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let cards = &cards;
            scope.spawn(move || {
                let mut client = Client::new(cards, seed);
                client.round(CARDS);
                while Instant::now() < until {
                    client.round(CARDS);
                }
            });
        }
        // Somebody who has nothing to do with any link.
        scope.spawn(|| {
            let client = Client::new(&cards, 9);
            let files: Vec<_> = (0..CARDS).map(|card| client.open(card).unwrap()).collect();
            for file in &files {
                client.prepare(*file).unwrap();
            }
            while Instant::now() < until {
                for file in &files {
                    assert_eq!(client.state(*file), State::Prepared as i32);
                }
            }
            files.into_iter().for_each(|file| client.close(file));
        });
    });
    cards.assert_at_rest();
    cards.end();
}

#[test]
fn cards_that_are_taken_away_while_others_link_with_them_leave_nobody_waiting() {
    const CARDS: usize = 5;
    let cards = Cards::new(CARDS);
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let cards = &cards;
            scope.spawn(move || {
                let mut client = Client::new(cards, seed);
                loop {
                    match client.begin(CARDS) {
                        Ok(files) => {
                            let drained = client.call(files[0], table::DRAIN, 0);
                            files.into_iter().for_each(|file| client.close(file));
                            if drained == Err(Errno::ENODEV) {
                                break;
                            }
                        }
                        Err(Errno::ENODEV) => break,
                        // Its partner was taken away.
                        Err(Errno::EBADFD) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(300));
        for card in [3, 0, 4, 1, 2] {
            drop(cards.slot(card).take_away(&clock::now()));
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    cards.assert_at_rest();
    cards.end();
}

#[test]
fn who_holds_up_a_linked_card_holds_up_those_it_is_linked_with_and_nobody_else() {
    let cards = Cards::new(4);
    let mut hostile = Client::new(&cards, 1);
    let files: Vec<_> = [2, 1].map(|card| hostile.open(card).unwrap()).into();
    for file in &files {
        hostile.prepare(*file).unwrap();
    }
    hostile.link(files[0], files[1]).unwrap();
    let hold = Arc::new(Hold::default());
    hostile.hold = Some(Arc::clone(&hold));
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| hostile.answer(hostile.write(files[0], 80)).0);
        while !hold.reached.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let client = Client::new(&cards, 2);
        for card in [0, 3] {
            let file = client.open(card).unwrap();
            client.prepare(file).unwrap();
            client.close(file);
        }
        // A card that is held up takes no reader with it: the letter is left.
        let (left, waiting) = mpsc::channel();
        let file = files[1];
        let asking = scope.spawn(move || {
            let client = Client::new(client.cards, 3);
            let id = client.start(file, table::STATUS, 0, &[], size_of::<Status>());
            left.send(()).unwrap();
            client.answer(id).0
        });
        waiting.recv_timeout(FOREVER).unwrap();
        assert!(!asking.is_finished() && !writing.is_finished());
        hold.released.store(true, Ordering::SeqCst);
        assert_eq!(asking.join().unwrap(), Ok(0));
        assert_eq!(writing.join().unwrap(), Ok(0));
    });
    files.into_iter().for_each(|file| hostile.close(file));
    cards.assert_at_rest();
    cards.end();
}
