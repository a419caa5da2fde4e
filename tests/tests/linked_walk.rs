//! Any calls on linked streams in any order, with devices that refuse now and then: nothing panics, no device is told
//! what makes no sense, and no member is left where its group cannot be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::{Arc, Mutex, MutexGuard};

use cuse_pcm::card::SubstreamId;
use cuse_pcm::file::company;
use cuse_pcm::request::{FileHandle, PollHandle, RequestId};
use cuse_pcm_tests::fake_kernel::FakeKernel;
use cuse_pcm_tests::random::Random;
use cuse_pcm_tests::virtual_client::{
    CAPTURE, O_RDWR, PLAYBACK, Setup, card, frames, hw_params, sw_params,
};
use hw_backends::dma::Ring;
use hw_backends::hardware::{Hardware, info};
use hw_backends::ops::{PcmOps, Pointer, Trigger, View};
use hw_backends::params::Params;
use hw_backends::units::{Direction, Nanos, Now};
use uapi::Errno;
use uapi::pcm::{State, Status, table};
use zerocopy::FromZeros;

/// What a device knows of itself.
#[derive(Debug, Default)]
struct Truth {
    configured: bool,
    prepared: bool,
    paused: bool,
    started: Option<u64>,
    base: u64,
    period: u64,
    refuse: bool,
    wrong: Vec<String>,
}

impl Truth {
    fn position(&self, now: u64) -> u64 {
        let since = self.started.map_or(0, |at| now.saturating_sub(at));
        self.base + since * 8000 / 1_000_000_000
    }

    fn moving(&self) -> bool {
        self.started.is_some()
    }

    fn check(&mut self, allowed: bool, what: &str) {
        if !allowed {
            let told = format!("{what}: {self:?}");
            self.wrong.push(told);
        }
    }
}

/// A paced device that notices what it should not be told. Clones are the same device.
#[derive(Clone, Debug, Default)]
struct Strict(Arc<Mutex<Truth>>);

impl Strict {
    fn truth(&self) -> MutexGuard<'_, Truth> {
        self.0.lock().unwrap()
    }
}

impl PcmOps for Strict {
    fn hardware(&self) -> Hardware {
        let mut hardware = hw_backends::null::hardware();
        hardware.info |= info::PAUSE | info::RESUME;
        hardware
    }

    fn open(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn close(&mut self) {
        let mut truth = self.truth();
        let idle = !truth.moving() && !truth.configured;
        truth.check(idle, "close");
    }

    fn hw_params(&mut self, params: &Params, _: &Ring, _: bool) -> Result<(), Errno> {
        let mut truth = self.truth();
        let idle = !truth.moving() && !truth.configured;
        truth.check(idle, "hw_params");
        (truth.configured, truth.prepared) = (true, false);
        truth.period = params.period_size;
        Ok(())
    }

    fn hw_free(&mut self) {
        let mut truth = self.truth();
        let idle = !truth.moving();
        truth.check(idle, "hw_free");
        (truth.configured, truth.paused) = (false, false);
    }

    fn prepare(&mut self) -> Result<(), Errno> {
        let mut truth = self.truth();
        let idle = truth.configured && !truth.moving();
        truth.check(idle, "prepare");
        (truth.prepared, truth.paused, truth.base) = (true, false, 0);
        Ok(())
    }

    fn trigger(&mut self, trigger: Trigger, _: &View, now: &Now) -> Result<(), Errno> {
        let mut truth = self.truth();
        let now = now.monotonic.0;
        let standing = truth.prepared && !truth.moving();
        let allowed = match trigger {
            Trigger::Start => standing && !truth.paused,
            Trigger::Resume => standing,
            Trigger::PauseRelease => truth.paused,
            Trigger::Stop | Trigger::PausePush | Trigger::Suspend => truth.moving(),
            Trigger::Drain => false,
        };
        truth.check(allowed, &format!("{trigger:?}"));
        // What takes something back is not refused: there is nothing to fall back to.
        let refusable = matches!(trigger, Trigger::Start | Trigger::Resume);
        if refusable && std::mem::take(&mut truth.refuse) {
            return Err(Errno::EIO);
        }
        truth.paused = trigger == Trigger::PausePush;
        if truth.moving() {
            (truth.base, truth.started) = (truth.position(now), None);
        } else {
            truth.started = Some(now);
        }
        Ok(())
    }

    fn pointer(&mut self, _: &View, now: &Now) -> Pointer {
        Pointer::At(self.truth().position(now.monotonic.0))
    }

    fn next_event(&self, view: &View) -> Option<Nanos> {
        let truth = self.truth();
        let next = (view.hw / truth.period + 1) * truth.period;
        let frames = next.saturating_sub(truth.base);
        Some(Nanos(
            truth.started? + (frames * 1_000_000_000).div_ceil(8000),
        ))
    }
}

const PLAYBACKS: usize = 3;
const ALL: usize = 5;

struct Walk {
    k: FakeKernel,
    cards: Cards,
    random: Random,
    devices: Vec<Strict>,
    files: Vec<FileHandle>,
    waiting: Vec<RequestId>,
    /// What was answered in the last step.
    log: Vec<(RequestId, Result<i64, Errno>)>,
    /// How often a whole group of at least two was seen to run.
    together: u32,
}

/// Whether the streams are of one card, or of a card each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cards {
    One,
    Several,
}

impl Cards {
    fn card(self, at: usize) -> usize {
        match self {
            Cards::One => 0,
            Cards::Several => at,
        }
    }

    fn id(self, at: usize) -> SubstreamId {
        let (direction, number) = if at < PLAYBACKS {
            (Direction::Playback, at)
        } else {
            (Direction::Capture, at - PLAYBACKS)
        };
        let number = if self == Cards::One { number } else { 0 };
        SubstreamId {
            device: 0,
            direction,
            subdevice: u32::try_from(number).unwrap(),
        }
    }
}

impl Walk {
    fn new(seed: u64, cards: Cards) -> Walk {
        let devices: Vec<Strict> = (0..ALL).map(|_| Strict::default()).collect();
        let ops = |devices: &[Strict]| {
            let boxed = devices.iter().map(|device| Box::new(device.clone()) as _);
            boxed.collect()
        };
        let (playback, capture) = devices.split_at(PLAYBACKS);
        let k = match cards {
            Cards::One => FakeKernel::new(card(ops(playback), ops(capture)), 0x20000),
            Cards::Several => {
                let playback = playback.chunks(1).map(|one| card(ops(one), vec![]));
                let capture = capture.chunks(1).map(|one| card(vec![], ops(one)));
                FakeKernel::with_cards(playback.chain(capture).collect(), 0x20000)
            }
        };
        let mut walk = Walk {
            k,
            cards,
            random: Random::new(seed),
            devices,
            files: vec![FileHandle(0); ALL],
            waiting: Vec::new(),
            log: Vec::new(),
            together: 0,
        };
        for at in 0..ALL {
            walk.open(at);
        }
        walk
    }

    fn below(&mut self, n: usize) -> usize {
        self.random.below(u32::try_from(n).unwrap()) as usize
    }

    fn open(&mut self, at: usize) {
        let node = if at < PLAYBACKS { PLAYBACK } else { CAPTURE };
        self.files[at] = match self.cards {
            Cards::One => self.k.open(node, O_RDWR).unwrap(),
            Cards::Several => self.k.open_on(at, node, O_RDWR).unwrap(),
        };
        let descriptor = i32::try_from(at).unwrap();
        self.k.memory.set_descriptor(descriptor, self.files[at]);
    }

    fn state(&self, at: usize) -> State {
        let card = self.k.files_of(self.cards.card(at)).card();
        card.substream(&self.cards.id(at)).unwrap().state()
    }

    /// Everybody to PREPARED with something queued, as far as it goes.
    fn recover(&mut self) {
        for at in 0..ALL {
            let _ = self.k.ioctl_value(self.files[at], table::DROP, 0);
        }
        for at in 0..ALL {
            if matches!(self.state(at), State::Open | State::Setup) {
                let _ = self.k.ioctl(
                    self.files[at],
                    table::HW_PARAMS,
                    &mut hw_params(&Setup::default()),
                );
            }
        }
        for at in 0..ALL {
            if self.state(at) == State::Setup {
                let _ = self.k.ioctl_value(self.files[at], table::PREPARE, 0);
            }
        }
        for at in 0..PLAYBACKS {
            self.transfer(at);
        }
    }

    fn transfer(&mut self, at: usize) {
        let n = 1 + self.random.below(20000);
        let cmd = if at < PLAYBACKS {
            table::WRITEI_FRAMES
        } else {
            table::READI_FRAMES
        };
        let started = self
            .k
            .start_struct(self.files[at], cmd, &frames(u64::from(n)));
        self.waiting.push(started);
    }

    fn software(&mut self, at: usize) {
        let mut software = sw_params(&Setup::default());
        software.start_threshold = self.random.pick(&[1, 2000, 16000, 1 << 40]);
        software.stop_threshold = self.random.pick(&[16000, 16000, u64::MAX >> 2]);
        let _ = self
            .k
            .ioctl(self.files[at], table::SW_PARAMS, &mut software);
    }

    fn suspend(&mut self, at: usize) {
        let now = self.k.now();
        let (card, id) = (self.cards.card(at), self.cards.id(at));
        company::call(&mut self.k.company(), card, &now, |files| {
            files.card_mut().together(&id, &now, |card| {
                card.substream_mut(&id).unwrap().suspend(&now);
            });
            files.tick(&now);
        });
    }

    fn step(&mut self) {
        let (at, other) = (self.below(ALL), self.below(ALL));
        let simple = [
            table::START,
            table::START,
            table::PREPARE,
            table::DROP,
            table::RESET,
            table::XRUN,
            table::RESUME,
            table::HW_FREE,
            table::UNLINK,
            table::HWSYNC,
        ];
        match self.below(40) {
            0 => self.recover(),
            1 => {
                self.k.release(self.files[at]);
                self.open(at);
            }
            2..8 if self.state(at) != State::Suspended => {
                let target = other as u64;
                let _ = self.k.ioctl_value(self.files[at], table::LINK, target);
            }
            8..11 => self.software(at),
            11..18 => self.transfer(at),
            18..20 => {
                let drain = self.k.start_ioctl(self.files[at], table::DRAIN, 0);
                self.waiting.push(drain);
            }
            20..22 => {
                let push = u64::from(self.random.once_in(2));
                let _ = self.k.ioctl_value(self.files[at], table::PAUSE, push);
            }
            22 => self.suspend(at),
            23 => self.devices[at].truth().refuse = true,
            24 => {
                let mut params = hw_params(&Setup::default());
                let _ = self.k.ioctl(self.files[at], table::HW_PARAMS, &mut params);
            }
            25 if !self.waiting.is_empty() => {
                let which = self.below(self.waiting.len());
                self.k.interrupt(self.waiting[which]);
            }
            26..29 => {
                let ms = u64::from(self.random.below(1500));
                self.k.advance(Nanos(ms * 1_000_000));
            }
            29 => {
                let mut status = Status::new_zeroed();
                let _ = self.k.ioctl(self.files[at], table::STATUS, &mut status);
            }
            30 => {
                let wake = Some(PollHandle(at as u64));
                self.k.poll(self.files[at], u32::MAX, wake);
            }
            _ => {
                let cmd = self.random.pick(&simple);
                let _ = self.k.ioctl_value(self.files[at], cmd, 0);
            }
        }
        let (k, log) = (&mut self.k, &mut self.log);
        log.clear();
        self.waiting.retain(|id| {
            let answer = k.take(*id);
            log.extend(answer.clone().map(|answer| (*id, answer.result())));
            answer.is_none()
        });
        self.check();
    }

    /// What must hold at any time.
    fn check(&mut self) {
        for at in 0..ALL {
            let (state, truth) = (self.state(at), self.devices[at].truth());
            assert_eq!(truth.wrong, Vec::<String>::new(), "device {at}");
            let moves = state == State::Running || state == State::Draining && at < PLAYBACKS;
            assert_eq!(truth.moving(), moves, "{at} in {state:?}: {truth:?}");
            // A pause outlasts a suspend, and the device is not told when it is forgotten then.
            assert!(truth.paused || state != State::Paused, "{at}: {truth:?}");
        }
        for at in 0..ALL {
            let members = self.members(at);
            if members.len() == 1 {
                continue;
            }
            assert!(members.contains(&at));
            let of = |state| members.iter().filter(|m| self.state(**m) == state).count();
            for state in [State::Running, State::Paused, State::Suspended] {
                let some = of(state);
                let all: Vec<_> = members.iter().map(|m| self.state(*m)).collect();
                assert!(some == 0 || some == members.len(), "{members:?}: {all:?}");
            }
            self.together += u32::from(of(State::Running) > 1);
        }
    }

    /// Its group; it alone if there is none.
    fn members(&mut self, at: usize) -> Vec<usize> {
        let (cards, now) = (self.cards, self.k.now());
        let keys: Vec<_> = (0..ALL)
            .map(|at| self.k.files_of(cards.card(at)).card().own(&cards.id(at)))
            .collect();
        let members = company::call(&mut self.k.company(), cards.card(at), &now, |files| {
            let named = (0..).map_while(|nth| files.card().member(&cards.id(at), nth));
            named
                .map(|member| keys.iter().position(|key| *key == member).unwrap())
                .collect()
        });
        members.unwrap()
    }

    /// Everything is closed: everybody was answered, and nothing is left.
    fn end(mut self) -> u32 {
        for at in 0..ALL {
            self.k.release(self.files[at]);
        }
        for id in std::mem::take(&mut self.waiting) {
            assert!(self.k.take(id).is_some());
        }
        self.check();
        assert!(self.k.answered_twice().is_empty());
        for at in 0..ALL {
            let files = self.k.files_of(self.cards.card(at));
            assert_eq!(files.parked_requests(), 0);
            assert_eq!(self.state(at), State::Open);
            assert_eq!(self.members(at), [at]);
        }
        self.together
    }
}

#[test]
fn a_random_walk_leaves_no_group_in_an_impossible_state() {
    let mut together = 0;
    for seed in 1..=60 {
        let mut walk = Walk::new(seed, Cards::One);
        for _ in 0..500 {
            walk.step();
        }
        together += walk.end();
    }
    assert!(together > 1000, "groups ran in {together} steps only");
}

#[test]
fn the_same_walk_across_cards_is_answered_the_same() {
    for seed in 1..=8 {
        let mut within = Walk::new(seed, Cards::One);
        let mut across = Walk::new(seed, Cards::Several);
        for step in 0..500 {
            within.step();
            across.step();
            let states = |walk: &Walk| (0..ALL).map(|at| walk.state(at)).collect::<Vec<_>>();
            assert_eq!(states(&within), states(&across), "seed {seed}, step {step}");
            assert_eq!(within.log, across.log, "seed {seed}, step {step}");
        }
        assert_eq!(within.end(), across.end());
    }
}
