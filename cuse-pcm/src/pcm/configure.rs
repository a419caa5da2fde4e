//! HW_REFINE, HW_PARAMS and HW_FREE: what a stream is configured to, and its ring (§4).

use hw_backends::hardware::{Hardware, info};
use hw_backends::params::Params;
use hw_backends::units::Now;
use uapi::Errno;
use uapi::pcm::{HwParams, State, format};

use super::Substream;
use super::hw_params::{self, Space};
use super::position::Extent;
use super::runtime::Software;
use crate::buffer::managed::Demand;

impl Substream {
    /// HW_REFINE, in any state. `p` changes only on success.
    ///
    /// # Errors
    /// EINVAL: the parameters contradict each other or the device.
    #[doc(alias = "SNDRV_PCM_IOCTL_HW_REFINE")]
    pub fn hw_refine(&mut self, p: &mut HwParams) -> Result<(), Errno> {
        let hardware = self.hardware();
        let mut refined = *p;
        hw_params::refine(&self.space(&hardware), &mut refined)?;
        *p = refined;
        Ok(())
    }

    /// HW_PARAMS: chooses one configuration, provides the ring and configures the device; then SETUP. `p` changes only on
    /// success.
    ///
    /// # Errors
    /// EBADFD: not OPEN, SETUP or PREPARED; nothing changes. After every other error the stream is OPEN and has no ring:
    /// EINVAL for a contradiction, ENOMEM for the ring, the device's own, and the odd numbers of
    /// [`choose`](hw_params::choose).
    #[doc(alias = "SNDRV_PCM_IOCTL_HW_PARAMS")]
    pub fn hw_params(&mut self, p: &mut HwParams, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| {
            if !matches!(
                s.runtime.state(),
                State::Open | State::Setup | State::Prepared
            ) {
                return Err(Errno::EBADFD);
            }
            let mut chosen = *p;
            match s.configure(&mut chosen, now) {
                Ok(params) => {
                    s.settle(&params, chosen.info);
                    *p = chosen;
                    Ok(())
                }
                Err(errno) => {
                    s.unconfigure();
                    Err(errno)
                }
            }
        })
    }

    /// HW_FREE: the ring is freed; then OPEN.
    ///
    /// # Errors
    /// EBADFD: neither SETUP nor PREPARED.
    #[doc(alias = "SNDRV_PCM_IOCTL_HW_FREE")]
    pub fn hw_free(&mut self, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| {
            if !matches!(s.runtime.state(), State::Setup | State::Prepared) {
                return Err(Errno::EBADFD);
            }
            s.unconfigure();
            Ok(())
        })
    }

    /// What this substream may be configured to now.
    fn space<'a>(&self, hardware: &'a Hardware) -> Space<'a> {
        let bound = self.buffer.limits().bound();
        Space {
            hardware,
            mappable: self.buffer.offers_mapping(),
            preallocated: bound,
            buffer_bytes_limit: bound.unwrap_or(u32::MAX),
        }
    }

    fn configure(&mut self, chosen: &mut HwParams, now: &Now) -> Result<Params, Errno> {
        let hardware = self.hardware();
        hw_params::choose(&self.space(&hardware), chosen)?;
        let params = hw_params::settled(chosen);
        let sizes = [
            u64::from(params.channels),
            u64::from(params.rate),
            u64::from(params.frame_bits),
        ];
        if sizes.contains(&0) || params.period_size == 0 || params.buffer_size == 0 {
            return Err(Errno::EINVAL);
        }
        self.sync_stop();
        if std::mem::take(&mut self.configured) {
            self.device.hw_free();
        }
        let rings = self.buffer.provide(&Demand {
            bytes: params.dma_bytes,
            device: self.device.needs(),
            own: hardware.info & info::EXPLICIT_SYNC != 0,
            by: "HW_PARAMS",
            now: *now,
        })?;
        self.configured = true;
        self.device
            .hw_params(&params, &rings.device, rings.changed)?;
        Ok(params)
    }

    /// Takes the configuration over, with the software parameters that go with it (§4.5 steps 6, 7 and 9).
    fn settle(&mut self, params: &Params, info: u32) {
        let rt = &mut self.runtime;
        rt.params = Some(*params);
        rt.info = info;
        rt.min_align = min_align(params.frame_bits);
        rt.extent = Extent::of(params.buffer_size);
        rt.avail_min = params.period_size;
        rt.software = Software {
            tstamp: false,
            start_threshold: 1,
            stop_threshold: params.buffer_size,
            silence_threshold: 0,
            silence_size: 0,
        };
        rt.life.commit(State::Setup);
        self.restart_sync();
    }

    /// Frees device and ring; then OPEN.
    pub(super) fn unconfigure(&mut self) {
        self.sync_stop();
        if std::mem::take(&mut self.configured) {
            self.device.hw_free();
        }
        self.buffer.free();
        self.runtime.life.commit(State::Open);
    }

    /// Replaces the boundary by the one that 32-bit callers see, after a HW_PARAMS of such a caller succeeded (§1.9).
    pub fn use_compat_boundary(&mut self) {
        self.runtime.extent.boundary = Extent::compat_boundary(self.runtime.extent.buffer);
    }

    /// Where the pointers wrap, frames; 0 before the first HW_PARAMS.
    #[must_use]
    pub fn boundary(&self) -> u64 {
        self.runtime.extent.boundary
    }

    /// Channels configured; 0 before the first HW_PARAMS.
    #[must_use]
    pub fn channels(&self) -> u32 {
        self.runtime.params.map_or(0, |params| params.channels)
    }

    /// Bytes of the smallest run of whole frames that is whole bytes (a frame, but for formats narrower than a byte); 0
    /// before the first HW_PARAMS.
    #[must_use]
    pub fn frame_bytes(&self) -> u64 {
        self.runtime.min_align.saturating_mul(self.frame_bits()) / 8
    }

    /// Frames that `bytes` of an interleaved buffer hold; `None` unless they are whole frames (§7.1: EINVAL).
    #[must_use]
    pub fn frames_of_bytes(&self, bytes: u64) -> Option<u64> {
        let whole = bytes.checked_rem(self.frame_bytes())? == 0;
        let frames = bytes.checked_mul(8)?.checked_div(self.frame_bits())?;
        whole.then_some(frames)
    }

    /// Samples that `bytes` of one channel's buffer hold; `None` unless they would be whole *frames* of all channels
    /// (§7.1, readv and writev).
    #[must_use]
    pub fn samples_of_bytes(&self, bytes: u64) -> Option<u64> {
        let whole = bytes.checked_rem(self.frame_bytes())? == 0;
        let samples = bytes.checked_mul(8)?.checked_div(self.sample_bits())?;
        whole.then_some(samples)
    }

    /// Bytes that `frames` take in an interleaved buffer.
    #[must_use]
    pub fn bytes_of_frames(&self, frames: u64) -> u64 {
        frames.saturating_mul(self.frame_bits()) / 8
    }

    /// Bytes that `samples` take in one channel's buffer.
    #[must_use]
    pub fn bytes_of_samples(&self, samples: u64) -> u64 {
        samples.saturating_mul(self.sample_bits()) / 8
    }

    /// What the last HW_PARAMS settled; kept over HW_FREE.
    #[must_use]
    pub fn params(&self) -> Option<&Params> {
        self.runtime.params.as_ref()
    }

    fn frame_bits(&self) -> u64 {
        self.runtime
            .params
            .map_or(0, |params| u64::from(params.frame_bits))
    }

    fn sample_bits(&self) -> u64 {
        let width = self
            .runtime
            .params
            .and_then(|params| format::physical_width(params.format));
        width.map_or(0, u64::from)
    }
}

/// Smallest number of frames of `bits` that makes whole bytes.
fn min_align(bits: u32) -> u64 {
    1 << 3_u32.saturating_sub(bits.trailing_zeros())
}
