//! Captures from a WAV file, as if it were a microphone.

use std::sync::Arc;

use uapi::Errno;

use super::convert::Convert;
use super::reader::{Reader, Source};
use crate::dma::Ring;
use crate::drive::{Drive, Speed};
use crate::frames::{Frames, silence};
use crate::gain::Gain;
use crate::hardware::{Hardware, RATE_KNOT};
use crate::ops::{PcmOps, Pointer, Trigger, View};
use crate::params::Params;
use crate::registry::AtEnd;
use crate::units::{Direction, Nanos, Now};

/// How long an ended stream waits for its client to read the last frames, beyond a ring's duration.
const LAST_CALL: Nanos = Nanos(200_000_000);

/// One substream fed from a file.
#[derive(Debug)]
pub(super) struct Capture {
    source: Arc<Source>,
    gain: Arc<Gain>,
    at_end: AtEnd,
    /// The next stream goes on where this one ends.
    resume: bool,
    drive: Drive,
    setup: Option<Setup>,
    reader: Option<Reader>,
    /// The next `prepare` begins at the file's beginning.
    fresh: bool,
    /// When the end was first seen, for a stream that ends there.
    end: Option<Nanos>,
    /// The end was reported.
    over: bool,
}

#[derive(Debug)]
struct Setup {
    frames: Frames,
    convert: Convert,
    format: u32,
    channels: u32,
    raw: Vec<u8>,
    duration: Nanos,
}

impl Capture {
    pub(super) fn new(
        source: Arc<Source>,
        gain: Arc<Gain>,
        speed: Speed,
        at_end: AtEnd,
        resume: bool,
    ) -> Capture {
        Capture {
            source,
            gain,
            at_end,
            resume,
            drive: Drive::new(Direction::Capture, speed),
            setup: None,
            reader: None,
            fresh: true,
            end: None,
            over: false,
        }
    }

    fn file_frame(&self) -> usize {
        let spec = self.source.contents().spec;
        usize::from(spec.channels) * usize::from(spec.encoding.bytes())
    }

    /// Puts what was heard up to `now` into the ring, as far as the file was read; returns the position reached.
    fn advance(&mut self, view: &View, now: Nanos) -> u64 {
        let from = self.drive.position();
        let target = self.drive.target(view, now);
        let frame = self.file_frame();
        let (Some(setup), Some(reader)) = (&mut self.setup, &self.reader) else {
            return from;
        };
        // Asked in this order: what comes between is then seen.
        let ended = reader.ended();
        let ready = (reader.ready() / frame) as u64;
        let heard = target.min(from.saturating_add(ready));
        if heard > from {
            setup.put(from, heard, &self.gain, reader);
            reader.wake();
        }
        if heard == target || !ended {
            return heard;
        }
        if self.at_end == AtEnd::End {
            self.end.get_or_insert(now);
            return heard;
        }
        setup.frames.silence(heard, target);
        target
    }

    /// Whether a stream that ends has said all, and its client had time to read it.
    fn is_over(&self, position: u64, view: &View, now: Nanos) -> bool {
        let duration = self
            .setup
            .as_ref()
            .map_or(Nanos::default(), |setup| setup.duration);
        let waited = |end: Nanos| now >= end.after(duration).after(LAST_CALL);
        self.end
            .is_some_and(|end| view.appl >= position || waited(end))
    }
}

impl Setup {
    fn put(&mut self, from: u64, to: u64, gain: &Gain, reader: &Reader) {
        let Setup {
            frames,
            convert,
            format,
            channels,
            raw,
            ..
        } = self;
        frames.put(from, to, |piece| {
            let n = (piece.len() / convert.to_bytes() * convert.from_bytes()).min(raw.len());
            let Some(raw) = raw.get_mut(..n) else { return };
            let got = reader.take(raw);
            let written = convert.convert(raw.get(..got).unwrap_or(&[]), piece);
            // All was there when it was counted; should that ever fail, old samples must not be heard.
            if let Some(rest) = piece.get_mut(written..) {
                silence(*format, rest);
            }
            gain.apply(*format, *channels, piece);
        });
    }
}

impl PcmOps for Capture {
    fn hardware(&self) -> Hardware {
        let spec = self.source.contents().spec;
        Hardware {
            formats: spec.encoding.lossless_formats(),
            rates: RATE_KNOT,
            rate_min: spec.rate,
            rate_max: spec.rate,
            channels_min: spec.channels.into(),
            channels_max: spec.channels.into(),
            ..crate::null::hardware()
        }
    }

    fn open(&mut self) -> Result<(), Errno> {
        self.over = false;
        Ok(())
    }

    fn close(&mut self) {
        self.hw_free();
        if !self.resume {
            self.reader = None;
        }
    }

    fn hw_params(
        &mut self,
        params: &Params,
        ring: &Ring,
        _ring_changed: bool,
    ) -> Result<(), Errno> {
        self.hw_free();
        let frames = Frames::new(params, ring)?;
        let convert = Convert::from_file(self.source.contents().spec.encoding, params.format)
            .ok_or(Errno::EINVAL)?;
        let samples = frames.work_bytes() / convert.to_bytes();
        let duration =
            u128::from(params.buffer_size) * 1_000_000_000 / u128::from(params.rate.max(1));
        self.setup = Some(Setup {
            frames,
            format: params.format,
            channels: params.channels,
            raw: vec![0; samples * convert.from_bytes()],
            convert,
            duration: Nanos(u64::try_from(duration).unwrap_or(u64::MAX)),
        });
        self.drive.configure(params);
        self.fresh = !self.resume;
        Ok(())
    }

    fn hw_free(&mut self) {
        self.setup = None;
        self.drive.reset();
    }

    fn prepare(&mut self) -> Result<(), Errno> {
        if self.fresh || self.reader.is_none() {
            self.reader = Some(Reader::start(&self.source, self.at_end)?);
            self.fresh = false;
        }
        self.end = None;
        self.drive.reset();
        Ok(())
    }

    fn trigger(&mut self, trigger: Trigger, view: &View, now: &Now) -> Result<(), Errno> {
        if trigger == Trigger::Start && self.over {
            return Err(Errno::EIO);
        }
        if matches!(trigger, Trigger::PausePush | Trigger::Suspend) {
            let position = self.advance(view, now.monotonic);
            self.drive.settle(position);
        }
        self.drive.trigger(trigger, now.monotonic);
        Ok(())
    }

    fn pointer(&mut self, view: &View, now: &Now) -> Pointer {
        let position = self.advance(view, now.monotonic);
        let position = self.drive.settle(position);
        if self.is_over(position, view, now.monotonic) {
            self.over = true;
            return Pointer::Xrun;
        }
        Pointer::At(position)
    }

    fn next_event(&self, view: &View) -> Option<Nanos> {
        self.drive.next_event(view)
    }
}
