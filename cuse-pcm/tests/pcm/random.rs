//! Any calls in any order with any numbers: nothing panics, and what must always hold holds.

use crate::bench::*;
use cuse_pcm::pcm::{Drain, Layout, Step, Transfer};
use hw_backends::ops::Trigger;
use hw_backends::testing::Refuse;
use hw_backends::units::Direction::{self, Capture, Playback};
use hw_backends::units::Nanos;
use uapi::Errno;

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A number as a hostile client likes them.
    fn number(&mut self) -> u64 {
        let edges = [
            0,
            1,
            PERIOD,
            BUFFER,
            BUFFER + 1,
            BOUNDARY,
            BOUNDARY - 1,
            BOUNDARY - BUFFER,
            1 << 63,
            u64::MAX,
        ];
        match self.below(4) {
            0 => edges[usize::try_from(self.below(10)).unwrap()],
            1 => self.next(),
            _ => self.below(2 * BUFFER),
        }
    }
}

struct Walk {
    bench: Bench,
    backing: MappedBacking,
    random: Random,
    ms: u64,
    device: u64,
    parked: Option<Transfer>,
    /// How often a moving device was seen to move, so that the walk is known to get somewhere.
    moves: u32,
}

impl Walk {
    fn new(direction: Direction, seed: u64) -> Walk {
        let backing = MappedBacking::new();
        let bench = Bench::open_with(direction, hardware(), Box::new(backing.clone()));
        bench.device.set_next_event(Some(Nanos(0)));
        Walk {
            bench,
            backing,
            random: Random(seed),
            ms: 0,
            device: 0,
            parked: None,
            moves: 0,
        }
    }

    /// Towards a moving stream, as far as the device lets it.
    fn recover(&mut self) {
        let now = at(self.ms);
        let _ = self.bench.s.drop_frames(&now);
        let _ = self.bench.s.hw_params(&mut wanted(3, 1, BUFFER), &now);
        let stop = if self.random.below(2) == 0 {
            BOUNDARY
        } else {
            BUFFER
        };
        let _ = self.bench.s.params().is_some()
            && self
                .bench
                .try_software(|p| p.stop_threshold = stop, self.ms)
                .is_ok();
        let _ = self.bench.s.prepare(Some(false), &now);
        let _ = self.bench.s.forward(self.random.below(BUFFER), &now);
        let _ = self.bench.s.start(&now);
    }

    fn parameters(&mut self) {
        let now = at(self.ms);
        let (n, m, random) = (
            self.random.number(),
            self.random.number(),
            self.random.next(),
        );
        let s = &mut self.bench.s;
        match random % 6 {
            0 => drop(s.hw_params(
                &mut wanted(
                    [0, 3, 4, 1][(random >> 8) as usize % 4],
                    1 + (random >> 16) % 2,
                    BUFFER,
                ),
                &now,
            )),
            1 => drop(s.hw_free(&now)),
            2 => drop(s.prepare(Some(random & 64 != 0), &now)),
            3 => drop(s.ttstamp(i32::try_from(n % 5).unwrap())),
            4 => {
                let mut p: uapi::pcm::SwParams = zerocopy::FromZeros::new_zeroed();
                (p.avail_min, p.start_threshold, p.stop_threshold) = (n, m, self.random.number());
                (p.silence_threshold, p.silence_size) =
                    (self.random.number(), self.random.number());
                (p.tstamp_mode, p.proto) = (i32::from(random & 64 != 0), 0x2_0012);
                let _ = s.sw_params(&mut p, &now);
            }
            _ => {
                let refusals = [
                    Refuse::Ack,
                    Refuse::Prepare,
                    Refuse::Trigger(Trigger::Start),
                    Refuse::HwParams,
                ];
                let errno = if random & 64 == 0 {
                    Errno::EPIPE
                } else {
                    Errno::EIO
                };
                self.bench
                    .device
                    .refuse(refusals[(random >> 8) as usize % 4], errno);
            }
        }
    }

    fn motion(&mut self) {
        let now = at(self.ms);
        let (n, random) = (self.random.number(), self.random.next());
        let s = &mut self.bench.s;
        match random % 16 {
            0 => drop(s.start(&now)),
            1 => drop(s.drop_frames(&now)),
            2 => drop(s.pause(random & 64 != 0, &now)),
            3 => s.suspend(&now),
            4 => drop(s.resume(&now)),
            5 => drop(s.xrun(&now)),
            6 => drop(s.reset(&now)),
            7 => drop(s.rewind(n, &now)),
            8 => drop(s.forward(n, &now)),
            9 => drop(s.delay(&now)),
            10 => drop(s.status(u32::try_from(random >> 32).unwrap(), &now)),
            11 => {
                let drained = s.drain(random & 64 != 0, &now);
                if let Ok(Drain::Wait { .. }) = drained {
                    let _ = s.drain_state(random & 128 != 0, &now);
                }
            }
            12 => drop(
                self.bench
                    .sync(u32::try_from(random >> 61).unwrap(), n, self.ms, self.ms),
            ),
            13 => self.backing.store(
                (random >> 8) as usize % 2,
                (random >> 9) as usize % 2 * 8,
                n,
            ),
            14 => {
                let _ = s.poll();
                let _ = s.channel_info(u32::try_from(n % 4).unwrap());
            }
            _ => {
                let moving = s.next_event().is_some();
                let frames = if random & 64 == 0 { n } else { n % BUFFER };
                self.device = self.device.saturating_add(frames);
                self.bench.device.set_position(self.device);
                s.elapsed(&now);
                if moving {
                    self.moves += 1;
                    let hw = s.snapshot().hw_ptr;
                    assert_eq!(hw % BUFFER, self.device % BUFFER, "the place in the ring");
                }
            }
        }
    }

    fn transfer(&mut self) {
        let now = at(self.ms);
        let (n, random) = (self.random.number(), self.random.next());
        let layout = if random & 1 == 0 {
            Layout::Interleaved
        } else {
            Layout::Noninterleaved
        };
        let parked = self.parked.take();
        let begun = parked.map_or_else(
            || {
                self.bench
                    .s
                    .begin_transfer(layout, n, random & 2 != 0, &now)
            },
            Ok,
        );
        let Ok(mut t) = begun else { return };
        for _ in 0..20 {
            match self.bench.s.next_step(&mut t, &now) {
                Step::Copy(chunk) => {
                    let end = chunk.ring_offset_frames + chunk.frames;
                    assert!(
                        chunk.frames > 0 && end <= self.bench.s.params().unwrap().buffer_size,
                        "{chunk:?}"
                    );
                    self.bench
                        .s
                        .silence_chunk(&chunk, (random & 4 == 0).then_some(0));
                    let copied = if random & 56 == 0 {
                        Err(Errno::EFAULT)
                    } else {
                        Ok(())
                    };
                    self.bench.s.commit(&mut t, &chunk, copied, &now);
                }
                Step::Wait { .. } if random & 64 == 0 => {
                    self.parked = Some(t);
                    return;
                }
                Step::Wait { .. } => break,
                Step::Done(result) => {
                    assert!(result.is_err() || result.unwrap() <= t.frames());
                    return;
                }
            }
        }
        let _ = self.bench.s.end_transfer(t, Errno::EINTR, &now);
    }

    fn invariants(&self) {
        let now = self.bench.s.snapshot();
        assert!(now.hw_ptr == 0 || now.hw_ptr < self.bench.s.boundary());
        let page = MappedBacking::load(&self.backing.pages.status[0], 0) & 0xffff_ffff;
        assert_eq!(page, now.state as u64, "the page says what the core knows");
        assert_eq!(
            MappedBacking::load(&self.backing.pages.status[0], 8),
            now.hw_ptr
        );
    }

    fn run(&mut self, steps: u32) {
        for _ in 0..steps {
            self.ms += self.random.below(200);
            match self.random.below(8) {
                0 if self.bench.s.next_event().is_none() => self.recover(),
                0 | 1 => self.parameters(),
                2 | 3 => self.transfer(),
                _ => self.motion(),
            }
            self.invariants();
        }
        self.bench.s.close(&at(self.ms));
    }
}

fn walk(direction: Direction, seed: u64) -> u32 {
    let mut walk = Walk::new(direction, seed * 0x9e37_79b9);
    walk.run(1000);
    walk.moves
}

#[test]
fn no_sequence_of_playback_calls_breaks_the_core() {
    let mut moves = 0;
    for seed in 1..40 {
        moves += walk(Playback, seed);
    }
    assert!(moves > 300, "{moves}");
}

#[test]
fn no_sequence_of_capture_calls_breaks_the_core() {
    let mut moves = 0;
    for seed in 1..40 {
        moves += walk(Capture, seed);
    }
    assert!(moves > 300, "{moves}");
}
