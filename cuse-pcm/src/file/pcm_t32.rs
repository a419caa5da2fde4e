//! STATUS, STATUS_EXT and SYNC_PTR with the structures of 32-bit time, which the kernel takes from every client (§1.3).

use uapi::Errno;
use uapi::compat::pcm::{StatusT32, SyncPtrT32, Timespec32};
use uapi::pcm::{MmapControl, Status, SyncPtr, Timespec};
use zerocopy::FromZeros;

use super::Outcome;
use super::pcm::PcmCall;

/// Positions of a client with 32-bit time stay below this.
const LIMIT: u64 = 0x7fff_ffff;

/// STATUS_T32.
pub(super) fn status(call: &mut PcmCall<'_, '_>) -> Outcome {
    report(call, 0).into()
}

/// STATUS_EXT_T32.
pub(super) fn status_ext(call: &mut PcmCall<'_, '_>) -> Outcome {
    let asked = call.argument.get::<StatusT32>();
    asked
        .and_then(|asked| report(call, asked.audio_tstamp_data))
        .into()
}

fn report(call: &mut PcmCall<'_, '_>, audio_tstamp_data: u32) -> Result<(), Errno> {
    let now = call.now;
    let status = call.substream()?.status(audio_tstamp_data, now)?;
    call.argument.put(&narrow_status(&status))
}

/// The lower half.
#[expect(clippy::cast_possible_truncation, reason = "the kernel truncates here")]
pub(super) const fn low(wide: u64) -> u32 {
    wide as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the kernel truncates here")]
const fn time(wide: Timespec) -> Timespec32 {
    Timespec32 {
        sec: wide.sec as i32,
        nsec: wide.nsec as i32,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the kernel truncates here")]
fn narrow_status(status: &Status) -> StatusT32 {
    StatusT32 {
        state: status.state,
        trigger_tstamp: time(status.trigger_tstamp),
        tstamp: time(status.tstamp),
        appl_ptr: low(status.appl_ptr),
        hw_ptr: low(status.hw_ptr),
        delay: status.delay as i32,
        avail: low(status.avail),
        avail_max: low(status.avail_max),
        overrange: low(status.overrange),
        suspended_state: status.suspended_state,
        audio_tstamp_data: status.audio_tstamp_data,
        audio_tstamp: time(status.audio_tstamp),
        // The kernel mixes these two up (§1.8).
        driver_tstamp: time(status.audio_tstamp),
        audio_tstamp_accuracy: status.audio_tstamp_accuracy,
        reserved: [0; 36],
    }
}

/// SYNC_PTR_T32: positions are reported below a boundary of their own, but applied as they are (§1.9).
pub(super) fn sync_ptr(call: &mut PcmCall<'_, '_>) -> Outcome {
    exchange(call).into()
}

fn exchange(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let mut narrow: SyncPtrT32 = call.argument.get()?;
    let mut wide = SyncPtr::new_zeroed();
    wide.flags = narrow.flags;
    wide.control = MmapControl {
        appl_ptr: narrow.control.appl_ptr.into(),
        avail_min: narrow.control.avail_min.into(),
    };
    let now = call.now;
    let substream = call.substream()?;
    substream.sync_ptr(&mut wide, now)?;
    let boundary = boundary(substream.params().map(|params| params.buffer_size));
    let status = &wide.status;
    narrow.status.state = status.state;
    narrow.status.hw_ptr = low(status.hw_ptr.checked_rem(boundary).unwrap_or(0));
    narrow.status.tstamp = time(status.tstamp);
    narrow.status.suspended_state = status.suspended_state;
    narrow.status.audio_tstamp = time(status.audio_tstamp);
    if wide.flags & SyncPtr::APPL != 0 {
        narrow.control.appl_ptr = low(wide.control.appl_ptr.checked_rem(boundary).unwrap_or(0));
    }
    narrow.control.avail_min = low(wide.control.avail_min);
    call.argument.put(&narrow)
}

/// The boundary that 32-bit clients see for a ring of so many frames (§1.9).
pub(super) fn boundary(buffer_size: Option<u64>) -> u64 {
    let Some(buffer) = buffer_size.filter(|frames| *frames > 0) else {
        return LIMIT;
    };
    let room = LIMIT.saturating_sub(buffer);
    if buffer > room {
        return buffer;
    }
    let shift = buffer.leading_zeros().saturating_sub(room.leading_zeros());
    let boundary = buffer.checked_shl(shift).unwrap_or(buffer);
    if boundary > room {
        boundary / 2
    } else {
        boundary
    }
}

#[cfg(test)]
mod tests {
    use super::boundary;

    #[test]
    fn the_boundary_of_32_bit_clients_is_the_recorded_one() {
        assert_eq!(boundary(Some(16000)), 0x7d00_0000);
        assert_eq!(boundary(Some(4096)), 0x4000_0000);
        assert_eq!(boundary(None), 0x7fff_ffff);
    }
}
