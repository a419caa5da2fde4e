//! LINK and UNLINK (§9.1): what one member of a group is told, all of them do, or none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use cuse_pcm::card::SubstreamId;
use cuse_pcm::file::company;
use cuse_pcm::pcm::Substream;
use cuse_pcm::request::{FileHandle, Node, PollHandle, RequestId};
use cuse_pcm_tests::fake_kernel::FakeKernel;
use cuse_pcm_tests::virtual_client::{
    CAPTURE, O_APPEND, O_NONBLOCK, O_RDWR, PLAYBACK, Setup, card, frames, hw_params, prepare,
    sw_params,
};
use hw_backends::hardware::info;
use hw_backends::ops::{PcmOps, Trigger};
use hw_backends::testing::{Call, Refuse, Script};
use hw_backends::units::{Direction, Nanos};
use uapi::Errno;
use uapi::pcm::{State, Status, table};
use zerocopy::FromZeros;

const POLLOUT: u32 = 0x104;
const SECOND: Nanos = Nanos::SECOND;
const RING: u64 = 16000;

/// Whether the streams are of one card, or of a card each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cards {
    One,
    Several,
}

/// Scripted devices, playback first, and an open file on each. A file's descriptor is its place.
struct Rig {
    k: FakeKernel,
    cards: Cards,
    files: Vec<FileHandle>,
    devices: Vec<Script>,
    playbacks: usize,
}

impl Rig {
    /// Open files that are not linked.
    fn open(cards: Cards, playbacks: usize, captures: usize) -> Rig {
        let mut hardware = hw_backends::null::hardware();
        hardware.info |= info::PAUSE | info::RESUME;
        let all: Vec<_> = (0..playbacks + captures)
            .map(|_| Script::new(hardware.clone()))
            .collect();
        let devices = all.iter().map(|(script, _)| script.clone()).collect();
        let mut ops = all
            .into_iter()
            .map(|(_, end)| Box::new(end) as Box<dyn PcmOps>);
        let mut k = match cards {
            Cards::One => {
                let playback = ops.by_ref().take(playbacks).collect();
                FakeKernel::new(card(playback, ops.collect()), 0x20000)
            }
            Cards::Several => {
                let alone = (0..).zip(ops).map(|(at, ops)| match at < playbacks {
                    true => card(vec![ops], vec![]),
                    false => card(vec![], vec![ops]),
                });
                FakeKernel::with_cards(alone.collect(), 0x20000)
            }
        };
        let files = (0..playbacks + captures)
            .map(|at| {
                let node = if at < playbacks { PLAYBACK } else { CAPTURE };
                match cards {
                    Cards::One => k.open(node, O_RDWR).unwrap(),
                    Cards::Several => k.open_on(at, node, O_RDWR).unwrap(),
                }
            })
            .collect();
        let rig = Rig {
            k,
            cards,
            files,
            devices,
            playbacks,
        };
        for (at, file) in rig.files.iter().enumerate() {
            rig.k
                .memory
                .set_descriptor(i32::try_from(at).unwrap(), *file);
        }
        rig
    }

    /// PREPARED, with full playback rings; not linked.
    fn prepared(cards: Cards, playbacks: usize, captures: usize) -> Rig {
        let mut rig = Rig::open(cards, playbacks, captures);
        for at in 0..rig.files.len() {
            prepare(&mut rig.k, rig.files[at], &Setup::default());
            if at < playbacks {
                rig.write(at, RING);
            }
        }
        rig
    }

    /// The same, all linked to the first one.
    fn linked(cards: Cards, playbacks: usize, captures: usize) -> Rig {
        let mut rig = Rig::prepared(cards, playbacks, captures);
        for target in 1..rig.files.len() {
            assert_eq!(rig.link(0, target), Ok(0));
        }
        rig.forget();
        rig
    }

    /// The same, started.
    fn running(cards: Cards, playbacks: usize, captures: usize) -> Rig {
        let mut rig = Rig::linked(cards, playbacks, captures);
        assert_eq!(rig.call(0, table::START), Ok(0));
        rig.forget();
        rig
    }

    fn forget(&mut self) {
        for device in &self.devices {
            device.take_calls();
        }
        self.k.take_wakes();
    }

    fn call(&mut self, at: usize, cmd: u32) -> Result<i64, Errno> {
        self.k.ioctl_value(self.files[at], cmd, 0)
    }

    fn link(&mut self, caller: usize, target: usize) -> Result<i64, Errno> {
        self.k
            .ioctl_value(self.files[caller], table::LINK, target as u64)
    }

    fn write(&mut self, at: usize, n: u64) {
        let file = self.files[at];
        self.k
            .ioctl(file, table::WRITEI_FRAMES, &mut frames(n))
            .unwrap();
    }

    fn id(&self, at: usize) -> SubstreamId {
        let (direction, mut number) = if at < self.playbacks {
            (Direction::Playback, at)
        } else {
            (Direction::Capture, at - self.playbacks)
        };
        if self.cards == Cards::Several {
            number = 0;
        }
        SubstreamId {
            device: 0,
            direction,
            subdevice: u32::try_from(number).unwrap(),
        }
    }

    /// Which card the stream is of.
    fn card(&self, at: usize) -> usize {
        match self.cards {
            Cards::One => 0,
            Cards::Several => at,
        }
    }

    fn substream(&self, at: usize) -> &Substream {
        let card = self.k.files_of(self.card(at)).card();
        card.substream(&self.id(at)).unwrap()
    }

    /// Opens what is at this place again.
    fn reopen(&mut self, at: usize, flags: u32) -> FileHandle {
        let node = if at < self.playbacks {
            PLAYBACK
        } else {
            CAPTURE
        };
        match self.cards {
            Cards::One => self.k.open(node, flags).unwrap(),
            Cards::Several => self.k.open_on(at, node, flags).unwrap(),
        }
    }

    /// The states, without touching anything.
    fn states(&self) -> Vec<State> {
        (0..self.files.len())
            .map(|at| self.substream(at).state())
            .collect()
    }

    fn assert_all(&self, state: State) {
        assert_eq!(self.states(), vec![state; self.files.len()]);
    }

    /// What a device was told since it was last asked.
    fn triggers(&self, at: usize) -> Vec<Trigger> {
        let calls = self.devices[at].take_calls();
        calls
            .into_iter()
            .filter_map(|call| match call {
                Call::Trigger(trigger) => Some(trigger),
                _ => None,
            })
            .collect()
    }

    fn assert_told(&self, triggers: &[Trigger]) {
        for at in 0..self.devices.len() {
            assert_eq!(self.triggers(at), triggers, "device {at}");
        }
    }

    /// A device has moved to `frames`, and its period has elapsed.
    fn elapse(&mut self, at: usize, frames: u64) {
        let now = self.k.now();
        self.devices[at].set_position(frames);
        self.devices[at].set_next_event(Some(now.monotonic));
        self.k.tick();
        self.devices[at].set_next_event(None);
    }

    fn start_drain(&mut self, at: usize) -> RequestId {
        self.k.start_ioctl(self.files[at], table::DRAIN, 0)
    }
}

/// Each test twice: what holds within a card holds across cards.
macro_rules! both {
    ($($name:ident)*) => {
        mod within_a_card {
            $(#[test] fn $name() { super::$name(super::Cards::One); })*
        }
        mod across_cards {
            $(#[test] fn $name() { super::$name(super::Cards::Several); })*
        }
    };
}

both! {
    link_refuses_in_the_kernels_order
    a_second_descriptor_of_the_same_substream_is_itself
    unlink_leaves_and_a_group_of_one_dissolves
    close_stops_the_group_and_leaves_it
    a_shared_substream_is_linked_until_its_last_descriptor_is_closed
    start_starts_all_in_either_direction
    start_starts_nobody_when_one_may_not
    a_device_that_refuses_the_start_stops_those_before_it
    a_write_that_starts_its_stream_starts_the_group
    a_read_that_cannot_start_the_group_fails
    drop_brings_every_member_to_setup_whatever_its_state
    drop_does_nothing_and_says_so_to_nobody_when_a_member_is_open
    an_xrun_of_one_stops_all_and_wakes_who_waits_for_any
    an_xrun_that_a_status_finds_stops_all
    the_xrun_call_stops_all
    pause_and_release_concern_all
    pause_pauses_nobody_when_one_cannot
    resume_concerns_all
    prepare_prepares_all_or_nobody
    prepare_of_paused_streams_stops_and_prepares_all
    reset_empties_all
    a_reset_that_finds_one_run_dry_stops_all
    one_drain_waits_for_the_whole_group
    a_drain_starts_what_is_queued_and_stops_captures
    drain_is_refused_for_all_when_a_member_is_open
    a_drain_that_a_device_refuses_takes_back_the_starts
    a_nonblocking_drain_drains_all_and_does_not_wait
    a_drain_gives_up_on_a_member_that_stands_still_and_stops_all
    a_drain_does_not_wait_for_a_member_that_leaves
    closing_a_member_ends_the_others_drain
    closing_a_draining_member_of_a_group_that_cannot_stop_stops_it_alone
    a_drain_does_not_wait_for_a_member_that_is_closed_in_a_group_that_cannot_stop
    parameters_are_each_members_own
}

// Joining and leaving.

fn link_refuses_in_the_kernels_order(cards: Cards) {
    let mut rig = Rig::open(cards, 4, 0);
    assert_eq!(rig.link(0, 99), Err(Errno::EBADFD), "no such descriptor");
    let control = rig.k.open(Node::Control, O_RDWR).unwrap();
    rig.k.memory.set_descriptor(50, control);
    assert_eq!(rig.link(0, 50), Err(Errno::EBADFD), "no PCM");
    assert_eq!(rig.link(0, 0), Err(Errno::EINVAL), "itself, even in OPEN");
    assert_eq!(rig.link(0, 1), Err(Errno::EBADFD), "OPEN");
    for at in 0..3 {
        prepare(&mut rig.k, rig.files[at], &Setup::default());
    }
    assert_eq!(rig.link(0, 3), Err(Errno::EBADFD), "the states differ");
    assert_eq!(rig.link(0, 1), Ok(0));
    assert_eq!(rig.link(2, 1), Err(Errno::EALREADY));
    assert_eq!(rig.link(0, 1), Err(Errno::EALREADY));
    assert_eq!(rig.link(1, 2), Ok(0), "the caller may be in a group");
    assert_eq!(rig.call(0, table::DROP), Ok(0));
    prepare(&mut rig.k, rig.files[3], &Setup::default());
    assert_eq!(
        rig.link(3, 1),
        Err(Errno::EBADFD),
        "the states come before the group"
    );
}

fn a_second_descriptor_of_the_same_substream_is_itself(cards: Cards) {
    let mut rig = Rig::prepared(cards, 1, 0);
    let again = rig.k.open(PLAYBACK, O_RDWR | O_APPEND).unwrap();
    rig.k.memory.set_descriptor(7, again);
    assert_eq!(rig.link(0, 7), Err(Errno::EINVAL));
}

fn unlink_leaves_and_a_group_of_one_dissolves(cards: Cards) {
    let mut rig = Rig::linked(cards, 3, 0);
    assert_eq!(rig.call(0, table::UNLINK), Ok(0));
    assert_eq!(rig.call(0, table::UNLINK), Err(Errno::EALREADY));
    rig.call(1, table::START).unwrap();
    assert_eq!(
        rig.states(),
        [State::Prepared, State::Running, State::Running]
    );
    assert_eq!(rig.call(1, table::UNLINK), Ok(0));
    assert_eq!(rig.call(2, table::UNLINK), Err(Errno::EALREADY));
    rig.call(2, table::DROP).unwrap();
    assert_eq!(
        rig.states(),
        [State::Prepared, State::Running, State::Setup]
    );
}

fn close_stops_the_group_and_leaves_it(cards: Cards) {
    let mut rig = Rig::running(cards, 3, 0);
    rig.k.release(rig.files[1]);
    assert_eq!(rig.states(), [State::Setup, State::Open, State::Setup]);
    for at in [0, 2] {
        assert_eq!(rig.triggers(at), [Trigger::Stop]);
    }
    let calls = rig.devices[1].take_calls();
    assert!(calls.contains(&Call::Trigger(Trigger::Stop)), "{calls:?}");
    assert_eq!(calls.last(), Some(&Call::Close));
    rig.call(0, table::PREPARE).unwrap();
    assert_eq!(rig.states()[2], State::Prepared, "the others are linked");
    rig.files[1] = rig.reopen(1, O_RDWR);
    assert_eq!(rig.call(1, table::UNLINK), Err(Errno::EALREADY));
    rig.k.release(rig.files[2]);
    assert_eq!(rig.call(0, table::UNLINK), Err(Errno::EALREADY));
}

fn a_shared_substream_is_linked_until_its_last_descriptor_is_closed(cards: Cards) {
    let mut rig = Rig::linked(cards, 1, 1);
    let again = rig.k.open(PLAYBACK, O_RDWR | O_APPEND).unwrap();
    rig.k.release(rig.files[0]);
    rig.files[0] = again;
    rig.call(0, table::START).unwrap();
    rig.assert_all(State::Running);
}

// START.

fn start_starts_all_in_either_direction(cards: Cards) {
    for at in 0..3 {
        let mut rig = Rig::linked(cards, 2, 1);
        assert_eq!(rig.call(at, table::START), Ok(0));
        rig.assert_all(State::Running);
        rig.assert_told(&[Trigger::Start]);
    }
}

fn start_starts_nobody_when_one_may_not(cards: Cards) {
    let mut rig = Rig::linked(cards, 3, 0);
    rig.call(1, table::PREPARE).unwrap();
    // All rings are empty now.
    rig.write(0, RING);
    rig.write(2, RING);
    assert_eq!(rig.call(0, table::START), Err(Errno::EPIPE));
    rig.assert_all(State::Prepared);
    rig.assert_told(&[]);
    rig.k
        .ioctl(
            rig.files[1],
            table::HW_PARAMS,
            &mut hw_params(&Setup::default()),
        )
        .unwrap();
    assert_eq!(rig.call(0, table::START), Err(Errno::EBADFD));
    assert_eq!(
        rig.states(),
        [State::Prepared, State::Setup, State::Prepared]
    );
}

fn a_device_that_refuses_the_start_stops_those_before_it(cards: Cards) {
    let mut rig = Rig::linked(cards, 3, 0);
    rig.devices[1].refuse(Refuse::Trigger(Trigger::Start), Errno::EIO);
    assert_eq!(rig.call(2, table::START), Err(Errno::EIO));
    rig.assert_all(State::Prepared);
    assert_eq!(rig.triggers(0), [Trigger::Start, Trigger::Stop]);
    assert_eq!(rig.triggers(1), [Trigger::Start]);
    assert_eq!(rig.triggers(2), []);
    assert_eq!(rig.call(2, table::START), Ok(0));
    rig.assert_all(State::Running);
}

fn a_write_that_starts_its_stream_starts_the_group(cards: Cards) {
    let mut rig = Rig::linked(cards, 1, 1);
    rig.call(0, table::PREPARE).unwrap();
    let mut software = sw_params(&Setup::default());
    software.start_threshold = 4000;
    rig.k
        .ioctl(rig.files[0], table::SW_PARAMS, &mut software)
        .unwrap();
    rig.write(0, 3000);
    rig.assert_all(State::Prepared);
    rig.write(0, 1000);
    rig.assert_all(State::Running);
}

fn a_read_that_cannot_start_the_group_fails(cards: Cards) {
    let mut rig = Rig::linked(cards, 1, 1);
    rig.call(0, table::PREPARE).unwrap();
    let mut software = sw_params(&Setup::default());
    software.start_threshold = 1;
    rig.k
        .ioctl(rig.files[1], table::SW_PARAMS, &mut software)
        .unwrap();
    let read = |rig: &mut Rig| {
        rig.k
            .start_struct(rig.files[1], table::READI_FRAMES, &frames(100))
    };
    let id = read(&mut rig);
    assert_eq!(rig.k.now_answered(id).result(), Err(Errno::EPIPE));
    rig.assert_all(State::Prepared);
    rig.write(0, RING);
    let id = read(&mut rig);
    assert!(!rig.k.answered(id));
    rig.assert_all(State::Running);
}

// DROP and XRUN.

fn drop_brings_every_member_to_setup_whatever_its_state(cards: Cards) {
    let mut rig = Rig::linked(cards, 2, 0);
    rig.call(1, table::DROP).unwrap();
    rig.assert_all(State::Setup);
    rig.assert_told(&[]);
    let mut rig = Rig::running(cards, 2, 1);
    rig.call(2, table::DROP).unwrap();
    rig.assert_all(State::Setup);
    rig.assert_told(&[Trigger::Stop]);
}

fn drop_does_nothing_and_says_so_to_nobody_when_a_member_is_open(cards: Cards) {
    let mut rig = Rig::linked(cards, 2, 0);
    rig.call(1, table::HW_FREE).unwrap();
    assert_eq!(rig.call(0, table::DROP), Ok(0));
    assert_eq!(rig.states(), [State::Prepared, State::Open]);
}

fn an_xrun_of_one_stops_all_and_wakes_who_waits_for_any(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 1);
    let write = rig
        .k
        .start_struct(rig.files[0], table::WRITEI_FRAMES, &frames(5000));
    let read = rig
        .k
        .start_struct(rig.files[2], table::READI_FRAMES, &frames(5000));
    assert!(!rig.k.answered(write) && !rig.k.answered(read));
    for at in 0..3 {
        let wake = PollHandle(at as u64);
        rig.k.poll(rig.files[at], POLLOUT, Some(wake));
    }
    rig.elapse(1, RING);
    rig.assert_all(State::Xrun);
    rig.assert_told(&[Trigger::Stop]);
    assert_eq!(rig.k.now_answered(write).result(), Err(Errno::EPIPE));
    assert_eq!(rig.k.now_answered(read).result(), Err(Errno::EPIPE));
    let mut wakes = rig.k.take_wakes();
    wakes.sort_by_key(|wake| wake.0);
    assert_eq!(wakes, [0, 1, 2].map(PollHandle));
}

fn an_xrun_that_a_status_finds_stops_all(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    rig.devices[1].set_position(RING);
    rig.k
        .ioctl(rig.files[1], table::STATUS, &mut Status::new_zeroed())
        .unwrap();
    rig.assert_all(State::Xrun);
}

fn the_xrun_call_stops_all(cards: Cards) {
    let mut rig = Rig::running(cards, 1, 1);
    assert_eq!(rig.call(1, table::XRUN), Ok(0));
    rig.assert_all(State::Xrun);
    assert_eq!(rig.call(0, table::PREPARE), Ok(0));
    rig.assert_all(State::Prepared);
}

// PAUSE, RESUME.

fn pause_and_release_concern_all(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    let pause =
        |rig: &mut Rig, at: usize, push| rig.k.ioctl_value(rig.files[at], table::PAUSE, push);
    assert_eq!(pause(&mut rig, 1, 0), Err(Errno::EBADFD));
    assert_eq!(pause(&mut rig, 1, 1), Ok(0));
    rig.assert_all(State::Paused);
    rig.assert_told(&[Trigger::PausePush]);
    assert_eq!(pause(&mut rig, 0, 0), Ok(0));
    rig.assert_all(State::Running);
    rig.assert_told(&[Trigger::PauseRelease]);
    rig.devices[1].refuse(Refuse::Trigger(Trigger::PausePush), Errno::EIO);
    assert_eq!(pause(&mut rig, 0, 1), Err(Errno::EIO));
    rig.assert_all(State::Running);
    assert_eq!(rig.triggers(0), [Trigger::PausePush, Trigger::PauseRelease]);
}

fn pause_pauses_nobody_when_one_cannot(cards: Cards) {
    let mut rig = Rig::open(cards, 2, 0);
    let mut hardware = hw_backends::null::hardware();
    hardware.info &= !info::PAUSE;
    rig.devices[1].set_hardware(hardware);
    for at in 0..2 {
        prepare(&mut rig.k, rig.files[at], &Setup::default());
        rig.write(at, RING);
    }
    rig.link(0, 1).unwrap();
    rig.call(0, table::START).unwrap();
    let paused = rig.k.ioctl_value(rig.files[0], table::PAUSE, 1);
    assert_eq!(paused, Err(Errno::ENOSYS));
    rig.assert_all(State::Running);
}

fn resume_concerns_all(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    let (now, id) = (rig.k.now(), rig.id(0));
    company::call(&mut rig.k.company(), 0, &now, |files| {
        files.card_mut().together(&id, &now, |card| {
            card.substream_mut(&id).unwrap().suspend(&now);
        });
    });
    rig.assert_all(State::Suspended);
    assert_eq!(rig.call(1, table::RESUME), Ok(0));
    rig.assert_all(State::Running);
    rig.assert_told(&[Trigger::Suspend, Trigger::Resume]);
}

// PREPARE, RESET.

fn prepare_prepares_all_or_nobody(cards: Cards) {
    let mut rig = Rig::linked(cards, 2, 0);
    rig.call(0, table::DROP).unwrap();
    assert_eq!(rig.call(1, table::PREPARE), Ok(0));
    rig.assert_all(State::Prepared);
    rig.call(1, table::HW_FREE).unwrap();
    assert_eq!(rig.call(0, table::PREPARE), Err(Errno::EBADFD));
    let mut rig = Rig::running(cards, 2, 0);
    assert_eq!(rig.call(0, table::PREPARE), Err(Errno::EBUSY));
    // The first one has played out alone.
    let drain = rig.start_drain(0);
    rig.elapse(0, RING);
    assert_eq!(rig.states(), [State::Setup, State::Draining]);
    assert_eq!(rig.call(0, table::PREPARE), Err(Errno::EBUSY));
    assert!(!rig.k.answered(drain));
}

fn prepare_of_paused_streams_stops_and_prepares_all(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    rig.k.ioctl_value(rig.files[0], table::PAUSE, 1).unwrap();
    assert_eq!(rig.call(1, table::PREPARE), Ok(0));
    rig.assert_all(State::Prepared);
    rig.assert_told(&[Trigger::PausePush, Trigger::PauseRelease, Trigger::Stop]);
}

fn reset_empties_all(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    for at in 0..2 {
        rig.devices[at].set_position(500);
    }
    assert_eq!(rig.call(0, table::RESET), Ok(0));
    rig.assert_all(State::Running);
    for at in 0..2 {
        let look = rig.substream(at).snapshot();
        assert_eq!((look.appl_ptr, look.hw_ptr), (500, 500));
    }
}

fn a_reset_that_finds_one_run_dry_stops_all(cards: Cards) {
    let mut rig = Rig::running(cards, 3, 0);
    rig.devices[1].set_position(RING);
    assert_eq!(rig.call(0, table::RESET), Ok(0));
    rig.assert_all(State::Xrun);
    rig.assert_told(&[Trigger::Stop]);
}

// DRAIN (§6.10).

fn one_drain_waits_for_the_whole_group(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    let drain = rig.start_drain(1);
    rig.assert_all(State::Draining);
    rig.elapse(1, RING);
    assert_eq!(rig.states(), [State::Draining, State::Setup]);
    assert!(!rig.k.answered(drain));
    rig.elapse(0, RING);
    rig.assert_all(State::Setup);
    assert_eq!(rig.k.now_answered(drain).result(), Ok(0));
}

fn a_drain_starts_what_is_queued_and_stops_captures(cards: Cards) {
    let mut rig = Rig::linked(cards, 2, 1);
    assert_eq!(rig.call(0, table::START), Ok(0));
    rig.devices[2].set_position(300);
    rig.k
        .ioctl(rig.files[2], table::STATUS, &mut Status::new_zeroed())
        .unwrap();
    let drain = rig.start_drain(2);
    rig.assert_all(State::Draining);
    assert!(
        !rig.k.answered(drain),
        "even a capture's waits for the others"
    );
    rig.elapse(0, RING);
    rig.elapse(1, RING);
    assert_eq!(rig.k.now_answered(drain).result(), Ok(0));
    assert_eq!(rig.states(), [State::Setup, State::Setup, State::Draining]);

    let mut rig = Rig::linked(cards, 2, 0);
    rig.call(1, table::PREPARE).unwrap();
    rig.write(1, 2000);
    let drain = rig.start_drain(0);
    assert_eq!(rig.states(), [State::Setup, State::Draining]);
    rig.elapse(1, 2000);
    assert_eq!(rig.k.now_answered(drain).result(), Ok(0));
}

fn drain_is_refused_for_all_when_a_member_is_open(cards: Cards) {
    let mut rig = Rig::linked(cards, 2, 0);
    rig.call(1, table::HW_FREE).unwrap();
    assert_eq!(rig.call(0, table::DRAIN), Err(Errno::EBADFD));
    assert_eq!(rig.states(), [State::Prepared, State::Open]);
}

fn a_drain_that_a_device_refuses_takes_back_the_starts(cards: Cards) {
    let mut rig = Rig::linked(cards, 2, 0);
    rig.devices[1].refuse(Refuse::Trigger(Trigger::Start), Errno::EIO);
    assert_eq!(rig.call(0, table::DRAIN), Err(Errno::EIO));
    rig.assert_all(State::Prepared);
    assert_eq!(rig.triggers(0), [Trigger::Start, Trigger::Stop]);
}

fn a_nonblocking_drain_drains_all_and_does_not_wait(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    rig.k.memory.set_flags(Some(O_RDWR | O_NONBLOCK));
    assert_eq!(rig.call(0, table::DRAIN), Err(Errno::EAGAIN));
    rig.assert_all(State::Draining);
}

fn a_drain_gives_up_on_a_member_that_stands_still_and_stops_all(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    let drain = rig.start_drain(1);
    rig.elapse(0, RING);
    let answer = rig.k.wait(drain, Nanos(2 * SECOND.0));
    assert_eq!(answer, None, "the ring is two seconds long");
    let answer = rig.k.wait(drain, SECOND).unwrap();
    assert_eq!(answer.result(), Err(Errno::EIO));
    rig.assert_all(State::Setup);
}

fn a_drain_does_not_wait_for_a_member_that_leaves(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    let drain = rig.start_drain(0);
    rig.elapse(0, RING);
    assert!(!rig.k.answered(drain));
    assert_eq!(rig.call(1, table::UNLINK), Ok(0));
    assert_eq!(rig.k.now_answered(drain).result(), Ok(0));
    assert_eq!(rig.states(), [State::Setup, State::Draining]);
}

fn closing_a_member_ends_the_others_drain(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    let drain = rig.start_drain(1);
    rig.elapse(1, RING);
    rig.k.release(rig.files[0]);
    assert_eq!(rig.k.now_answered(drain).result(), Ok(0));
}

fn closing_a_draining_member_of_a_group_that_cannot_stop_stops_it_alone(cards: Cards) {
    let mut rig = Rig::running(cards, 2, 0);
    let drain = rig.start_drain(0);
    rig.elapse(1, RING);
    rig.call(1, table::HW_FREE).unwrap();
    assert_eq!(rig.call(0, table::DROP), Ok(0));
    assert_eq!(rig.states(), [State::Draining, State::Open]);
    rig.devices[0].take_calls();
    rig.k.release(rig.files[0]);
    let calls = rig.devices[0].take_calls();
    assert_eq!(calls.first(), Some(&Call::Trigger(Trigger::Stop)));
    assert_eq!(rig.k.now_answered(drain).result(), Err(Errno::EBADFD));
    assert_eq!(rig.call(1, table::UNLINK), Err(Errno::EALREADY));
}

fn a_drain_does_not_wait_for_a_member_that_is_closed_in_a_group_that_cannot_stop(cards: Cards) {
    let mut rig = Rig::running(cards, 3, 0);
    let drain = rig.start_drain(1);
    rig.elapse(1, RING);
    rig.elapse(2, RING);
    rig.call(2, table::HW_FREE).unwrap();
    assert!(!rig.k.answered(drain));
    rig.k.release(rig.files[0]);
    assert_eq!(rig.k.now_answered(drain).result(), Ok(0));
}

// One member alone.

fn parameters_are_each_members_own(cards: Cards) {
    let mut rig = Rig::linked(cards, 2, 0);
    let file = rig.files[0];
    rig.k
        .ioctl(file, table::SW_PARAMS, &mut sw_params(&Setup::default()))
        .unwrap();
    rig.assert_all(State::Prepared);
    rig.k
        .ioctl(file, table::HW_PARAMS, &mut hw_params(&Setup::default()))
        .unwrap();
    assert_eq!(rig.states(), [State::Setup, State::Prepared]);
    assert_eq!(rig.call(0, table::HW_FREE), Ok(0));
    assert_eq!(rig.states(), [State::Open, State::Prepared]);
    assert_eq!(
        rig.call(0, table::UNLINK),
        Ok(0),
        "it was linked all the time"
    );
}

#[test]
fn info_counts_linked_substreams_as_taken() {
    let cards = Cards::One;
    let mut rig = Rig::linked(cards, 2, 0);
    let mut info = uapi::pcm::Info::new_zeroed();
    rig.k.ioctl(rig.files[0], table::INFO, &mut info).unwrap();
    assert_eq!((info.subdevices_count, info.subdevices_avail), (2, 0));
}

#[test]
fn the_cards_removal_ends_a_groups_drain() {
    let cards = Cards::One;
    let mut rig = Rig::running(cards, 2, 0);
    let drain = rig.start_drain(0);
    let now = rig.k.now();
    rig.k.files.disconnect(&now);
    assert_eq!(rig.k.now_answered(drain).result(), Err(Errno::ENODEV));
    rig.assert_all(State::Disconnected);
    rig.k.release(rig.files[0]);
    assert_eq!(rig.states(), [State::Open, State::Disconnected]);
    rig.k.release(rig.files[1]);
}

/// The second card is removed.
fn remove_second(rig: &mut Rig) {
    let now = rig.k.now();
    company::call(&mut rig.k.company(), 1, &now, |files| {
        files.disconnect(&now);
    });
}

#[test]
fn a_cards_removal_takes_running_streams_of_other_cards_along_and_unlinks_them() {
    let mut rig = Rig::running(Cards::Several, 3, 0);
    let write = rig
        .k
        .start_struct(rig.files[0], table::WRITEI_FRAMES, &frames(5000));
    rig.k.poll(rig.files[2], POLLOUT, Some(PollHandle(2)));
    remove_second(&mut rig);
    rig.assert_all(State::Disconnected);
    rig.assert_told(&[Trigger::Stop]);
    assert_eq!(rig.k.now_answered(write).result(), Err(Errno::EBADFD));
    assert_eq!(rig.k.take_wakes(), [PollHandle(2)]);
    assert_eq!(rig.call(1, table::PREPARE), Err(Errno::ENODEV));
    assert_eq!(rig.call(0, table::PREPARE), Err(Errno::EBADFD));
    rig.k.release(rig.files[0]);
    rig.files[0] = rig.reopen(0, O_RDWR);
    assert_eq!(rig.call(0, table::UNLINK), Err(Errno::EALREADY));
}

#[test]
fn a_cards_removal_leaves_streams_of_other_cards_alone_that_do_not_run() {
    let mut rig = Rig::linked(Cards::Several, 3, 0);
    remove_second(&mut rig);
    assert_eq!(
        rig.states(),
        [State::Prepared, State::Disconnected, State::Prepared]
    );
    assert_eq!(rig.call(2, table::START), Ok(0));
    assert_eq!(
        rig.states(),
        [State::Running, State::Disconnected, State::Running]
    );
}

#[test]
fn a_drain_ends_when_the_card_of_the_member_it_waits_for_is_removed() {
    let mut rig = Rig::running(Cards::Several, 2, 0);
    let drain = rig.start_drain(0);
    rig.elapse(0, RING);
    assert_eq!(rig.states(), [State::Setup, State::Draining]);
    remove_second(&mut rig);
    assert_eq!(rig.k.now_answered(drain).result(), Ok(0));
}
