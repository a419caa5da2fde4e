//! PCM ioctls of 32-bit clients whose structures, or whose ways of answering, are not a 64-bit client's (§1.3, §1.8,
//! §1.9). A number that is not here goes the native way, if it is a number of a 32-bit client at all.
//!
//! Once it has called one of them, the kernel refuses such a client the mapping of the pages whose layouts are not its
//! own. A mount cannot refuse that late: it gives a 32-bit program nothing to map from the beginning, not even the ring.
//! Where the kernel maps cached pages, mmap itself succeeds all the same, and touching what it maps is SIGBUS.

use hw_backends::units::{Direction, Now};
use uapi::Errno;
use uapi::compat::pcm::{self as compat, StatusT64, SyncPtrT64};
use uapi::ioctl;
use uapi::pcm::{HwParams, MmapControl, Status, SwParams, SyncPtr};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::Outcome;
use super::pcm::{Handler, PcmCall};
use super::pcm_t32::{self, boundary, low};
use super::pcm_transfer;
use super::transfer_result::signed;
use crate::pcm::Substream;

/// The size of `snd_pcm_hw_params`: the native structure with a shorter `fifo_size`, but copied as if it were not.
const HW_PARAMS_BYTES: usize = size_of::<compat::HwParams>();

/// Who handles which number that only 32-bit clients have.
pub(super) fn handler(cmd: u32) -> Option<Handler> {
    Some(match cmd {
        compat::WRITEI_FRAMES | compat::READI_FRAMES => pcm_transfer::interleaved_compat,
        compat::WRITEN_FRAMES | compat::READN_FRAMES => pcm_transfer::noninterleaved_compat,
        compat::SYNC_PTR_T64 => sync_ptr,
        compat::STATUS_T32 => pcm_t32::status,
        compat::STATUS_EXT_T32 => pcm_t32::status_ext,
        compat::STATUS_T64 => status,
        compat::STATUS_EXT_T64 => status_ext,
        compat::DELAY => delay,
        compat::REWIND => rewind,
        compat::FORWARD => forward,
        compat::HW_REFINE => hw_refine,
        compat::HW_PARAMS => hw_params,
        compat::SW_PARAMS => sw_params,
        compat::CHANNEL_INFO => channel_info,
        _ => return None,
    })
}

/// The direction whose transfers a number names; a 32-bit client's have to be the file's (§1.8).
pub(super) const fn direction(cmd: u32) -> Direction {
    if ioctl::dir(cmd) & ioctl::WRITE != 0 {
        Direction::Playback
    } else {
        Direction::Capture
    }
}

/// HW_REFINE: stored only on success.
fn hw_refine(call: &mut PcmCall<'_, '_>) -> Outcome {
    with_hw_params(call, |call, params| call.substream()?.hw_refine(params)).into()
}

/// HW_PARAMS: stored only on success. Then the positions wrap where 32 bits can tell, for everyone (§1.9).
fn hw_params(call: &mut PcmCall<'_, '_>) -> Outcome {
    let now = call.now;
    let configured = with_hw_params(call, |call, params| {
        call.substream()?.hw_params(params, now)
    });
    configured
        .and_then(|()| call.substream().map(Substream::use_compat_boundary))
        .into()
}

/// The client's 604 bytes are the first 604 of the native structure: beyond `fifo_size`, whose upper half is 0, the
/// native `sync` begins 4 bytes later than the client's (§1.8).
fn with_hw_params(
    call: &mut PcmCall<'_, '_>,
    action: impl FnOnce(&mut PcmCall<'_, '_>, &mut HwParams) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let theirs: [u8; HW_PARAMS_BYTES] = call.argument.get()?;
    let mut params = HwParams::new_zeroed();
    for (to, from) in params.as_mut_bytes().iter_mut().zip(theirs) {
        *to = from;
    }
    action(call, &mut params)?;
    let bytes = params.as_bytes().get(..HW_PARAMS_BYTES);
    call.argument.put_bytes(bytes.unwrap_or_default())
}

/// SW_PARAMS: only `boundary` is stored, and only on success.
fn sw_params(call: &mut PcmCall<'_, '_>) -> Outcome {
    thresholds(call).into()
}

fn thresholds(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let mut theirs: compat::SwParams = call.argument.get()?;
    let now = call.now;
    let substream = call.substream()?;
    let buffer_size = substream.params().map(|params| params.buffer_size);
    let narrow_boundary = boundary(buffer_size);
    let mut params = SwParams {
        tstamp_mode: theirs.tstamp_mode,
        period_step: theirs.period_step,
        sleep_min: theirs.sleep_min,
        pad: 0,
        avail_min: theirs.avail_min.into(),
        xfer_align: theirs.xfer_align.into(),
        start_threshold: theirs.start_threshold.into(),
        stop_threshold: theirs.stop_threshold.into(),
        silence_threshold: theirs.silence_threshold.into(),
        silence_size: theirs.silence_size.into(),
        boundary: 0,
        proto: theirs.proto,
        tstamp_type: theirs.tstamp_type,
        reserved: theirs.reserved,
    };
    if params.silence_size >= narrow_boundary {
        params.silence_size = substream.boundary();
    }
    substream.sw_params(&mut params, now)?;
    theirs.boundary = low(narrow_boundary);
    call.argument.put(&theirs)
}

/// STATUS with 64-bit time.
fn status(call: &mut PcmCall<'_, '_>) -> Outcome {
    report(call, 0).into()
}

/// STATUS_EXT with 64-bit time.
fn status_ext(call: &mut PcmCall<'_, '_>) -> Outcome {
    let asked = call.argument.get::<StatusT64>();
    asked
        .and_then(|asked| report(call, asked.audio_tstamp_data))
        .into()
}

fn report(call: &mut PcmCall<'_, '_>, audio_tstamp_data: u32) -> Result<(), Errno> {
    let now = call.now;
    let status = call.substream()?.status(audio_tstamp_data, now)?;
    call.argument.put(&narrow_status(&status))
}

fn narrow_status(status: &Status) -> StatusT64 {
    StatusT64 {
        state: status.state,
        pad1: 0,
        trigger_tstamp: status.trigger_tstamp,
        tstamp: status.tstamp,
        appl_ptr: low(status.appl_ptr),
        hw_ptr: low(status.hw_ptr),
        delay: low_signed(status.delay),
        avail: low(status.avail),
        avail_max: low(status.avail_max),
        overrange: low(status.overrange),
        suspended_state: status.suspended_state,
        audio_tstamp_data: status.audio_tstamp_data,
        audio_tstamp: status.audio_tstamp,
        // The kernel mixes these two up (§1.8).
        driver_tstamp: status.audio_tstamp,
        audio_tstamp_accuracy: status.audio_tstamp_accuracy,
        reserved: [0; 20],
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the kernel truncates here")]
const fn low_signed(wide: i64) -> i32 {
    wide as i32
}

/// SYNC_PTR with 64-bit time: the native structure but for the control record, whose members are narrow. The number is
/// the native one.
fn sync_ptr(call: &mut PcmCall<'_, '_>) -> Outcome {
    exchange(call).into()
}

fn exchange(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let theirs: SyncPtrT64 = call.argument.get()?;
    let mut wide = SyncPtr::new_zeroed();
    wide.flags = theirs.flags;
    wide.control = MmapControl {
        appl_ptr: theirs.control.appl_ptr.into(),
        avail_min: theirs.control.avail_min.into(),
    };
    let now = call.now;
    call.substream()?.sync_ptr(&mut wide, now)?;
    let mut answer = SyncPtrT64::read_from_bytes(wide.as_bytes()).map_err(|_| Errno::EFAULT)?;
    answer.control = compat::MmapControlT64 {
        appl_ptr: low(wide.control.appl_ptr),
        avail_min: low(wide.control.avail_min),
        pad: theirs.control.pad,
    };
    answer.control_pad = [0; 52];
    call.argument.put(&answer)
}

/// DELAY: stored only on success.
fn delay(call: &mut PcmCall<'_, '_>) -> Outcome {
    let now = call.now;
    let delay = call.substream().and_then(|substream| substream.delay(now));
    delay
        .and_then(|delay| call.argument.put(&low_signed(delay)))
        .into()
}

/// REWIND: the frames moved, or −errno, replace the argument in every state.
fn rewind(call: &mut PcmCall<'_, '_>) -> Outcome {
    shift(call, Substream::rewind)
}

/// FORWARD: as [`rewind`].
fn forward(call: &mut PcmCall<'_, '_>) -> Outcome {
    shift(call, Substream::forward)
}

fn shift(
    call: &mut PcmCall<'_, '_>,
    action: impl FnOnce(&mut Substream, u64, &Now) -> Result<u64, Errno>,
) -> Outcome {
    let frames = match call.argument.get::<u32>() {
        Ok(frames) => frames,
        Err(errno) => return Outcome::Done(Err(errno)),
    };
    let now = call.now;
    let moved = call
        .substream()
        .and_then(|substream| action(substream, frames.into(), now));
    call.argument
        .put(&low_signed(signed(moved)))
        .and(moved.map(|_| ()))
        .into()
}

/// CHANNEL_INFO: reads `channel` although its number says `_IOR`.
fn channel_info(call: &mut PcmCall<'_, '_>) -> Outcome {
    layout(call).into()
}

fn layout(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let asked: compat::ChannelInfo = call.argument.get()?;
    let info = call.substream()?.channel_info(asked.channel)?;
    call.argument.put(&compat::ChannelInfo {
        channel: info.channel,
        offset: low_signed(info.offset),
        first: info.first,
        step: info.step,
    })
}

#[cfg(test)]
mod tests {
    use super::{compat, handler};

    #[test]
    fn every_number_of_the_table_has_a_handler_and_no_other_has() {
        let without: Vec<_> = compat::TABLE
            .iter()
            .filter(|row| handler(row.cmd).is_none())
            .map(|row| row.name)
            .collect();
        // The kernel itself takes it on the native way.
        assert_eq!(without, ["SYNC_PTR_T32"]);
        assert!(handler(uapi::pcm::table::HW_PARAMS).is_none());
    }
}
