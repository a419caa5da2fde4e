//! A ring that is a dma-buf: given away, or attached in place of the managed one.

use std::os::fd::OwnedFd;

use hw_backends::dma::Shared;
use hw_backends::hardware::info;
use hw_backends::units::Now;
use uapi::Errno;
use uapi::pcm::State;

use super::Substream;
use super::position::Position;
use super::sync::SyncPoint;
use crate::buffer::Rings;
use crate::buffer::managed::Demand;

impl Substream {
    /// DMABUF_EXPORT: the dma-buf of the ring, the same one each time. It outlives the ring.
    ///
    /// # Errors
    /// EBADFD: OPEN or DISCONNECTED. ENODEV: the ring's memory cannot be a dma-buf here. ENOMEM; EINVAL: larger than the
    /// kernel allows.
    #[doc(alias = "SNDRV_PCM_IOCTL_DMABUF_EXPORT")]
    pub fn dmabuf_export(&mut self, now: &Now) -> Result<Shared, Errno> {
        match self.runtime.state() {
            State::Open | State::Disconnected => Err(Errno::EBADFD),
            _ => self.buffer.export("DMABUF_EXPORT", now),
        }
    }

    /// DMABUF_ATTACH: the dma-buf is the ring from now on, with what is in it. HW_PARAMS, HW_FREE and close detach it.
    ///
    /// # Errors
    /// EBADFD: neither SETUP nor PREPARED. Those of
    /// [`attach_shared`](crate::buffer::ManagedBuffer::attach_shared); nothing changes then. The device's own; the stream
    /// is then OPEN.
    #[doc(alias = "SNDRV_PCM_IOCTL_DMABUF_ATTACH")]
    pub fn dmabuf_attach(&mut self, fd: OwnedFd, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| {
            let demand = s.standing_demand("DMABUF_ATTACH", now)?;
            match s.buffer.attach_shared(fd, &demand)? {
                Some(rings) => s.exchange(&rings),
                None => Ok(()),
            }
        })
    }

    /// DMABUF_DETACH: a zeroed managed ring again; where the attached one was that, it stays as it is.
    ///
    /// # Errors
    /// EBADFD: neither SETUP nor PREPARED. EINVAL: nothing is attached. ENOMEM, and the device's own; the stream is then
    /// OPEN.
    #[doc(alias = "SNDRV_PCM_IOCTL_DMABUF_DETACH")]
    pub fn dmabuf_detach(&mut self, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| {
            let demand = s.standing_demand("DMABUF_DETACH", now)?;
            if !s.buffer.attached() {
                return Err(Errno::EINVAL);
            }
            if s.buffer.detach_own() {
                return Ok(());
            }
            match s.buffer.provide(&demand) {
                Ok(rings) => s.exchange(&rings),
                Err(errno) => {
                    s.unconfigure();
                    Err(errno)
                }
            }
        })
    }

    /// What the ring has to be, as long as nothing moves.
    fn standing_demand<'a>(&self, by: &'a str, now: &Now) -> Result<Demand<'a>, Errno> {
        if !matches!(self.runtime.state(), State::Setup | State::Prepared) {
            return Err(Errno::EBADFD);
        }
        let params = self.runtime.params.ok_or(Errno::EBADFD)?;
        Ok(Demand {
            bytes: params.dma_bytes,
            device: self.device.needs(),
            own: self.runtime.info & info::EXPLICIT_SYNC != 0,
            by,
            now: *now,
        })
    }

    /// Gives the device another ring; the state stays.
    fn exchange(&mut self, rings: &Rings) -> Result<(), Errno> {
        self.sync_stop();
        if std::mem::take(&mut self.configured) {
            self.device.hw_free();
        }
        let result = self.reconfigure(rings);
        if result.is_err() {
            self.unconfigure();
            return result;
        }
        // The client may have filled it already.
        self.restart_sync();
        self.copy(SyncPoint::ApplPtr, Position(0), self.runtime.extent.buffer);
        result
    }

    fn reconfigure(&mut self, rings: &Rings) -> Result<(), Errno> {
        let params = self.runtime.params.ok_or(Errno::EBADFD)?;
        self.configured = true;
        self.device
            .hw_params(&params, &rings.device, rings.changed)?;
        match self.runtime.state() {
            State::Prepared => self.device.prepare(),
            _ => Ok(()),
        }
    }
}
