//! Ioctls that move a stream through its states, and that read or move its positions.

use uapi::Errno;
use uapi::pcm::{Status, SyncPtr};

use super::Outcome;
use super::open::O_NONBLOCK;
use super::pcm::{PcmCall, flag};
use super::transfer_result::signed;
use super::wait::{Draining, Work};
use crate::pcm::{Drain, Substream};

use hw_backends::units::Now;

fn act(
    call: &mut PcmCall<'_, '_>,
    action: impl FnOnce(&mut Substream, &Now) -> Result<(), Errno>,
) -> Outcome {
    let now = call.now;
    call.substream()
        .and_then(|substream| action(substream, now))
        .into()
}

/// PREPARE: takes note of the caller's O_NONBLOCK as it is now (§2.4).
pub(super) fn prepare(call: &mut PcmCall<'_, '_>) -> Outcome {
    let nonblock = call
        .argument
        .memory
        .file_flags()
        .map(|flags| flags & O_NONBLOCK != 0);
    act(call, |substream, now| substream.prepare(nonblock, now))
}

/// RESET.
pub(super) fn reset(call: &mut PcmCall<'_, '_>) -> Outcome {
    act(call, Substream::reset)
}

/// START.
pub(super) fn start(call: &mut PcmCall<'_, '_>) -> Outcome {
    act(call, Substream::start)
}

/// DROP.
pub(super) fn drop_frames(call: &mut PcmCall<'_, '_>) -> Outcome {
    act(call, Substream::drop_frames)
}

/// RESUME.
pub(super) fn resume(call: &mut PcmCall<'_, '_>) -> Outcome {
    act(call, Substream::resume)
}

/// XRUN.
pub(super) fn xrun(call: &mut PcmCall<'_, '_>) -> Outcome {
    act(call, Substream::xrun)
}

/// PAUSE: the argument word itself says push (not 0) or release.
pub(super) fn pause(call: &mut PcmCall<'_, '_>) -> Outcome {
    let push = flag(call);
    act(call, |substream, now| substream.pause(push, now))
}

/// DRAIN: waits, or with O_NONBLOCK on this descriptor does not (§6.10).
pub(super) fn drain(call: &mut PcmCall<'_, '_>) -> Outcome {
    let flags = call.argument.memory.file_flags().unwrap_or(call.file.flags);
    let (id, now) = (call.file.substream, call.now);
    let drain = call
        .substream()
        .and_then(|substream| substream.drain(flags & O_NONBLOCK != 0, now));
    match drain {
        Ok(Drain::Wait { timeout }) => {
            Outcome::Wait(timeout, Work::Drain(Draining::of(id, call.card)))
        }
        Ok(Drain::Done) => Outcome::Done(Ok(0)),
        Err(errno) => Outcome::Done(Err(errno)),
    }
}

/// HWSYNC.
pub(super) fn hwsync(call: &mut PcmCall<'_, '_>) -> Outcome {
    act(call, Substream::hwsync)
}

/// STATUS.
pub(super) fn status(call: &mut PcmCall<'_, '_>) -> Outcome {
    report(call, 0).into()
}

/// STATUS_EXT: `audio_tstamp_data` says what is asked for.
pub(super) fn status_ext(call: &mut PcmCall<'_, '_>) -> Outcome {
    let asked = call.argument.get::<Status>();
    asked
        .and_then(|asked| report(call, asked.audio_tstamp_data))
        .into()
}

fn report(call: &mut PcmCall<'_, '_>, audio_tstamp_data: u32) -> Result<(), Errno> {
    let now = call.now;
    let status = call.substream()?.status(audio_tstamp_data, now)?;
    call.argument.put(&status)
}

/// DELAY: stored only on success.
pub(super) fn delay(call: &mut PcmCall<'_, '_>) -> Outcome {
    let now = call.now;
    let delay = call.substream().and_then(|substream| substream.delay(now));
    delay.and_then(|delay| call.argument.put(&delay)).into()
}

/// SYNC_PTR: stored only on success.
pub(super) fn sync_ptr(call: &mut PcmCall<'_, '_>) -> Outcome {
    exchange(call).into()
}

fn exchange(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let mut pointers: SyncPtr = call.argument.get()?;
    let now = call.now;
    call.substream()?.sync_ptr(&mut pointers, now)?;
    call.argument.put(&pointers)
}

/// REWIND: the frames moved, or −errno, replace the argument in every state (§1.8).
pub(super) fn rewind(call: &mut PcmCall<'_, '_>) -> Outcome {
    shift(call, Substream::rewind)
}

/// FORWARD: as [`rewind`].
pub(super) fn forward(call: &mut PcmCall<'_, '_>) -> Outcome {
    shift(call, Substream::forward)
}

fn shift(
    call: &mut PcmCall<'_, '_>,
    action: impl FnOnce(&mut Substream, u64, &Now) -> Result<u64, Errno>,
) -> Outcome {
    let frames = match call.argument.get::<u64>() {
        Ok(frames) => frames,
        Err(errno) => return Outcome::Done(Err(errno)),
    };
    let now = call.now;
    let moved = call
        .substream()
        .and_then(|substream| action(substream, frames, now));
    call.argument
        .put(&signed(moved))
        .and(moved.map(|_| ()))
        .into()
}
