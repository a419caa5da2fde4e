//! The client's side of a transfer: where its samples are, and how a chunk gets from there into the ring or back.

use hw_backends::dma::Area;
use hw_backends::units::Direction;
use uapi::Errno;

use crate::pcm::{Chunk, Substream};
use crate::request::ClientMemory;

/// Where the client's samples are.
#[derive(Debug)]
pub(crate) enum Samples<'a> {
    /// Nowhere: silence.
    Null,
    /// One buffer in the client, at this address.
    Client(u64),
    /// One buffer a channel; 0 is silence, or discards.
    Channels(&'a [u64]),
    /// In the message (write).
    Message(&'a [u8]),
    /// They are collected for the answer (read), at most so many bytes.
    Collect(&'a mut Vec<u8>, usize),
}

/// The same for a request that waits.
#[derive(Debug)]
pub(crate) enum Kept {
    Null,
    Client(u64),
    Channels(Box<[u64]>),
    Message(Box<[u8]>),
    Collect(Vec<u8>, usize),
}

impl Samples<'_> {
    /// How many copies a chunk takes.
    pub(crate) fn copies(&self) -> u32 {
        match self {
            Samples::Channels(list) => u32::try_from(list.len()).unwrap_or(u32::MAX).max(1),
            _ => 1,
        }
    }

    /// For later: what was lent is copied.
    pub(crate) fn keep(self) -> Kept {
        match self {
            Samples::Null => Kept::Null,
            Samples::Client(address) => Kept::Client(address),
            Samples::Channels(list) => Kept::Channels(list.into()),
            Samples::Message(bytes) => Kept::Message(bytes.into()),
            Samples::Collect(bytes, most) => Kept::Collect(std::mem::take(bytes), most),
        }
    }

    /// How many frames one call can move.
    pub(crate) fn reach(&self, substream: &Substream, memory: &dyn ClientMemory) -> u64 {
        // Of eight, as a sample may be half a byte.
        let (eight, buffers) = match self {
            Samples::Client(_) => (substream.bytes_of_frames(8), 1),
            Samples::Channels(list) => (substream.bytes_of_samples(8), list.len() as u64),
            _ => return u64::MAX,
        };
        let bytes = memory.reach() / buffers.max(1);
        bytes.saturating_mul(8) / eight.max(1)
    }

    /// Tells the client's memory what `frames` frames will touch.
    ///
    /// # Errors
    /// EFAULT.
    pub(crate) fn announce(
        &self,
        substream: &Substream,
        frames: u64,
        memory: &dyn ClientMemory,
    ) -> Result<(), Errno> {
        let back = substream.direction() == Direction::Capture;
        let frames = frames.min(self.reach(substream, memory));
        match self {
            Samples::Client(address) => {
                memory.announce(*address, substream.bytes_of_frames(frames), back)
            }
            Samples::Channels(list) => {
                let bytes = substream.bytes_of_samples(frames);
                let mut there = list.iter().filter(|address| **address != 0);
                there.try_for_each(|address| memory.announce(*address, bytes, back))
            }
            _ => Ok(()),
        }
    }

    /// Moves one chunk.
    pub(crate) fn copy(
        &mut self,
        substream: &mut Substream,
        chunk: &Chunk,
        memory: &dyn ClientMemory,
    ) -> Result<(), Errno> {
        let direction = substream.direction();
        match self {
            Samples::Null => {
                substream.silence_chunk(chunk, None);
                Ok(())
            }
            Samples::Client(address) => {
                let address = address.wrapping_add(substream.bytes_of_frames(chunk.done_frames));
                move_area(
                    direction,
                    memory,
                    address,
                    &ring_part(substream, chunk, None)?,
                )
            }
            Samples::Channels(list) => copy_channels(list, substream, chunk, memory),
            Samples::Message(bytes) => {
                let area = ring_part(substream, chunk, None)?;
                let start = offset(substream.bytes_of_frames(chunk.done_frames))?;
                let end = start.saturating_add(area.len());
                area.write(0, bytes.get(start..end).ok_or(Errno::EFAULT)?);
                Ok(())
            }
            Samples::Collect(bytes, most) => {
                let area = ring_part(substream, chunk, None)?;
                let start = offset(substream.bytes_of_frames(chunk.done_frames))?;
                let end = start.saturating_add(area.len());
                // Frames may have become larger while the request waited.
                if end > *most {
                    return Err(Errno::EFAULT);
                }
                bytes.resize(end, 0);
                area.read(0, bytes.get_mut(start..).ok_or(Errno::EFAULT)?);
                Ok(())
            }
        }
    }
}

impl Kept {
    /// To go on.
    pub(crate) fn lend(&mut self) -> Samples<'_> {
        match self {
            Kept::Null => Samples::Null,
            Kept::Client(address) => Samples::Client(*address),
            Kept::Channels(list) => Samples::Channels(list),
            Kept::Message(bytes) => Samples::Message(bytes),
            Kept::Collect(bytes, most) => Samples::Collect(bytes, *most),
        }
    }

    /// What was collected for the answer.
    pub(crate) fn collected(&self) -> &[u8] {
        match self {
            Kept::Collect(bytes, _) => bytes,
            _ => &[],
        }
    }
}

/// A byte count as a place in memory.
pub(crate) fn offset(bytes: u64) -> Result<usize, Errno> {
    usize::try_from(bytes).map_err(|_| Errno::EFAULT)
}

fn ring_part(substream: &Substream, chunk: &Chunk, channel: Option<u32>) -> Result<Area, Errno> {
    substream.ring_part(chunk, channel).ok_or(Errno::EFAULT)
}

fn move_area(
    direction: Direction,
    memory: &dyn ClientMemory,
    address: u64,
    area: &Area,
) -> Result<(), Errno> {
    match direction {
        Direction::Playback => memory.read_area(address, area),
        Direction::Capture => memory.write_area(address, area),
    }
}

fn copy_channels(
    list: &[u64],
    substream: &mut Substream,
    chunk: &Chunk,
    memory: &dyn ClientMemory,
) -> Result<(), Errno> {
    let direction = substream.direction();
    let done = substream.bytes_of_samples(chunk.done_frames);
    for (channel, base) in (0..).zip(list) {
        if *base == 0 {
            if direction == Direction::Playback {
                substream.silence_chunk(chunk, Some(channel));
            }
            continue;
        }
        let area = ring_part(substream, chunk, Some(channel))?;
        move_area(direction, memory, base.wrapping_add(done), &area)?;
    }
    Ok(())
}
