//! The contract between the PCM core and a device: the kernel's PCM operations in Rust.
//!
//! Order of calls on one substream: `open`, then any number of (`hw_params`, (`prepare`, (`trigger`…)*)*, `hw_free`),
//! then `close`. The core holds the card's lock during every call: a device returns at once and leaves slow work (disk)
//! to a thread of its own.

use uapi::Errno;

use crate::dma::{Needs, Ring};
use crate::hardware::Hardware;
use crate::params::Params;
use crate::units::{Nanos, Now};

/// What the stream is told to do (`SNDRV_PCM_TRIGGER_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Start moving.
    Start,
    /// Stop at once; what is not yet consumed is dropped.
    Stop,
    /// Freeze the position.
    PausePush,
    /// Go on from there.
    PauseRelease,
    /// Power goes down.
    Suspend,
    /// Power is back.
    Resume,
    /// Information only: the client will add nothing; play what is queued.
    Drain,
}

/// Where the client stands, in frames counted without wrap since `prepare`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Playback: frames written so far. Capture: frames read so far.
    pub appl: u64,
    /// Frames the core has last seen the device move.
    pub hw: u64,
    /// Playback that plays out what is queued and then ends.
    pub draining: bool,
    /// avail at which the core declares an xrun, frames; `u64::MAX` for never.
    pub stop_threshold: u64,
}

/// A position report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// Frames moved since `prepare`; only ever grows (the core takes the modulo). Everything before it has been
    /// consumed (playback) or is in the ring (capture).
    At(u64),
    /// The device itself ran dry or over.
    Xrun,
}

/// One substream of a device.
pub trait PcmOps: Send + std::fmt::Debug {
    /// Capabilities now; asked at every open and refinement (a peer may narrow them).
    fn hardware(&self) -> Hardware;

    /// What the device needs of the ring's memory. Where that and what clients need cannot be had in one memory, explicit
    /// sync (`SNDRV_PCM_INFO_EXPLICIT_SYNC`) gives the device a ring of its own.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// A client opens the substream.
    ///
    /// # Errors
    /// Whatever the client's open shall give.
    fn open(&mut self) -> Result<(), Errno>;

    /// The last client closed. Always the last call.
    fn close(&mut self);

    /// Parameters are settled and `ring` is allocated and zeroed. `ring_changed` says whether its address or size
    /// differ from last time.
    ///
    /// # Errors
    /// Whatever HW_PARAMS shall give; the stream is then OPEN again.
    fn hw_params(&mut self, params: &Params, ring: &Ring, ring_changed: bool) -> Result<(), Errno>;

    /// The ring is about to be freed: drop every reference to it.
    fn hw_free(&mut self);

    /// Positions start from zero; ready to be started.
    ///
    /// # Errors
    /// Whatever PREPARE shall give.
    fn prepare(&mut self) -> Result<(), Errno>;

    /// Start, stop, pause...
    ///
    /// # Errors
    /// Whatever the client's call shall give; the state is then unchanged.
    fn trigger(&mut self, trigger: Trigger, view: &View, now: &Now) -> Result<(), Errno>;

    /// Waits are over, nothing of the ring is in use any more. May be called twice.
    fn sync_stop(&mut self) {}

    /// The position at `now`. Moves the data up to it first.
    fn pointer(&mut self, view: &View, now: &Now) -> Pointer;

    /// The client's position moved.
    ///
    /// # Errors
    /// The move is then taken back; EPIPE also means an xrun.
    fn ack(&mut self, _view: &View) -> Result<(), Errno> {
        Ok(())
    }

    /// Frames on their way beyond the reported position.
    fn delay(&mut self, _now: &Now) -> i64 {
        0
    }

    /// When, on the monotonic clock, the next period will have elapsed; `None` when nothing is going on. The core then
    /// asks for `pointer` at that time.
    fn next_event(&self, view: &View) -> Option<Nanos>;
}
