//! One substream: a device, its ring, and what a client sees of both.

use hw_backends::dma::{Area, Backing};
use hw_backends::ops::PcmOps;
use hw_backends::params::Params;
use hw_backends::units::{Direction, Nanos, Now};
use uapi::Errno;
use uapi::pcm::{ChannelInfo, HwParams, State, Status, SwParams, SyncPtr};

use super::{Chunk, Drain, Layout, Step, Transfer, Wakeups};

/// One substream of a PCM device.
#[derive(Debug)]
pub struct Substream {
    device: Box<dyn PcmOps>,
    direction: Direction,
    open: bool,
}

#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    unused_variables,
    reason = "under construction"
)]
impl Substream {
    /// A closed substream of `device`.
    #[must_use]
    pub fn new(device: Box<dyn PcmOps>, direction: Direction) -> Substream {
        Substream {
            device,
            direction,
            open: false,
        }
    }
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }
    #[must_use]
    pub fn state(&self) -> State {
        State::Open
    }
    /// Capabilities of the device now.
    #[must_use]
    pub fn hardware(&self) -> hw_backends::hardware::Hardware {
        self.device.hardware()
    }
    pub fn open(
        &mut self,
        backing: Box<dyn Backing>,
        nonblock: bool,
        now: &Now,
    ) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn close(&mut self, now: &Now) {}
    pub fn hw_refine(&mut self, p: &mut HwParams) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn hw_params(&mut self, p: &mut HwParams, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    /// Replaces the boundary by the one of 32-bit callers (§1.9), after a HW_PARAMS of such a caller.
    pub fn use_compat_boundary(&mut self) {}
    pub fn boundary(&self) -> u64 {
        0
    }
    pub fn hw_free(&mut self, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn sw_params(&mut self, p: &mut SwParams, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn status(&mut self, audio_tstamp_data: u32, now: &Now) -> Result<Status, Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn delay(&mut self, now: &Now) -> Result<i64, Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn hwsync(&mut self, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn sync_ptr(&mut self, p: &mut SyncPtr, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn channel_info(&self, channel: u32) -> Result<ChannelInfo, Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn ttstamp(&mut self, kind: i32) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn prepare(&mut self, nonblock: Option<bool>, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn reset(&mut self, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn start(&mut self, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn drop_frames(&mut self, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn resume(&mut self, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    /// Power goes down.
    pub fn suspend(&mut self, now: &Now) {}
    /// The card is gone: state DISCONNECTED, everybody is woken.
    pub fn disconnect(&mut self, now: &Now) {}
    pub fn xrun(&mut self, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn pause(&mut self, push: bool, now: &Now) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn drain(&mut self, nonblock: bool, now: &Now) -> Result<Drain, Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn drain_state(&mut self, timed_out: bool, now: &Now) -> Option<Result<(), Errno>> {
        Some(Err(Errno::ENOTTY))
    }
    pub fn rewind(&mut self, n: u64, now: &Now) -> Result<u64, Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn forward(&mut self, n: u64, now: &Now) -> Result<u64, Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn begin_transfer(
        &mut self,
        layout: Layout,
        frames: u64,
        null: bool,
        now: &Now,
    ) -> Result<Transfer, Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn next_step(&mut self, t: &mut Transfer, now: &Now) -> Step {
        Step::Done(Err(Errno::ENOTTY))
    }
    pub fn commit(
        &mut self,
        t: &mut Transfer,
        chunk: &Chunk,
        copied: Result<(), Errno>,
        now: &Now,
    ) {
    }
    #[expect(clippy::needless_pass_by_value, reason = "a transfer ends once")]
    pub fn end_transfer(&mut self, t: Transfer, cause: Errno, now: &Now) -> Result<u64, Errno> {
        Err(Errno::ENOTTY)
    }
    pub fn ring_part(&self, chunk: &Chunk, channel: Option<u32>) -> Option<Area> {
        None
    }
    pub fn silence_chunk(&mut self, chunk: &Chunk, channel: Option<u32>) {}
    pub fn nonblock(&self) -> bool {
        false
    }
    /// Channels configured; 0 before the first HW_PARAMS.
    pub fn channels(&self) -> u32 {
        0
    }
    /// Bytes of a frame over all channels, and 0 before the first HW_PARAMS. Less than a byte is rounded up.
    pub fn frame_bytes(&self) -> u64 {
        0
    }
    /// Frames that `bytes` of an interleaved buffer hold; `None` unless whole frames and whole bytes (§7.1).
    pub fn frames_of_bytes(&self, bytes: u64) -> Option<u64> {
        None
    }
    /// Frames that `bytes` of one channel's buffer hold (§7.1: a multiple of a whole frame), in samples.
    pub fn samples_of_bytes(&self, bytes: u64) -> Option<u64> {
        None
    }
    /// Bytes that `frames` take in an interleaved buffer.
    pub fn bytes_of_frames(&self, frames: u64) -> u64 {
        0
    }
    /// Bytes that `frames` take in one channel's buffer.
    pub fn bytes_of_samples(&self, frames: u64) -> u64 {
        0
    }
    pub fn params(&self) -> Option<&Params> {
        None
    }
    pub fn poll(&mut self) -> u32 {
        0
    }
    pub fn next_event(&self) -> Option<Nanos> {
        None
    }
    pub fn elapsed(&mut self, now: &Now) {}
    pub fn take_wakeups(&mut self) -> Wakeups {
        Wakeups::default()
    }
}
