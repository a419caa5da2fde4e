//! Plays into a WAV file.

use std::sync::Arc;

use uapi::Errno;

use super::convert::Convert;
use super::format::{Encoding, Spec};
use super::recorder::{Lease, Recorder};
use crate::dma::Ring;
use crate::drive::{Drive, Speed};
use crate::frames::Frames;
use crate::gain::Gain;
use crate::hardware::Hardware;
use crate::ops::{PcmOps, Pointer, Trigger, View};
use crate::params::Params;
use crate::units::{Direction, Nanos, Now};

/// One substream that plays into the files of a [`Recorder`].
#[derive(Debug)]
pub(super) struct Playback {
    recorder: Arc<Recorder>,
    gain: Arc<Gain>,
    drive: Drive,
    setup: Option<Setup>,
    /// Held from start to stop.
    lease: Option<Lease>,
    /// Frames that went into the file's queue since `prepare`.
    taken: u64,
}

/// What HW_PARAMS settled.
#[derive(Debug)]
struct Setup {
    frames: Frames,
    convert: Convert,
    spec: Spec,
    format: u32,
    channels: u32,
    converted: Vec<u8>,
}

impl Playback {
    pub(super) fn new(recorder: Arc<Recorder>, gain: Arc<Gain>, speed: Speed) -> Playback {
        let drive = Drive::new(Direction::Playback, speed);
        Playback {
            recorder,
            gain,
            drive,
            setup: None,
            lease: None,
            taken: 0,
        }
    }

    /// Moves frames up to `now` into the queue, as far as there is room; returns the position reached.
    fn advance(&mut self, view: &View, now: Nanos) -> u64 {
        let target = self.drive.target(view, now);
        let filled = self.drive.filled(view, target);
        let (Some(setup), Some(lease)) = (&mut self.setup, &self.lease) else {
            return self.drive.position();
        };
        let room = (lease.room() / setup.file_frame()) as u64;
        let to = filled.min(self.taken.saturating_add(room));
        if to > self.taken {
            setup.take(self.taken, to, &self.gain, lease);
            lease.wake();
            self.taken = to;
        }
        // A slow disk holds the position up; nothing accepted is lost.
        if self.taken < filled {
            self.taken
        } else {
            target
        }
    }
}

impl Setup {
    fn new(params: &Params, ring: &Ring) -> Result<Setup, Errno> {
        let frames = Frames::new(params, ring)?;
        let convert = Convert::to_file(params.format).ok_or(Errno::EINVAL)?;
        let encoding = Encoding::of_format(params.format).ok_or(Errno::EINVAL)?;
        let channels = u16::try_from(params.channels).map_err(|_| Errno::EINVAL)?;
        let samples = frames.work_bytes() / convert.from_bytes();
        Ok(Setup {
            frames,
            spec: Spec {
                encoding,
                channels,
                rate: params.rate,
            },
            format: params.format,
            channels: params.channels,
            converted: vec![0; samples * convert.to_bytes()],
            convert,
        })
    }

    fn file_frame(&self) -> usize {
        usize::from(self.spec.channels) * usize::from(self.spec.encoding.bytes())
    }

    fn take(&mut self, from: u64, to: u64, gain: &Gain, lease: &Lease) {
        let Setup {
            frames,
            convert,
            converted,
            format,
            channels,
            ..
        } = self;
        frames.take(from, to, |piece| {
            gain.apply(*format, *channels, piece);
            let n = convert.convert(piece, converted);
            // The room was asked for before.
            let _ = lease.push(converted.get(..n).unwrap_or(&[]));
        });
    }
}

impl PcmOps for Playback {
    fn hardware(&self) -> Hardware {
        let formats = uapi::pcm::format::FORMATS
            .iter()
            .filter(|row| Convert::to_file(row.number).is_some());
        Hardware {
            formats: formats.fold(0, |mask, row| mask | 1 << row.number),
            ..crate::null::hardware()
        }
    }

    fn open(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn close(&mut self) {
        self.hw_free();
    }

    fn hw_params(
        &mut self,
        params: &Params,
        ring: &Ring,
        _ring_changed: bool,
    ) -> Result<(), Errno> {
        self.hw_free();
        self.setup = Some(Setup::new(params, ring)?);
        self.drive.configure(params);
        Ok(())
    }

    fn hw_free(&mut self) {
        self.setup = None;
        self.lease = None;
        self.taken = 0;
        self.drive.reset();
    }

    fn prepare(&mut self) -> Result<(), Errno> {
        self.lease = None;
        self.taken = 0;
        self.drive.reset();
        Ok(())
    }

    fn trigger(&mut self, trigger: Trigger, view: &View, now: &Now) -> Result<(), Errno> {
        match trigger {
            Trigger::Start => {
                let setup = self.setup.as_ref().ok_or(Errno::EBADFD)?;
                self.lease = Some(self.recorder.lease(setup.spec, now.monotonic)?);
            }
            // What was heard until now is heard.
            Trigger::Stop | Trigger::PausePush | Trigger::Suspend => {
                self.advance(view, now.monotonic);
            }
            _ => {}
        }
        self.drive.trigger(trigger, now.monotonic);
        if trigger == Trigger::Stop {
            self.lease = None;
        }
        Ok(())
    }

    fn pointer(&mut self, view: &View, now: &Now) -> Pointer {
        let mut position = self.advance(view, now.monotonic);
        if let Some(lease) = &self.lease {
            if lease.failed(now.monotonic) {
                return Pointer::Xrun;
            }
            // A drain is over when everything is in the file.
            if view.draining && position >= view.appl && !lease.flushed() {
                position = view.appl.saturating_sub(1);
            }
        }
        Pointer::At(self.drive.settle(position))
    }

    fn next_event(&self, view: &View) -> Option<Nanos> {
        self.drive.next_event(view)
    }
}
