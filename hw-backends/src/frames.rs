//! The frames of a ring, taken out and put in interleaved, whatever the ring's access type.
//!
//! Positions are frames counted without wrap; the modulo is taken here. Nothing allocates after [`Frames::new`].

use uapi::Errno;

use crate::dma::{Area, Ring};
use crate::params::Params;

/// Frames that fit the work space of one step; a larger move takes several.
const WORK_BYTES: usize = 16 * 1024;

/// A ring as a sequence of frames.
#[derive(Debug)]
pub struct Frames {
    area: Area,
    buffer: u64,
    channels: usize,
    sample_bytes: usize,
    /// Bytes from one channel to the next where channels lie apart.
    region: Option<usize>,
    format: u32,
    work: Vec<u8>,
    channel: Vec<u8>,
}

impl Frames {
    /// The frames of `ring`, laid out as `params` say.
    ///
    /// # Errors
    /// EINVAL: samples are not whole bytes, or the ring is smaller than `params` say.
    pub fn new(params: &Params, ring: &Ring) -> Result<Frames, Errno> {
        let channels = params.channels.max(1) as usize;
        let sample_bits = params.frame_bits as usize / channels;
        let sample_bytes = sample_bits / 8;
        let bytes = params
            .buffer_size
            .checked_mul(u64::from(params.frame_bits) / 8)
            .ok_or(Errno::EINVAL)?;
        let bytes = usize::try_from(bytes).map_err(|_| Errno::EINVAL)?;
        if sample_bytes == 0
            || sample_bits % 8 != 0
            || params.buffer_size == 0
            || bytes > ring.area.len()
        {
            return Err(Errno::EINVAL);
        }
        let frame_bytes = sample_bytes * channels;
        let steps = (WORK_BYTES / frame_bytes).max(1);
        let region = usize::try_from(params.dma_bytes).map_err(|_| Errno::EINVAL)? / channels;
        Ok(Frames {
            area: ring.area.clone(),
            buffer: params.buffer_size,
            channels,
            sample_bytes,
            region: (!params.interleaved()).then_some(region),
            format: params.format,
            work: vec![0; steps * frame_bytes],
            channel: vec![0; steps * sample_bytes],
        })
    }

    /// Bytes of one frame, all channels.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.sample_bytes * self.channels
    }

    /// The most bytes that [`take`](Self::take) and [`put`](Self::put) hand over in one piece.
    #[must_use]
    pub fn work_bytes(&self) -> usize {
        self.work.len()
    }

    /// Ring size, frames.
    #[must_use]
    pub fn buffer(&self) -> u64 {
        self.buffer
    }

    /// Takes the frames from `from` up to `to` out, in order, in interleaved pieces of at most 16 KiB, which `take` may
    /// change. Of more than a ring only the last ring's worth exists.
    pub fn take(&mut self, from: u64, to: u64, mut take: impl FnMut(&mut [u8])) {
        let mut work = std::mem::take(&mut self.work);
        let mut at = from.max(to.saturating_sub(self.buffer));
        while at < to {
            let n = self.step(at, to, &work);
            let bytes = n * self.frame_bytes();
            if let Some(piece) = work.get_mut(..bytes) {
                self.read(at, piece);
                take(piece);
            }
            at += n as u64;
        }
        self.work = work;
    }

    /// Puts frames in from `from` up to `to`, in order; `give` fills interleaved pieces of at most 16 KiB. Of more than a
    /// ring only the last ring's worth is kept, but all is asked for.
    pub fn put(&mut self, from: u64, to: u64, mut give: impl FnMut(&mut [u8])) {
        let mut work = std::mem::take(&mut self.work);
        let mut at = from;
        while at < to {
            let n = self.step(at, to, &work);
            let bytes = n * self.frame_bytes();
            if let Some(piece) = work.get_mut(..bytes) {
                give(piece);
                self.write(at, piece);
            }
            at += n as u64;
        }
        self.work = work;
    }

    /// Puts an interleaved piece, at most [`work_bytes`](Self::work_bytes) long, in at `at`.
    pub fn store(&mut self, at: u64, piece: &[u8]) {
        let contiguous = usize::try_from(self.buffer - at % self.buffer).unwrap_or(usize::MAX);
        let first = contiguous
            .saturating_mul(self.frame_bytes())
            .min(piece.len());
        let (first, rest) = piece.split_at(first);
        self.write(at, first);
        if !rest.is_empty() {
            self.write(at + (first.len() / self.frame_bytes()) as u64, rest);
        }
    }

    /// Silences the frames from `from` up to `to`.
    pub fn silence(&mut self, from: u64, to: u64) {
        let format = self.format;
        let from = from.max(to.saturating_sub(self.buffer));
        self.put(from, to, |piece| silence(format, piece));
    }

    /// How many frames the next step moves: up to the end of the ring, of the work space and of the request.
    fn step(&self, at: u64, to: u64, work: &[u8]) -> usize {
        let contiguous = self.buffer - at % self.buffer;
        let space = work.len() / self.frame_bytes();
        usize::try_from(contiguous.min(to - at))
            .unwrap_or(space)
            .min(space)
            .max(1)
    }

    fn offset(&self, at: u64) -> usize {
        usize::try_from(at % self.buffer).unwrap_or(0)
    }

    fn read(&mut self, at: u64, piece: &mut [u8]) {
        let offset = self.offset(at);
        let Some(region) = self.region else {
            self.area.read(offset * self.frame_bytes(), piece);
            return;
        };
        let n = piece.len() / self.frame_bytes();
        for c in 0..self.channels {
            let Some(channel) = self.channel.get_mut(..n * self.sample_bytes) else {
                return;
            };
            self.area
                .read(c * region + offset * self.sample_bytes, channel);
            let frames = piece.chunks_exact_mut(self.sample_bytes * self.channels);
            for (frame, sample) in frames.zip(channel.chunks_exact(self.sample_bytes)) {
                if let Some(to) = frame.get_mut(c * self.sample_bytes..(c + 1) * self.sample_bytes)
                {
                    to.copy_from_slice(sample);
                }
            }
        }
    }

    fn write(&mut self, at: u64, piece: &[u8]) {
        let offset = self.offset(at);
        let Some(region) = self.region else {
            self.area.write(offset * self.frame_bytes(), piece);
            return;
        };
        let n = piece.len() / self.frame_bytes();
        for c in 0..self.channels {
            let Some(channel) = self.channel.get_mut(..n * self.sample_bytes) else {
                return;
            };
            let frames = piece.chunks_exact(self.sample_bytes * self.channels);
            for (frame, sample) in frames.zip(channel.chunks_exact_mut(self.sample_bytes)) {
                if let Some(from) = frame.get(c * self.sample_bytes..(c + 1) * self.sample_bytes) {
                    sample.copy_from_slice(from);
                }
            }
            self.area
                .write(c * region + offset * self.sample_bytes, channel);
        }
    }
}

/// Fills `bytes`, whole samples of `format`, with silence.
pub fn silence(format: u32, bytes: &mut [u8]) {
    let pattern = uapi::pcm::format::silence(format);
    for sample in bytes.chunks_mut(pattern.len().max(1)) {
        match pattern.get(..sample.len()) {
            Some(pattern) => sample.copy_from_slice(pattern),
            None => sample.fill(0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use uapi::pcm::format::{FLOAT64_LE, S16_LE, S24_3LE, U16_BE, U24_LE};

    use super::*;
    use crate::bench::{noise, params};

    fn frames(params: &Params) -> (Frames, Ring) {
        let area = Area::anonymous(usize::try_from(params.dma_bytes).unwrap()).unwrap();
        let ring = Ring::private(area);
        (Frames::new(params, &ring).unwrap(), ring)
    }

    fn taken(frames: &mut Frames, from: u64, to: u64) -> Vec<u8> {
        let mut out = Vec::new();
        frames.take(from, to, |piece| out.extend_from_slice(piece));
        out
    }

    #[test]
    fn frames_go_around_the_end_of_the_ring_in_order() {
        for access in [3, 4] {
            let params = Params {
                access,
                ..params(S24_3LE, 2, 48000, 50, 3)
            };
            let (mut frames, _ring) = frames(&params);
            let bytes = noise(6 * 150, 1);
            let mut rest = &bytes[..];

            frames.put(1000, 1150, |piece| {
                let (first, after) = rest.split_at(piece.len());
                piece.copy_from_slice(first);
                rest = after;
            });

            assert_eq!(taken(&mut frames, 1000, 1150), bytes);
        }
    }

    #[test]
    fn channels_that_lie_apart_have_a_region_each() {
        let params = Params {
            access: 4,
            ..params(S16_LE, 2, 48000, 2, 2)
        };
        let (mut frames, ring) = frames(&params);

        frames.put(1, 3, |piece| {
            piece.copy_from_slice(&[1, 2, 11, 12, 3, 4, 13, 14]);
        });

        let mut bytes = [0; 16];
        ring.area.read(0, &mut bytes);
        assert_eq!(bytes, [0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 11, 12, 13, 14, 0, 0]);
    }

    #[test]
    fn a_piece_is_stored_around_the_end() {
        let (mut frames, _ring) = frames(&params(S16_LE, 1, 48000, 4, 2));

        frames.store(6, &[1, 2, 3, 4, 5, 6, 7, 8]);

        assert_eq!(taken(&mut frames, 6, 10), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn of_more_than_a_ring_the_last_ring_is_taken() {
        let (mut frames, _ring) = frames(&params(S16_LE, 1, 48000, 4, 2));
        frames.store(0, &noise(16, 1));

        assert_eq!(taken(&mut frames, 0, 1 << 60).len(), 16);
    }

    #[test]
    fn large_frames_of_many_channels_fit_the_work_space() {
        let params = params(FLOAT64_LE, 32, 48000, 300, 2);
        let (mut frames, _ring) = frames(&params);

        assert_eq!(taken(&mut frames, 0, 600).len(), 600 * 256);
        assert!(frames.work_bytes() >= frames.frame_bytes());
    }

    #[test]
    fn silence_is_the_formats_own() {
        let mut bytes = [1; 8];
        silence(U24_LE, &mut bytes);
        assert_eq!(bytes, [0, 0, 0x80, 0, 0, 0, 0x80, 0]);
        silence(U16_BE, &mut bytes);
        assert_eq!(bytes, [0x80, 0, 0x80, 0, 0x80, 0, 0x80, 0]);
        silence(99, &mut bytes);
        assert_eq!(bytes, [0; 8]);
    }
}
