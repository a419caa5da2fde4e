//! The path of the data takes no memory: transfers, pointer updates, SYNC_PTR and STATUS.
#![allow(unsafe_code, reason = "counts the allocations of this thread")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout as MemoryLayout, System};
use std::cell::Cell;

use cuse_pcm::pcm::{Layout, State, Step, Substream};
use hw_backends::dma::PrivateBacking;
use hw_backends::drive::Speed;
use hw_backends::null::Null;
use hw_backends::units::{Direction, Nanos, Now};
use uapi::pcm::params::Param;
use uapi::pcm::{HwParams, SyncPtr};
use zerocopy::FromZeros;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: MemoryLayout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: MemoryLayout) {
        // SAFETY: the caller keeps `dealloc`'s contract, and `alloc` got it from the same allocator.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn at(ms: u64) -> Now {
    Now {
        monotonic: Nanos(ms * 1_000_000),
        ..Now::default()
    }
}

fn prepared(direction: Direction) -> Substream {
    let mut s = Substream::new(Box::new(Null::new(direction, Speed::Real)), direction);
    s.open(Box::<PrivateBacking>::default(), true, &at(0))
        .unwrap();
    let mut p = HwParams::new_zeroed();
    p.rmask = u32::MAX;
    for mask in &mut p.masks {
        mask.bits = [u32::MAX; 8];
    }
    for interval in &mut p.intervals {
        interval.max = u32::MAX;
    }
    for (param, value) in [
        (Param::Channels, 2),
        (Param::Rate, 48_000),
        (Param::PeriodSize, 480),
        (Param::BufferSize, 4800),
    ] {
        let interval = &mut p.intervals[param as usize - 8];
        (interval.min, interval.max) = (value, value);
    }
    p.masks[0].bits = [1 << 3, 0, 0, 0, 0, 0, 0, 0];
    s.hw_params(&mut p, &at(0)).unwrap();
    s.prepare(None, &at(0)).unwrap();
    s
}

fn move_frames(s: &mut Substream, frames: u64, now: &Now) -> u64 {
    let mut t = s
        .begin_transfer(Layout::Interleaved, frames, false, now)
        .unwrap();
    loop {
        match s.next_step(&mut t, now) {
            Step::Copy(chunk) => {
                let area = s.ring_part(&chunk, None).unwrap();
                area.fill(0, area.len(), 1);
                s.commit(&mut t, &chunk, Ok(()), now);
            }
            Step::Done(result) => return result.unwrap_or(0),
            Step::Wait { .. } => panic!("nonblocking"),
        }
    }
}

fn exercise(direction: Direction) {
    let mut s = prepared(direction);
    if direction == Direction::Capture {
        s.start(&at(0)).unwrap();
    } else {
        move_frames(&mut s, 4000, &at(0));
    }
    assert_eq!(s.state(), State::Running);
    let mut sync = SyncPtr::new_zeroed();
    let before = COUNT.with(Cell::get);
    let mut moved = 0;
    for ms in (10..1000).step_by(10) {
        let now = at(ms);
        s.elapsed(&now);
        moved += move_frames(&mut s, 480, &now);
        sync.flags = SyncPtr::HWSYNC | SyncPtr::APPL | SyncPtr::AVAIL_MIN;
        s.sync_ptr(&mut sync, &now).unwrap();
        s.status(0, &now).unwrap();
        let _ = (s.poll(), s.next_event(), s.take_wakeups());
    }
    assert_eq!(COUNT.with(Cell::get), before);
    assert!(moved > 40_000, "{moved}");
}

#[test]
fn playing_allocates_nothing() {
    exercise(Direction::Playback);
}

#[test]
fn recording_allocates_nothing() {
    exercise(Direction::Capture);
}
