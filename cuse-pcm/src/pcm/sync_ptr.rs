//! Moves of the application pointer that carry no data: SYNC_PTR, REWIND, FORWARD (§6.7, §6.8).

use hw_backends::hardware::info;
use hw_backends::units::Now;
use uapi::Errno;
use uapi::pcm::{MmapControl, State, SyncPtr};

use super::Substream;
use super::position::{Position, signed};
use super::sync::SyncPoint;

impl Substream {
    /// SYNC_PTR. `p` changes only on success.
    ///
    /// # Errors
    /// With HWSYNC those of [`hwsync`](Substream::hwsync), and nothing else happens. Without APPL, EINVAL: a changed
    /// pointer at or beyond the boundary, or backwards where the device forbids it; the device's own.
    #[doc(alias = "SNDRV_PCM_IOCTL_SYNC_PTR")]
    pub fn sync_ptr(&mut self, p: &mut SyncPtr, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| {
            if p.flags & SyncPtr::HWSYNC != 0 {
                s.sync_now(now)?;
            }
            if p.flags & SyncPtr::APPL == 0 {
                let to = Position(p.control.appl_ptr);
                if to == s.runtime.appl {
                    // Frames may have changed all the same.
                    s.sync_queue(to, SyncPoint::ApplPtr);
                }
                s.apply_appl(to, SyncPoint::ApplPtr, now)?;
            }
            if p.flags & SyncPtr::AVAIL_MIN == 0 {
                s.runtime.avail_min = p.control.avail_min;
            }
            p.control = MmapControl {
                appl_ptr: s.runtime.appl.0,
                avail_min: s.runtime.avail_min,
            };
            p.status = s.status_record();
            p.pad = 0;
            p.status_pad = [0; 8];
            p.control_pad = [0; 48];
            Ok(())
        })
    }

    /// Puts the application pointer to `to`, where that is allowed, and tells the device. `point`: the sync that goes with
    /// it.
    ///
    /// # Errors
    /// EINVAL: at or beyond the boundary, or backwards where the device forbids it. The device's own: the pointer is as
    /// it was, and EPIPE also means an xrun.
    pub(super) fn apply_appl(
        &mut self,
        to: Position,
        point: SyncPoint,
        now: &Now,
    ) -> Result<(), Errno> {
        let rt = &mut self.runtime;
        let from = rt.appl;
        if to == from {
            return Ok(());
        }
        if to.0 >= rt.extent.boundary {
            return Err(Errno::EINVAL);
        }
        if rt.info & info::NO_REWINDS != 0 && to.since(from, rt.extent.boundary) > rt.extent.buffer
        {
            return Err(Errno::EINVAL);
        }
        let device_listens =
            !matches!(rt.state(), State::Open | State::Setup | State::Disconnected);
        rt.appl = to;
        match point {
            SyncPoint::Pages => self.sync_queue(to, point),
            _ => self.sync_move(to, point),
        }
        if !device_listens {
            return Ok(());
        }
        let view = self.view();
        self.device.ack(&view).inspect_err(|&errno| {
            self.runtime.appl = from;
            self.restart_sync();
            if errno == Errno::EPIPE {
                self.declare_xrun(now);
            }
        })
    }

    /// REWIND: takes back up to `n` frames that are queued (playback) or gives up room for as many (capture); says how
    /// many. A refusal of the device moves none.
    ///
    /// # Errors
    /// None if `n` is 0, else those of [`hwsync`](Substream::hwsync).
    #[doc(alias = "SNDRV_PCM_IOCTL_REWIND")]
    pub fn rewind(&mut self, n: u64, now: &Now) -> Result<u64, Errno> {
        if n == 0 {
            return Ok(0);
        }
        self.operation(now, |s| {
            s.sync_now(now)?;
            let limit = u64::try_from(s.runtime.hw_avail(s.direction)).unwrap_or(0);
            let frames = n.min(limit);
            if frames == 0 {
                return Ok(0);
            }
            let to = s.runtime.appl.back(frames, s.runtime.extent.boundary);
            Ok(if s.apply_appl(to, SyncPoint::ApplPtr, now).is_ok() {
                frames
            } else {
                0
            })
        })
    }

    /// FORWARD: moves up to `n` frames on without data; says how many.
    ///
    /// # Errors
    /// None if `n` is 0, else those of [`hwsync`](Substream::hwsync), and those of the move.
    #[doc(alias = "SNDRV_PCM_IOCTL_FORWARD")]
    pub fn forward(&mut self, n: u64, now: &Now) -> Result<u64, Errno> {
        if n == 0 {
            return Ok(0);
        }
        self.operation(now, |s| {
            s.sync_now(now)?;
            let limit = u64::try_from(signed(s.runtime.avail(s.direction))).unwrap_or(0);
            let frames = n.min(limit);
            if frames == 0 {
                return Ok(0);
            }
            let to = s.runtime.appl.forward(frames, s.runtime.extent.boundary);
            s.apply_appl(to, SyncPoint::ApplPtr, now)?;
            Ok(frames)
        })
    }
}
