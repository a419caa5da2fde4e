//! STATUS, DELAY, HWSYNC, CHANNEL_INFO and poll: what a client reads (§3.5, §6.5, §6.11, §8.4).

use hw_backends::hardware::info;
use hw_backends::units::{Direction, Now};
use uapi::Errno;
use uapi::pcm::{ChannelInfo, State, Status, Timespec};

use super::Substream;
use super::hw_ptr::Cause;
use super::position::signed;
use super::runtime::timespec;
use super::sync::SyncPoint;

/// `POLLIN | POLLRDNORM`.
const READABLE: u32 = 0x41;
/// `POLLOUT | POLLWRNORM`.
const WRITABLE: u32 = 0x104;
/// `POLLERR`.
const ERROR: u32 = 0x8;

/// `audio_tstamp_data`: the requested type.
const TYPE_MASK: u32 = 0xf;
/// `audio_tstamp_data`: the delay shall be counted in.
const REPORT_DELAY: u32 = 0x10;
/// `audio_tstamp_data`: what is echoed of a request, and a valid report of type COMPAT.
const REQUEST_MASK: u32 = 0xffff;
const REPORT_VALID: u32 = 0x1_0000;

impl Substream {
    /// STATUS and STATUS_EXT (`audio_tstamp_data` of the caller; plain STATUS passes 0). Resets `avail_max`.
    ///
    /// State is read before the pointer is updated: a call that finds the xrun still says RUNNING.
    ///
    /// # Errors
    /// None; in every state.
    #[doc(alias = "SNDRV_PCM_IOCTL_STATUS_EXT")]
    pub fn status(&mut self, audio_tstamp_data: u32, now: &Now) -> Result<Status, Errno> {
        Ok(self.operation(now, |s| s.status_now(audio_tstamp_data, now)))
    }

    fn status_now(&mut self, audio_tstamp_data: u32, now: &Now) -> Status {
        self.runtime.report_delay = audio_tstamp_data & REPORT_DELAY != 0;
        let mut status = Status {
            state: self.runtime.state() as i32,
            pad1: 0,
            trigger_tstamp: Timespec::default(),
            tstamp: Timespec::default(),
            appl_ptr: 0,
            hw_ptr: 0,
            delay: 0,
            avail: 0,
            avail_max: 0,
            overrange: 0,
            suspended_state: self.runtime.life.before_suspend() as i32,
            audio_tstamp_data,
            audio_tstamp: Timespec::default(),
            driver_tstamp: Timespec::default(),
            audio_tstamp_accuracy: 0,
            reserved: [0; 20],
        };
        if self.runtime.state() == State::Open {
            return status;
        }
        status.trigger_tstamp = timespec(self.runtime.trigger_tstamp);
        if self.runtime.running(self.direction) {
            let _ = self.update_pointer(Cause::Process, now);
            self.report_times(&mut status);
        } else if self.runtime.software.tstamp {
            status.tstamp = timespec(self.runtime.clock(now));
        }
        status.appl_ptr = self.runtime.appl.0;
        status.hw_ptr = self.runtime.hw.0;
        status.avail = self.runtime.avail(self.direction);
        status.delay = if self.runtime.running(self.direction) {
            self.current_delay()
        } else {
            0
        };
        status.avail_max = std::mem::take(&mut self.runtime.avail_max);
        status
    }

    /// Timestamps of the last update, where they are on.
    fn report_times(&self, status: &mut Status) {
        let rt = &self.runtime;
        if !rt.software.tstamp {
            return;
        }
        status.tstamp = timespec(rt.tstamp);
        status.driver_tstamp = timespec(rt.driver_tstamp);
        status.audio_tstamp = timespec(rt.audio_tstamp);
        if status.audio_tstamp_data & TYPE_MASK != 0 {
            status.audio_tstamp_data = status.audio_tstamp_data & REQUEST_MASK | REPORT_VALID;
        }
    }

    /// DELAY: frames between the client and the ear, or the microphone and the client; negative when the device overtook
    /// the client.
    ///
    /// # Errors
    /// As [`hwsync`](Substream::hwsync).
    #[doc(alias = "SNDRV_PCM_IOCTL_DELAY")]
    pub fn delay(&mut self, now: &Now) -> Result<i64, Errno> {
        self.operation(now, |s| {
            s.sync_now(now)?;
            Ok(s.current_delay())
        })
    }

    /// HWSYNC: updates the hardware pointer.
    ///
    /// # Errors
    /// EBADFD: OPEN, SETUP, DISCONNECTED, capture DRAINING. EPIPE: XRUN, or found now; or the end of a drain was found
    /// now. ESTRPIPE: SUSPENDED.
    #[doc(alias = "SNDRV_PCM_IOCTL_HWSYNC")]
    pub fn hwsync(&mut self, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| s.sync_now(now))
    }

    pub(super) fn sync_now(&mut self, now: &Now) -> Result<(), Errno> {
        match self.runtime.state() {
            State::Prepared | State::Paused => Ok(()),
            State::Suspended => Err(Errno::ESTRPIPE),
            State::Xrun => Err(Errno::EPIPE),
            _ if self.runtime.running(self.direction) => {
                let updated = self.update_pointer(Cause::Process, now);
                self.sync_for_client(SyncPoint::HwPtr);
                updated
            }
            _ => Err(Errno::EBADFD),
        }
    }

    fn current_delay(&self) -> i64 {
        let frames = match self.direction {
            Direction::Playback => self.runtime.hw_avail(Direction::Playback),
            Direction::Capture => signed(self.runtime.avail(Direction::Capture)),
        };
        frames.wrapping_add(self.runtime.delay)
    }

    /// CHANNEL_INFO: where a channel lies in the ring, bits.
    ///
    /// # Errors
    /// EBADFD: OPEN or DISCONNECTED. EINVAL: no such channel.
    #[doc(alias = "SNDRV_PCM_IOCTL_CHANNEL_INFO")]
    pub fn channel_info(&self, channel: u32) -> Result<ChannelInfo, Errno> {
        let params = match self.runtime.state() {
            State::Open | State::Disconnected => None,
            _ => self.runtime.params,
        };
        let params = params.ok_or(Errno::EBADFD)?;
        if channel >= params.channels {
            return Err(Errno::EINVAL);
        }
        let mut layout = ChannelInfo {
            channel,
            pad: 0,
            offset: 0,
            first: 0,
            step: 0,
        };
        let sample = params.frame_bits.checked_div(params.channels).unwrap_or(0);
        if self.runtime.info & info::MMAP == 0 {
            layout.offset = -1;
        } else if params.interleaved() {
            layout.first = channel.wrapping_mul(sample);
            layout.step = params.frame_bits;
        } else {
            let region = params
                .dma_bytes
                .checked_div(u64::from(params.channels))
                .unwrap_or(0);
            let first = region.wrapping_mul(u64::from(channel)).wrapping_mul(8);
            layout.first = u32::try_from(first & u64::from(u32::MAX)).unwrap_or(0);
            layout.step = sample;
        }
        Ok(layout)
    }

    /// The `POLL*` events that are ready. Does not ask the device.
    pub fn poll(&mut self) -> u32 {
        self.read_control(None);
        let rt = &self.runtime;
        let ready = if self.direction == Direction::Playback {
            WRITABLE
        } else {
            READABLE
        };
        let avail = rt.avail(self.direction);
        match rt.state() {
            State::Prepared | State::Running | State::Paused if avail >= rt.avail_min => ready,
            State::Prepared | State::Running | State::Paused => 0,
            State::Draining if self.direction == Direction::Playback => 0,
            State::Draining if avail == 0 => ready | ERROR,
            State::Draining => ready,
            _ => ready | ERROR,
        }
    }
}
