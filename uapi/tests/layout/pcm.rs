//! PCM.

use uapi::compat::pcm as compat;
use uapi::pcm::{self, constants, format, status, table};

use crate::compiler::{Checks, Client, constants, layout};
use crate::numbers;

#[test]
fn pcm_structures_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    layout! { c, "struct snd_mask", pcm::Mask { bits } }
    // Four bit fields have no offset.
    layout! { c, "struct snd_interval", pcm::Interval { min, max } holes { flags } }
    layout! {
        c, "struct snd_pcm_info", pcm::Info { device, subdevice, stream, card, id, name, subname,
        dev_class, dev_subclass, subdevices_count, subdevices_avail, reserved } holes { pad1 }
    }
    layout! {
        c, "struct snd_pcm_hw_params", pcm::HwParams { flags, masks, mres, intervals, ires, rmask,
        cmask, info, msbits, rate_num, rate_den, fifo_size } holes { sync, reserved }
    }
    layout! {
        c, "struct snd_pcm_sw_params", pcm::SwParams { tstamp_mode, period_step, sleep_min,
        avail_min, xfer_align, start_threshold, stop_threshold, silence_threshold, silence_size,
        boundary, proto, tstamp_type, reserved } holes { pad }
    }
    layout! { c, "struct timespec", pcm::Timespec { sec = "tv_sec", nsec = "tv_nsec" } }
    layout! {
        c, "struct snd_pcm_status", pcm::Status { state, pad1, trigger_tstamp, tstamp, appl_ptr,
        hw_ptr, delay, avail, avail_max, overrange, suspended_state, audio_tstamp_data,
        audio_tstamp, driver_tstamp, audio_tstamp_accuracy, reserved }
    }
    layout! {
        c, "struct snd_pcm_mmap_status", pcm::MmapStatus { state, pad1, hw_ptr, tstamp,
        suspended_state, audio_tstamp } holes { pad2 }
    }
    layout! { c, "struct snd_pcm_mmap_control", pcm::MmapControl { appl_ptr, avail_min } }
    layout! {
        c, "struct snd_pcm_sync_ptr", pcm::SyncPtr { flags, status = "s.status", control =
        "c.control" } holes { pad, status_pad, control_pad }
    }
    layout! {
        c, "struct snd_pcm_channel_info", pcm::ChannelInfo { channel, offset, first, step } holes {
        pad }
    }
    layout! { c, "struct snd_xferi", pcm::XferI { result, buf, frames } }
    layout! { c, "struct snd_xfern", pcm::XferN { result, bufs, frames } }
    c.assert();
}

/// Synchronisation ids moved from `info` to `hw_params` between protocol 2.0.15 and 2.0.18.
#[test]
fn synchronisation_ids_lie_where_this_header_has_them() {
    let mut c = Checks::new(Client::Native);
    let old = "SNDRV_PCM_VERSION <= SNDRV_PROTOCOL_VERSION(2, 0, 15)";
    c.holds_if(old, "offsetof(struct snd_pcm_info, sync) == 208 && sizeof(((struct snd_pcm_info *)0)->sync) == 16");
    c.holds_if(old, "offsetof(struct snd_pcm_hw_params, reserved) == 544");
    let new = "SNDRV_PCM_VERSION >= SNDRV_PROTOCOL_VERSION(2, 0, 18)";
    c.holds_if(new, "offsetof(struct snd_pcm_info, pad1) == 208 && sizeof(((struct snd_pcm_info *)0)->pad1) == 16");
    c.holds_if(new, "offsetof(struct snd_pcm_hw_params, sync) == 544");
    c.holds_if(new, "offsetof(struct snd_pcm_hw_params, reserved) == 560");
    c.assert();
    assert_eq!(std::mem::offset_of!(pcm::Info, pad1), 208);
    assert_eq!(std::mem::offset_of!(pcm::HwParams, sync), 544);
    assert_eq!(std::mem::offset_of!(pcm::HwParams, reserved), 560);
    assert_eq!(std::mem::offset_of!(compat::HwParams, sync), 540);
    assert_eq!(std::mem::offset_of!(compat::HwParams, reserved), 556);
}

#[test]
fn pcm_numbers_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    numbers(
        &mut c,
        "SNDRV_PCM_IOCTL_",
        table::TABLE,
        &["HW_REFINE_OLD", "HW_PARAMS_OLD"],
    );
    for row in format::FORMATS {
        c.constant(
            &format!("SNDRV_PCM_FORMAT_{}", row.name),
            i128::from(row.number),
        );
    }
    c.constant("SNDRV_PCM_FORMAT_LAST", i128::from(format::LAST));
    constants! {
        c, "SNDRV_PCM_SUBFORMAT_", format::subformat, [STD], newer [MSBITS_MAX, MSBITS_20,
        MSBITS_24]
    }
    constants! {
        c, "SNDRV_PCM_ACCESS_", format::access, [MMAP_INTERLEAVED, MMAP_NONINTERLEAVED,
        MMAP_COMPLEX, RW_INTERLEAVED, RW_NONINTERLEAVED]
    }
    constants! {
        c, "SNDRV_PCM_INFO_", constants::info, [MMAP, MMAP_VALID, DOUBLE, BATCH, SYNC_APPLPTR,
        INTERLEAVED, NONINTERLEAVED, COMPLEX, BLOCK_TRANSFER, OVERRANGE, RESUME, PAUSE, HALF_DUPLEX,
        JOINT_DUPLEX, SYNC_START, NO_PERIOD_WAKEUP, HAS_LINK_ATIME, HAS_LINK_ABSOLUTE_ATIME,
        HAS_LINK_ESTIMATED_ATIME, HAS_LINK_SYNCHRONIZED_ATIME, EXPLICIT_SYNC, NO_REWINDS,
        DRAIN_TRIGGER, FIFO_IN_FRAMES], newer[PERFECT_DRAIN]
    }
    constants! {
        c, "SNDRV_PCM_HW_PARAMS_", constants::hw_flags, [NORESAMPLE, EXPORT_BUFFER,
        NO_PERIOD_WAKEUP], newer[NO_DRAIN_SILENCE]
    }
    constants! { c, "SNDRV_PCM_TSTAMP_", constants::tstamp_mode, [NONE, ENABLE] }
    constants! {
        c, "SNDRV_PCM_TSTAMP_TYPE_", constants::tstamp_type, [GETTIMEOFDAY, MONOTONIC,
        MONOTONIC_RAW]
    }
    constants! {
        c, "SNDRV_PCM_AUDIO_TSTAMP_TYPE_", constants::audio_tstamp_type, [COMPAT, DEFAULT, LINK,
        LINK_ABSOLUTE, LINK_ESTIMATED, LINK_SYNCHRONIZED]
    }
    constants! { c, "SNDRV_PCM_STREAM_", constants::stream, [PLAYBACK, CAPTURE] }
    constants! { c, "SNDRV_PCM_CLASS_", constants::class, [GENERIC, MULTI, MODEM, DIGITIZER] }
    constants! { c, "SNDRV_PCM_SUBCLASS_", constants::subclass, [GENERIC_MIX, MULTI_MIX] }
    constants! {
        c, "SNDRV_CHMAP_", constants::chmap, [UNKNOWN, NA, MONO, FL, FR, RL, RR, FC, LFE, SL, SR,
        RC, FLC, FRC, RLC, RRC, FLW, FRW, FLH, FCH, FRH, TC, TFL, TFR, TFC, TRL, TRR, TRC, TFLC,
        TFRC, TSL, TSR, LLFE, RLFE, BC, BLC, BRC, POSITION_MASK, PHASE_INVERSE, DRIVER_SPEC]
    }
    constants! {
        c, "SNDRV_PCM_MMAP_OFFSET_", table, [MMAP_OFFSET_DATA = "DATA", MMAP_OFFSET_STATUS_OLD =
        "STATUS_OLD", MMAP_OFFSET_CONTROL_OLD = "CONTROL_OLD", MMAP_OFFSET_STATUS_NEW =
        "STATUS_NEW", MMAP_OFFSET_CONTROL_NEW = "CONTROL_NEW"]
    }
    constants! { c, "SNDRV_PCM_SYNC_PTR_", pcm::SyncPtr, [HWSYNC, APPL, AVAIL_MIN] }
    c.assert();
}

#[test]
fn states_and_parameters_are_the_header_s() {
    use pcm::params::Param;
    use status::State;
    let mut c = Checks::new(Client::Native);
    let states = [
        ("OPEN", State::Open),
        ("SETUP", State::Setup),
        ("PREPARED", State::Prepared),
        ("RUNNING", State::Running),
        ("XRUN", State::Xrun),
        ("DRAINING", State::Draining),
        ("PAUSED", State::Paused),
        ("SUSPENDED", State::Suspended),
        ("DISCONNECTED", State::Disconnected),
    ];
    for (name, state) in states {
        c.constant(&format!("SNDRV_PCM_STATE_{name}"), state as i128);
    }
    let params = [
        ("ACCESS", Param::Access),
        ("FORMAT", Param::Format),
        ("SUBFORMAT", Param::Subformat),
        ("SAMPLE_BITS", Param::SampleBits),
        ("FRAME_BITS", Param::FrameBits),
        ("CHANNELS", Param::Channels),
        ("RATE", Param::Rate),
        ("PERIOD_TIME", Param::PeriodTime),
        ("PERIOD_SIZE", Param::PeriodSize),
        ("PERIOD_BYTES", Param::PeriodBytes),
        ("PERIODS", Param::Periods),
        ("BUFFER_TIME", Param::BufferTime),
        ("BUFFER_SIZE", Param::BufferSize),
        ("BUFFER_BYTES", Param::BufferBytes),
        ("TICK_TIME", Param::TickTime),
    ];
    for (name, param) in params {
        c.constant(&format!("SNDRV_PCM_HW_PARAM_{name}"), param as i128);
    }
    c.assert();
}

/// What both kinds of 32-bit client share.
#[cfg(target_arch = "x86_64")]
fn common_32(c: &mut Checks) {
    layout! {
        *c, "struct snd_pcm_hw_params", compat::HwParams { flags, masks, mres, intervals, ires,
        rmask, cmask, info, msbits, rate_num, rate_den, fifo_size } holes { sync, reserved }
    }
    layout! {
        *c, "struct snd_pcm_sw_params", compat::SwParams { tstamp_mode, period_step, sleep_min,
        avail_min, xfer_align, start_threshold, stop_threshold, silence_threshold, silence_size,
        boundary, proto, tstamp_type, reserved }
    }
    layout! {
        *c, "struct snd_pcm_channel_info", compat::ChannelInfo { channel, offset, first, step }
    }
    layout! { *c, "struct snd_xferi", compat::XferI { result, buf, frames } }
    layout! { *c, "struct snd_xfern", compat::XferN { result, bufs, frames } }
    c.holds(&format!(
        "sizeof(struct snd_pcm_info) == {}",
        size_of::<pcm::Info>()
    ));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn pcm_of_a_client_with_32_bit_time_is_the_header_s() {
    let mut c = Checks::new(Client::T32);
    common_32(&mut c);
    layout! { c, "struct timespec", compat::Timespec32 { sec = "tv_sec", nsec = "tv_nsec" } }
    layout! {
        c, "struct snd_pcm_status", compat::StatusT32 { state, trigger_tstamp, tstamp, appl_ptr,
        hw_ptr, delay, avail, avail_max, overrange, suspended_state, audio_tstamp_data,
        audio_tstamp, driver_tstamp, audio_tstamp_accuracy, reserved }
    }
    layout! {
        c, "struct snd_pcm_mmap_status", compat::MmapStatusT32 { state, pad1, hw_ptr, tstamp,
        suspended_state, audio_tstamp }
    }
    layout! { c, "struct snd_pcm_mmap_control", compat::MmapControlT32 { appl_ptr, avail_min } }
    layout! {
        c, "struct snd_pcm_sync_ptr", compat::SyncPtrT32 { flags, status = "s.status", control =
        "c.control" } holes { status_pad, control_pad }
    }
    let rows: Vec<_> = compat::TABLE
        .iter()
        .filter(|row| !row.name.ends_with("_T64"))
        .copied()
        .collect();
    numbers(&mut c, "SNDRV_PCM_IOCTL_", &rows, &[]);
    c.assert();
}

#[test]
#[cfg(target_arch = "x86_64")]
fn pcm_of_a_client_with_64_bit_time_is_the_header_s() {
    let mut c = Checks::new(Client::T64);
    common_32(&mut c);
    layout! {
        c, "struct snd_pcm_status", compat::StatusT64 { state, pad1, trigger_tstamp, tstamp,
        appl_ptr, hw_ptr, delay, avail, avail_max, overrange, suspended_state, audio_tstamp_data,
        audio_tstamp, driver_tstamp, audio_tstamp_accuracy, reserved }
    }
    layout! {
        c, "struct snd_pcm_mmap_status", compat::MmapStatusT64 { state, pad1, hw_ptr, pad2 =
        "__pad2", tstamp, suspended_state, pad3, audio_tstamp }
    }
    layout! {
        c, "struct snd_pcm_mmap_control", compat::MmapControlT64 { appl_ptr, avail_min, pad =
        "__pad4" }
    }
    layout! {
        c, "struct snd_pcm_sync_ptr", compat::SyncPtrT64 { flags, pad1, status = "s.status", control
        = "c.control" } holes { status_pad, control_pad }
    }
    let rows: Vec<_> = compat::TABLE
        .iter()
        .filter(|row| !row.name.ends_with("_T32"))
        .copied()
        .collect();
    numbers(&mut c, "SNDRV_PCM_IOCTL_", &rows, &[]);
    c.assert();
}
