//! A device that scrambles its area: what was not brought there in time, or not fetched in time, is noise.
//!
//! It needs a ring of its own (it says EXPLICIT_SYNC): on the client's it would destroy what is queued.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uapi::Errno;

use crate::dma::Ring;
use crate::frames::Frames;
use crate::hardware::{Hardware, info};
use crate::ops::{PcmOps, Pointer, Trigger, View};
use crate::params::Params;
use crate::units::{Direction, Nanos, Now};

#[derive(Debug)]
struct State {
    direction: Direction,
    frames: Option<Frames>,
    /// Where the test wants it, and where it is, frames since `prepare`.
    target: u64,
    position: u64,
    /// Capture: how far the client was when the area was last scrambled.
    forgotten: u64,
    /// Playback: what was played. Capture: what is going to be recorded, from the first frame on.
    sound: Vec<u8>,
    noise: u64,
}

impl State {
    /// The next byte of noise; never 0 or 0x80, which could be silence.
    fn noise(&mut self) -> u8 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        ((self.noise >> 32) as u8) | 1
    }

    fn scramble(&mut self, from: u64, to: u64) {
        let Some(mut frames) = self.frames.take() else {
            return;
        };
        let from = from.max(to.saturating_sub(frames.buffer()));
        frames.put(from, to, |piece| {
            piece.iter_mut().for_each(|byte| *byte = self.noise());
        });
        self.frames = Some(frames);
    }

    fn play(&mut self, to: u64) {
        let (from, sound) = (self.position, &mut self.sound);
        if let Some(frames) = &mut self.frames {
            frames.take(from, to, |piece| sound.extend_from_slice(piece));
        }
        self.scramble(from, to);
    }

    fn record(&mut self, to: u64, read: u64) {
        // What the client has read is gone.
        let read = read.min(self.position);
        self.scramble(self.forgotten, read);
        self.forgotten = self.forgotten.max(read);
        let Some(frames) = &mut self.frames else {
            return;
        };
        let mut at = usize::try_from(self.position).unwrap_or(usize::MAX) * frames.frame_bytes();
        let sound = &self.sound;
        frames.put(self.position, to, |piece| {
            for byte in piece.iter_mut() {
                *byte = sound.get(at).copied().unwrap_or(0);
                at += 1;
            }
        });
    }
}

/// The test's end. Clones are the same device.
#[derive(Clone, Debug)]
pub struct ScramblerScript(Arc<Mutex<State>>);

/// The core's end.
#[derive(Debug)]
pub struct Scrambler(ScramblerScript);

impl ScramblerScript {
    /// A device that stands at 0. `sound`: what a capture records, interleaved.
    #[must_use]
    pub fn new(direction: Direction, sound: Vec<u8>) -> (ScramblerScript, Scrambler) {
        let state = State {
            direction,
            frames: None,
            target: 0,
            position: 0,
            forgotten: 0,
            sound,
            noise: 0x1234_5678_9abc_def1,
        };
        let script = ScramblerScript(Arc::new(Mutex::new(state)));
        (script.clone(), Scrambler(script))
    }

    /// It stands here when it is next asked, frames since `prepare`.
    pub fn set_position(&self, frames: u64) {
        self.state().target = frames;
    }

    /// What was played so far, interleaved.
    #[must_use]
    pub fn played(&self) -> Vec<u8> {
        self.state().sound.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PcmOps for Scrambler {
    fn hardware(&self) -> Hardware {
        let mut hardware = crate::null::hardware();
        hardware.info |= info::EXPLICIT_SYNC;
        hardware
    }

    fn open(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn close(&mut self) {
        self.0.state().frames = None;
    }

    fn hw_params(&mut self, params: &Params, ring: &Ring, _changed: bool) -> Result<(), Errno> {
        self.0.state().frames = Some(Frames::new(params, ring)?);
        Ok(())
    }

    fn hw_free(&mut self) {
        self.0.state().frames = None;
    }

    fn prepare(&mut self) -> Result<(), Errno> {
        let mut state = self.0.state();
        (state.target, state.position, state.forgotten) = (0, 0, 0);
        let buffer = state.frames.as_ref().map_or(0, Frames::buffer);
        state.scramble(0, buffer);
        Ok(())
    }

    fn trigger(&mut self, _trigger: Trigger, _view: &View, _now: &Now) -> Result<(), Errno> {
        Ok(())
    }

    fn pointer(&mut self, view: &View, _now: &Now) -> Pointer {
        let mut state = self.0.state();
        let mut to = state.target.max(state.position);
        match state.direction {
            Direction::Playback => {
                if view.draining {
                    to = to.min(view.appl).max(state.position);
                }
                state.play(to);
            }
            Direction::Capture => state.record(to, view.appl),
        }
        state.position = to;
        Pointer::At(to)
    }

    fn next_event(&self, _view: &View) -> Option<Nanos> {
        None
    }
}
