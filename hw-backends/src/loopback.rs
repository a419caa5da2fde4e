//! A cable: what is played into one end is captured at the other.
//!
//! Substream n of the playback and substream n of the capture are the ends of cable n. Each end has a position of its own,
//! from its own start; data moves whenever one of the ends is asked for its position. While both run, every frame that was
//! played is captured once, in order; while only one runs, the capture hears silence and the player plays to nobody.

mod cable;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use uapi::Errno;
use uapi::pcm::params::Param;

use crate::dma::Ring;
use crate::gain::Gain;
use crate::hardware::{Hardware, Rule};
use crate::ops::{PcmOps, Pointer, Trigger, View};
use crate::params::Params;
use crate::units::{Direction, Nanos, Now};

use cable::Cable;

/// One end of a cable.
#[derive(Debug)]
pub struct End {
    cable: Arc<Cable>,
    direction: Direction,
    gain: Arc<Gain>,
}

/// Both ends of a new cable, and what shifts its rate (100000 is nominal, 80000..=120000; takes effect at the next
/// move).
#[must_use]
pub fn cable(playback: Arc<Gain>, capture: Arc<Gain>) -> (End, End, Arc<AtomicU32>) {
    let cable = Arc::new(Cable::default());
    let shift = cable.shift();
    let player = End {
        cable: Arc::clone(&cable),
        direction: Direction::Playback,
        gain: playback,
    };
    let recorder = End {
        cable,
        direction: Direction::Capture,
        gain: capture,
    };
    (player, recorder, shift)
}

impl PcmOps for End {
    fn hardware(&self) -> Hardware {
        let mut hardware = Hardware {
            rate_min: 8000,
            rate_max: 192_000,
            ..crate::null::hardware()
        };
        if let Some(kind) = self.cable.pinned_for(self.direction) {
            hardware.rules = vec![
                Rule::Formats(1u64.checked_shl(kind.format).unwrap_or(0)),
                Rule::Range(Param::Rate, kind.rate, kind.rate),
                Rule::Range(Param::Channels, kind.channels, kind.channels),
            ];
        }
        hardware
    }

    fn open(&mut self) -> Result<(), Errno> {
        self.cable.open(self.direction);
        Ok(())
    }

    fn close(&mut self) {
        self.cable.close(self.direction);
    }

    fn hw_params(
        &mut self,
        params: &Params,
        ring: &Ring,
        _ring_changed: bool,
    ) -> Result<(), Errno> {
        self.cable
            .configure(self.direction, params, ring, &self.gain)
    }

    fn hw_free(&mut self) {
        self.cable.free(self.direction);
    }

    fn prepare(&mut self) -> Result<(), Errno> {
        self.cable.prepare(self.direction);
        Ok(())
    }

    fn trigger(&mut self, trigger: Trigger, view: &View, now: &Now) -> Result<(), Errno> {
        self.cable
            .trigger(self.direction, trigger, view, now.monotonic)
    }

    fn pointer(&mut self, view: &View, now: &Now) -> Pointer {
        self.cable.pointer(self.direction, view, now.monotonic)
    }

    fn ack(&mut self, view: &View) -> Result<(), Errno> {
        self.cable.look(self.direction, view);
        Ok(())
    }

    fn next_event(&self, view: &View) -> Option<Nanos> {
        self.cable.next_event(self.direction, view)
    }
}
