//! Cables between two clients in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use uapi::Errno;
use uapi::pcm::format::{FLOAT_LE, S16_LE, S32_LE};
use uapi::pcm::params::Param;

use super::cable;
use crate::bench::{Bench, MS, at, noise, params};
use crate::gain::Gain;
use crate::hardware::Rule;
use crate::ops::{PcmOps, Trigger};
use crate::params::Params;
use crate::units::Direction::{Capture, Playback};

/// A player and a recorder at the ends of one cable.
struct Pair {
    player: Bench,
    recorder: Bench,
    shift: Arc<AtomicU32>,
    played: Vec<u8>,
    /// Bytes of `played` already written.
    written: usize,
    heard: Vec<u8>,
}

fn pair(play: Params, record: Params) -> Pair {
    let (player, recorder, shift) = cable(Arc::default(), Arc::default());
    let mut player = Bench::new(Box::new(player), Playback, play);
    let mut recorder = Bench::new(Box::new(recorder), Capture, record);
    player.prepare();
    recorder.prepare();
    Pair {
        player,
        recorder,
        shift,
        played: Vec::new(),
        written: 0,
        heard: Vec::new(),
    }
}

impl Pair {
    fn play(&mut self, bytes: &[u8], now: u64) {
        self.played = bytes.to_vec();
        self.written = self.player.write(bytes);
        self.player.trigger(Trigger::Start, now);
    }

    /// Serves both ends' events up to `end`, each at its own time, as a core does.
    fn run(&mut self, end: u64) {
        loop {
            let (player, recorder) = (self.player.next(), self.recorder.next());
            let next = [player, recorder].into_iter().flatten().min();
            let Some(now) = next.filter(|now| *now <= end) else {
                return;
            };
            if player == Some(now) {
                self.player.pointer(now);
                self.written += self.player.write(&self.played[self.written..]);
                if self.written == self.played.len() && !self.player.view.draining {
                    self.player.view.draining = true;
                    self.player.trigger(Trigger::Drain, now);
                }
                if self.player.view.draining && self.player.view.hw >= self.player.view.appl {
                    self.player.trigger(Trigger::Stop, now);
                }
            }
            if recorder == Some(now) {
                self.recorder.pointer(now);
                self.recorder.read(&mut self.heard);
            }
        }
    }

    /// Where the sound begins in what was heard, if all of it is there.
    fn begin(&self) -> usize {
        let found = self
            .heard
            .windows(self.played.len())
            .position(|w| w == self.played);
        found.expect("the sound is heard whole")
    }
}

fn stereo(period: u64, periods: u64) -> Params {
    params(S16_LE, 2, 44100, period, periods)
}

#[test]
fn a_recorder_that_started_first_hears_silence_then_every_frame_once() {
    for (play, record, start) in [
        (441, 441, 20),
        (100, 1000, 21),
        (1000, 100, 33),
        (777, 333, 50),
    ] {
        let mut pair = pair(stereo(play, 4), stereo(record, 4));
        pair.recorder.trigger(Trigger::Start, 12_345);
        pair.run(start * MS + 7);
        pair.play(&noise(4 * 9001, start), start * MS + 7);

        pair.run(400 * MS);

        let begin = pair.begin();
        assert!(pair.heard[..begin].iter().all(|b| *b == 0));
        assert!(
            pair.heard[begin + pair.played.len()..]
                .iter()
                .all(|b| *b == 0)
        );
        let expected = (start * MS + 7 - 12_345) * 44100 / 1_000_000_000;
        let frames = (begin / 4) as u64;
        assert!(
            (expected..=expected + 1).contains(&frames),
            "{frames} instead of {expected}"
        );
    }
}

#[test]
fn a_recorder_that_starts_later_hears_from_then_on_without_a_gap() {
    let mut pair = pair(stereo(441, 4), stereo(333, 4));
    pair.play(&noise(4 * 20_000, 3), 5);
    pair.run(123_456_789);
    pair.recorder.trigger(Trigger::Start, 123_456_789);

    pair.run(600 * MS);

    let from = pair
        .played
        .windows(16)
        .position(|w| w == &pair.heard[..16])
        .unwrap();
    let rest = &pair.played[from..];
    assert_eq!(from / 4, (123_456_789 - 5) * 44100 / 1_000_000_000);
    assert!(pair.heard[..rest.len()] == *rest);
}

#[test]
fn both_ends_meet_their_deadlines_whatever_the_fractions() {
    for start in 0..40u64 {
        let mut pair = pair(stereo(100, 8), stereo(100, 8));
        pair.recorder.trigger(Trigger::Start, 0);
        let start = 3 * MS + start * 1234;
        pair.run(start);
        pair.play(&noise(4 * 20_000, 3), start);
        for period in 1..100u64 {
            let due = (period * 100 * 1_000_000_000).div_ceil(44100);
            pair.run(start + due);
            assert_eq!(pair.player.view.hw, period * 100);
            let heard = (start + due) * 44100 / 1_000_000_000 / 100 * 100;
            assert_eq!(pair.recorder.view.hw, heard);
        }
    }
}

#[test]
fn nothing_is_lost_while_the_rate_is_shifted() {
    let mut pair = pair(stereo(441, 4), stereo(300, 4));
    pair.recorder.trigger(Trigger::Start, 0);
    pair.play(&noise(4 * 30_000, 3), 1_000_001);
    for (i, shift) in [110_000, 80_000, 120_000, 99_999].into_iter().enumerate() {
        pair.run(100 * MS * (i as u64 + 1));
        pair.shift.store(shift, Relaxed);
    }

    pair.run(2000 * MS);

    pair.begin();
}

#[test]
fn a_shifted_rate_is_faster_by_as_much() {
    let mut pair = pair(
        params(S16_LE, 2, 48000, 480, 8),
        params(S16_LE, 2, 48000, 480, 8),
    );
    pair.shift.store(110_000, Relaxed);
    pair.recorder.trigger(Trigger::Start, 0);

    pair.recorder.pointer(20 * MS);

    assert_eq!(pair.recorder.view.hw, 1056);
}

#[test]
fn a_paused_player_leaves_silence_and_loses_nothing() {
    let mut pair = pair(stereo(441, 4), stereo(441, 4));
    pair.recorder.trigger(Trigger::Start, 0);
    pair.play(&noise(4 * 5000, 8), 3);
    pair.run(50 * MS);
    pair.player.trigger(Trigger::PausePush, 50 * MS);
    pair.run(150 * MS);
    pair.player.trigger(Trigger::PauseRelease, 150 * MS + 11);

    pair.run(400 * MS);

    let gap = pair
        .heard
        .windows(4000)
        .position(|w| w.iter().all(|b| *b == 0))
        .unwrap();
    let first = &pair.heard[..gap];
    let after = gap + pair.heard[gap..].iter().position(|b| *b != 0).unwrap();
    let first = &first[first.len() - gap / 4 * 4..];
    let skip = first.iter().position(|b| *b != 0).unwrap() / 4 * 4;
    let first = &first[skip..];
    assert!(pair.played.starts_with(first));
    let second = &pair.played[first.len()..];
    let after = after / 4 * 4;
    assert!(pair.heard[after..after + second.len()] == *second);
}

#[test]
fn a_recorder_alone_hears_silence_and_a_player_alone_plays_on() {
    let mut pair = pair(stereo(441, 4), stereo(441, 4));
    pair.recorder.trigger(Trigger::Start, 0);
    pair.run(100 * MS);
    assert_eq!(pair.heard, vec![0; 441 * 10 * 4]);
    pair.recorder.trigger(Trigger::Stop, 100 * MS);
    pair.play(&noise(4 * 4410, 1), 100 * MS);
    pair.run(300 * MS);
    assert_eq!(pair.player.view.hw, 4410, "drained");
}

#[test]
fn layouts_may_differ_between_the_ends() {
    let mut pair = pair(
        Params {
            access: 4,
            ..stereo(441, 4)
        },
        stereo(300, 5),
    );
    pair.recorder.trigger(Trigger::Start, 0);
    pair.play(&noise(4 * 5000, 8), 1);

    pair.run(300 * MS);

    pair.begin();
}

#[test]
fn the_first_prepare_pins_the_other_end_until_both_are_closed() {
    let (player, mut recorder, _) = cable(Arc::default(), Arc::default());
    recorder.open().unwrap();
    let mut bench = Bench::new(Box::new(player), Playback, stereo(441, 4));
    assert_eq!(recorder.hardware().rules, []);
    bench.prepare();
    let pinned = [
        Rule::Formats(1 << S16_LE),
        Rule::Range(Param::Rate, 44100, 44100),
        Rule::Range(Param::Channels, 2, 2),
    ];
    assert_eq!(recorder.hardware().rules, pinned);
    assert_eq!(bench.device.hardware().rules, [], "not itself");
    bench.device.hw_free();
    bench.device.close();
    assert_eq!(recorder.hardware().rules, pinned, "one end is open");
    recorder.close();
    assert_eq!(recorder.hardware().rules, []);
}

#[test]
fn a_recorder_in_other_parameters_cannot_start_and_a_player_breaks_it() {
    let mut pair = pair(stereo(441, 4), params(S32_LE, 2, 44100, 441, 4));
    let refused = pair
        .recorder
        .device
        .trigger(Trigger::Start, &pair.recorder.view, &at(0));
    assert_eq!(refused, Err(Errno::EIO));
    pair.player.device.hw_free();
    pair.recorder.trigger(Trigger::Start, 0);
    pair.player
        .device
        .hw_params(&stereo(441, 4), &pair.player.ring, false)
        .unwrap();
    pair.player.prepare();
    pair.play(&noise(1000, 1), MS);
    pair.recorder.pointer(2 * MS);
    assert!(pair.recorder.xrun);
    pair.player.pointer(5 * MS);
    assert_eq!(pair.player.view.hw, 176);
}

#[test]
fn both_volumes_apply() {
    let (playback, capture) = (Arc::new(Gain::default()), Arc::new(Gain::default()));
    playback.set_on(0, false);
    capture.set_on(1, false);
    let (player, recorder, _) = cable(playback, capture);
    let mut player = Bench::new(
        Box::new(player),
        Playback,
        params(FLOAT_LE, 2, 48000, 480, 4),
    );
    let mut recorder = Bench::new(
        Box::new(recorder),
        Capture,
        params(FLOAT_LE, 2, 48000, 480, 4),
    );
    player.prepare();
    recorder.prepare();
    player.write(&1f32.to_le_bytes().repeat(960));
    recorder.trigger(Trigger::Start, 0);
    player.trigger(Trigger::Start, 0);
    recorder.pointer(10 * MS);
    let mut heard = Vec::new();
    recorder.read(&mut heard);
    assert_eq!(heard, vec![0; 480 * 8]);
}

#[test]
fn a_long_sleep_of_the_daemon_harms_nobody() {
    let mut pair = pair(stereo(441, 4), stereo(333, 4));
    pair.player.view.stop_threshold = u64::MAX;
    pair.recorder.view.stop_threshold = u64::MAX;
    pair.recorder.trigger(Trigger::Start, 0);
    pair.player.write(&noise(4 * 1764, 1));
    pair.player.trigger(Trigger::Start, 0);
    assert_eq!(
        pair.recorder
            .device
            .pointer(&pair.recorder.view, &at(3_600_000 * MS)),
        crate::ops::Pointer::At(158_760_000)
    );
    assert_eq!(
        pair.player
            .device
            .pointer(&pair.player.view, &at(3_600_000 * MS)),
        crate::ops::Pointer::At(158_760_000)
    );
}
