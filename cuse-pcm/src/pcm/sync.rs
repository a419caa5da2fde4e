//! Explicit sync: a device that works on an area of its own, and what is copied between that and the client's, and when.
//!
//! Playback copies to the device only, capture to the client only. A frame is with the other side from the next
//! [`SyncPoint`] on:
//!
//! - playback: what a move of appl_ptr newly covers, before the device hears of the move; all that is queued where the
//!   client may have changed frames without a move (a SYNC_PTR that stays, pointers stored in a mapped page); the whole
//!   ring where the stream never stops by itself, as the device then plays what no pointer covers;
//! - capture: what the device has moved since the last sync.
//!
//! Nothing here allocates.

use hw_backends::dma::Area;
use hw_backends::params::Params;
use hw_backends::units::Direction;

use super::Substream;
use super::position::Position;
use super::silence::{channel_part, interleaved_part};

/// When samples are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPoint {
    /// SYNC_PTR with HWSYNC, HWSYNC, DELAY: for the client.
    HwPtr,
    /// SYNC_PTR that brings appl_ptr, FORWARD: for the device.
    ApplPtr,
    /// Before a read copies.
    Read,
    /// After a write has copied.
    Write,
    /// Pointers of mapped pages: at the end of a period and at each call; for the device before appl_ptr counts, for the
    /// client before hw_ptr is published.
    Pages,
    /// After the core has written silence.
    Silence,
}

/// How far samples were copied.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Synced {
    /// Playback: appl_ptr at the last sync. Capture: hw_ptr.
    mark: Position,
    /// For tests.
    left_out: Option<SyncPoint>,
}

impl Substream {
    /// For tests: leaves one kind of sync out, until the next open.
    pub fn leave_out_sync(&mut self, point: SyncPoint) {
        self.runtime.synced.left_out = Some(point);
    }

    /// Both areas, the client's first, where there are two.
    fn areas(&self) -> Option<(&Area, &Area, Params)> {
        let own = self.buffer.device_area()?;
        let client = &self.buffer.ring()?.area;
        Some((client, own, self.runtime.params?))
    }

    fn syncs_at(&self, point: SyncPoint) -> bool {
        self.buffer.device_area().is_some() && self.runtime.synced.left_out != Some(point)
    }

    /// Both areas hold the same from here on: the pointers were set, or the areas zeroed.
    pub(super) fn restart_sync(&mut self) {
        self.runtime.synced.mark = match self.direction {
            Direction::Playback => self.runtime.appl,
            Direction::Capture => self.runtime.hw,
        };
    }

    /// appl_ptr goes to `to`: what it newly covers, for the device.
    pub(super) fn sync_move(&mut self, to: Position, point: SyncPoint) {
        self.sync_for_device(self.runtime.synced.mark, to, point);
    }

    /// All that is queued up to `to`, for the device.
    pub(super) fn sync_queue(&mut self, to: Position, point: SyncPoint) {
        self.sync_for_device(self.runtime.hw, to, point);
    }

    fn sync_for_device(&mut self, from: Position, to: Position, point: SyncPoint) {
        if self.direction != Direction::Playback || !self.syncs_at(point) {
            return;
        }
        let extent = self.runtime.extent;
        let mark = std::mem::replace(&mut self.runtime.synced.mark, to);
        if self.runtime.software.stop_threshold >= extent.boundary {
            return self.copy(point, Position(0), extent.buffer);
        }
        // A pointer that went back covers nothing new. (A queue longer than the ring was overtaken by the device.)
        let covered = |from| Some((from, to.since(from, extent.boundary)));
        let within = |&(_, frames): &(Position, u64)| frames <= extent.buffer;
        let span = covered(from)
            .filter(within)
            .or_else(|| covered(mark).filter(within));
        if let Some((from, frames)) = span {
            self.copy(point, from, frames);
        }
    }

    /// What the device moved since the last sync, for the client.
    pub(super) fn sync_for_client(&mut self, point: SyncPoint) {
        if self.direction != Direction::Capture || !self.syncs_at(point) {
            return;
        }
        let (hw, extent) = (self.runtime.hw, self.runtime.extent);
        let mark = std::mem::replace(&mut self.runtime.synced.mark, hw);
        let frames = hw.since(mark, extent.boundary);
        if frames <= extent.buffer {
            self.copy(point, mark, frames);
        } else {
            // Of more than a ring only the last ring's worth exists.
            self.copy(point, hw, extent.buffer);
        }
    }

    /// Copies `frames` from `from` on, around the end of the ring, in this substream's direction.
    pub(super) fn copy(&self, point: SyncPoint, from: Position, frames: u64) {
        let Some((client, own, params)) = self.areas().filter(|_| self.syncs_at(point)) else {
            return;
        };
        let (target, source) = match self.direction {
            Direction::Playback => (own, client),
            Direction::Capture => (client, own),
        };
        let buffer = self.runtime.extent.buffer;
        let frames = frames.min(buffer);
        let offset = from.in_ring(buffer);
        let first = frames.min(buffer.saturating_sub(offset));
        copy_frames(target, source, &params, offset, first);
        copy_frames(target, source, &params, 0, frames.saturating_sub(first));
    }
}

/// Copies `frames` at `offset` of a ring, in all channels.
fn copy_frames(target: &Area, source: &Area, params: &Params, offset: u64, frames: u64) {
    if frames == 0 {
        return;
    }
    if params.frame_bits % 8 != 0 {
        // Frames share bytes.
        target.copy_from(0, source, 0, target.len());
    } else if params.interleaved() || params.channels <= 1 {
        let target = interleaved_part(target, params, offset, frames);
        let source = interleaved_part(source, params, offset, frames);
        target.copy_from(0, &source, 0, target.len());
    } else {
        for channel in 0..params.channels {
            let target = channel_part(target, params, channel, offset, frames);
            let source = channel_part(source, params, channel, offset, frames);
            target.copy_from(0, &source, 0, target.len());
        }
    }
}
