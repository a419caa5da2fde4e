//! Keeping silence ahead of the device on playback (§5.6).

use hw_backends::dma::Area;
use hw_backends::params::Params;
use uapi::pcm::format;

use super::Substream;
use super::position::Position;
use super::sync::SyncPoint;

/// How far silence was written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// Where the bookkeeping stands.
    pub(super) start: Position,
    /// Frames known to be silent (in top-up mode: silent or the client's) from there.
    pub(super) filled: u64,
}

impl Silence {
    /// Nothing written yet, from `start`.
    pub(super) fn restart(start: Position) -> Silence {
        Silence { start, filled: 0 }
    }

    /// Moves on to `to`: what lies before is no longer counted.
    fn advance(&mut self, from: Position, to: Position, boundary: u64) {
        self.filled = self.filled.saturating_sub(to.since(from, boundary));
        self.start = to;
    }
}

impl Substream {
    /// A pass outside pointer updates: at start, after RESET, at SW_PARAMS while running.
    pub(super) fn silence_pass(&mut self) {
        self.silence_towards(None);
    }

    /// A pass of a pointer update that is about to install `new`.
    pub(super) fn silence_update(&mut self, new: Position) {
        self.silence_towards(Some(new));
    }

    fn silence_towards(&mut self, new: Option<Position>) {
        let software = self.runtime.software;
        if software.silence_size == 0 || self.direction != hw_backends::units::Direction::Playback {
            return;
        }
        let frames = if software.silence_size < self.runtime.extent.boundary {
            self.silence_by_threshold(new)
        } else {
            self.silence_top_up(new)
        };
        self.fill(frames.min(self.runtime.extent.buffer));
    }

    /// Threshold mode: how many frames are missing behind the client's data.
    fn silence_by_threshold(&mut self, new: Option<Position>) -> u64 {
        let rt = &mut self.runtime;
        let boundary = rt.extent.boundary;
        let from = rt.silence.start;
        rt.silence.advance(from, rt.appl, boundary);
        let noise = rt
            .appl
            .since(new.unwrap_or(rt.hw), boundary)
            .saturating_add(rt.silence.filled);
        rt.software
            .silence_threshold
            .saturating_sub(noise)
            .min(rt.software.silence_size)
    }

    /// Top-up mode: everything but the client's data at first, then whatever was just played.
    fn silence_top_up(&mut self, new: Option<Position>) -> u64 {
        let rt = &mut self.runtime;
        let (buffer, boundary) = (rt.extent.buffer, rt.extent.boundary);
        match new {
            None => {
                let queued = rt.appl.since(rt.hw, boundary);
                rt.silence = Silence {
                    start: rt.hw,
                    filled: if queued <= buffer { queued } else { 0 },
                };
            }
            Some(new) => rt.silence.advance(rt.hw, new, boundary),
        }
        buffer.saturating_sub(rt.silence.filled)
    }

    /// Writes `frames` of silence after what is filled.
    fn fill(&mut self, frames: u64) {
        let Some(params) = self.runtime.params else {
            return;
        };
        let Some(ring) = self.buffer.ring() else {
            return;
        };
        let buffer = self.runtime.extent.buffer;
        let from = Position(
            self.runtime
                .silence
                .start
                .0
                .wrapping_add(self.runtime.silence.filled),
        )
        .in_ring(buffer);
        let first = frames.min(buffer.saturating_sub(from));
        silence_frames(&ring.area, &params, from, first);
        silence_frames(&ring.area, &params, 0, frames.saturating_sub(first));
        self.copy(SyncPoint::Silence, Position(from), frames);
        self.runtime.silence.filled = self.runtime.silence.filled.saturating_add(frames);
    }
}

/// Silences `frames` from `offset` of a ring, in all channels.
fn silence_frames(ring: &Area, params: &Params, offset: u64, frames: u64) {
    if frames == 0 {
        return;
    }
    if params.interleaved() || params.channels <= 1 {
        silence_area(
            &interleaved_part(ring, params, offset, frames),
            params.format,
        );
    } else {
        for channel in 0..params.channels {
            silence_area(
                &channel_part(ring, params, channel, offset, frames),
                params.format,
            );
        }
    }
}

/// `frames` from `offset` of an interleaved ring.
pub(super) fn interleaved_part(ring: &Area, params: &Params, offset: u64, frames: u64) -> Area {
    let bits = u64::from(params.frame_bits);
    ring.part(bytes_of_bits(offset, bits), bytes_of_bits(frames, bits))
}

/// `frames` from `offset` of one channel's region of a non-interleaved ring (§8.4).
pub(super) fn channel_part(
    ring: &Area,
    params: &Params,
    channel: u32,
    offset: u64,
    frames: u64,
) -> Area {
    let bits = u64::from(params.frame_bits.checked_div(params.channels).unwrap_or(0));
    let region = params
        .dma_bytes
        .checked_div(u64::from(params.channels))
        .unwrap_or(0);
    let start = usize::try_from(region.saturating_mul(u64::from(channel))).unwrap_or(usize::MAX);
    ring.part(
        start.saturating_add(bytes_of_bits(offset, bits)),
        bytes_of_bits(frames, bits),
    )
}

fn bytes_of_bits(frames: u64, bits: u64) -> usize {
    usize::try_from(frames.saturating_mul(bits) / 8).unwrap_or(usize::MAX)
}

/// Makes a run of samples silent, sample by sample where the pattern has more than one value (§4.9).
pub(super) fn silence_area(area: &Area, number: u32) {
    let pattern = format::silence(number);
    let Some((&first, rest)) = pattern.split_first() else {
        return;
    };
    if rest.iter().all(|&byte| byte == first) {
        area.fill(0, area.len(), first);
        return;
    }
    let mut block = [0; 96];
    let whole = block
        .len()
        .checked_rem(pattern.len())
        .map_or(0, |odd| block.len().saturating_sub(odd));
    for (byte, value) in block.iter_mut().zip(pattern.iter().cycle()) {
        *byte = *value;
    }
    let mut offset = 0;
    while offset < area.len() {
        let n = area.write(offset, block.get(..whole).unwrap_or_default());
        if n == 0 {
            return;
        }
        offset = offset.saturating_add(n);
    }
}
