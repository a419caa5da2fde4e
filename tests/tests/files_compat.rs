//! 32-bit clients on PCM files: their layouts, and what is stored when (semantics §1.3, §1.8, §1.9).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use cuse_pcm::request::{Abi, FileHandle};
use cuse_pcm_tests::fake_kernel::{ARG, Answered, BASE, BUFFER, FakeKernel};
use cuse_pcm_tests::oracle_device::{Grain, OracleDevice};
use cuse_pcm_tests::oracle_hardware::hardware;
use cuse_pcm_tests::virtual_client::{
    CAPTURE, O_APPEND, O_RDWR, PLAYBACK, Setup, card, hw_params, prepare, sw_params,
};
use hw_backends::hardware::{Hardware, info};
use hw_backends::ops::PcmOps;
use hw_backends::testing::Script;
use hw_backends::units::Nanos;
use uapi::Errno;
use uapi::compat::pcm as compat;
use uapi::pcm::{HwParams, Status, SwParams, SyncPtr, table};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

/// 16000 << 17.
const BOUNDARY: u32 = 0x7d00_0000;
const HW_PARAMS: usize = 604;

fn dummy(node: &str) -> Box<dyn PcmOps> {
    Box::new(OracleDevice::new(hardware(node), Grain::Jiffies))
}

/// A 32-bit client of a card with a playback and a capture substream.
fn kernel() -> FakeKernel {
    let mut k = FakeKernel::new(
        card(vec![dummy("pcmC0D0p")], vec![dummy("pcmC0D0c")]),
        0x20000,
    );
    k.abi = Abi::Compat;
    k
}

fn opened() -> (FakeKernel, FileHandle) {
    let mut k = kernel();
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    (k, file)
}

fn narrow_hw(setup: &Setup) -> [u8; HW_PARAMS] {
    hw_params(setup).as_bytes()[..HW_PARAMS].try_into().unwrap()
}

fn narrow_sw(setup: &Setup) -> compat::SwParams {
    let wide = sw_params(setup);
    let mut sw = compat::SwParams::new_zeroed();
    sw.avail_min = u32::try_from(wide.avail_min).unwrap();
    sw.start_threshold = u32::try_from(wide.start_threshold).unwrap();
    sw.stop_threshold = u32::try_from(wide.stop_threshold).unwrap();
    sw
}

/// Configures and prepares as a 32-bit client does.
fn set_up(k: &mut FakeKernel, file: FileHandle, setup: &Setup) {
    k.ioctl(file, compat::HW_PARAMS, &mut narrow_hw(setup))
        .unwrap();
    k.ioctl(file, compat::SW_PARAMS, &mut narrow_sw(setup))
        .unwrap();
    k.ioctl_value(file, table::PREPARE, 0).unwrap();
}

/// A playback, prepared.
fn prepared() -> (FakeKernel, FileHandle) {
    let (mut k, file) = opened();
    set_up(&mut k, file, &Setup::default());
    (k, file)
}

fn address(place: u64) -> u32 {
    u32::try_from(place).unwrap()
}

fn frames(frames: u32) -> compat::XferI {
    compat::XferI {
        result: -777,
        buf: address(BUFFER),
        frames,
    }
}

/// A playback that runs with a full ring.
fn full() -> (FakeKernel, FileHandle) {
    let (mut k, file) = prepared();
    k.ioctl(file, compat::WRITEI_FRAMES, &mut frames(16000))
        .unwrap();
    k.ioctl_value(file, table::START, 0).unwrap();
    (k, file)
}

/// What a 64-bit client would get.
fn as_native<T>(k: &mut FakeKernel, ask: impl FnOnce(&mut FakeKernel) -> T) -> T {
    k.abi = Abi::Native;
    let answer = ask(k);
    k.abi = Abi::Compat;
    answer
}

fn wide_status(k: &mut FakeKernel, file: FileHandle) -> Status {
    as_native(k, |k| {
        let mut status = Status::new_zeroed();
        k.ioctl(file, table::STATUS, &mut status).unwrap();
        status
    })
}

// Numbers (§1.3).

#[test]
fn numbers_of_64_bit_structures_are_enotty() {
    let (mut k, file) = prepared();
    let theirs = table::TABLE
        .iter()
        .filter(|row| compat::find(row.cmd).is_none());
    let answers: Vec<_> = theirs
        .map(|row| (row.name, k.ioctl_value(file, row.cmd, ARG)))
        .collect();
    assert!(answers.len() > 12, "{answers:?}");
    assert!(
        answers.iter().all(|(_, got)| *got == Err(Errno::ENOTTY)),
        "{answers:?}"
    );
}

#[test]
fn every_number_of_a_32_bit_client_is_served() {
    let (mut k, file) = prepared();
    for row in compat::TABLE {
        assert_ne!(
            k.ioctl_value(file, row.cmd, ARG),
            Err(Errno::ENOTTY),
            "{}",
            row.name
        );
    }
}

#[test]
fn numbers_that_only_32_bit_clients_have_are_enotty_to_others() {
    let (mut k, file) = prepared();
    k.abi = Abi::Native;
    for cmd in [compat::HW_PARAMS, compat::STATUS_T64, compat::WRITEI_FRAMES] {
        assert_eq!(k.ioctl_value(file, cmd, ARG), Err(Errno::ENOTTY));
    }
}

// HW_REFINE and HW_PARAMS.

#[test]
fn refinement_answers_as_to_a_64_bit_client() {
    let (mut k, file) = opened();
    let setup = Setup::default();
    let mut narrow = narrow_hw(&setup);
    k.ioctl(file, compat::HW_REFINE, &mut narrow).unwrap();
    let mut wide = hw_params(&setup);
    as_native(&mut k, |k| k.ioctl(file, table::HW_REFINE, &mut wide)).unwrap();
    assert_eq!(narrow[..536], wide.as_bytes()[..536]);
    assert_ne!(narrow[..536], narrow_hw(&setup)[..536]);
}

#[test]
fn four_bytes_before_the_shifted_id_read_0_and_what_follows_comes_back() {
    let (mut k, file) = opened();
    for cmd in [compat::HW_REFINE, compat::HW_PARAMS] {
        let mut hw = narrow_hw(&Setup::default());
        hw[536..].fill(0x5a);
        k.ioctl(file, cmd, &mut hw).unwrap();
        assert_eq!(hw[536..544], [0; 8], "{cmd:#x}: fifo_size, and the gap");
        assert_eq!(hw[544..], [0x5a; 60], "{cmd:#x}");
    }
}

#[test]
fn refused_hw_params_come_back_as_they_were() {
    let (mut k, file) = opened();
    let setup = Setup {
        channels: 9,
        ..Setup::default()
    };
    for cmd in [compat::HW_REFINE, compat::HW_PARAMS] {
        let mut hw = narrow_hw(&setup);
        assert_eq!(k.ioctl(file, cmd, &mut hw), Err(Errno::EINVAL));
        assert_eq!(hw, narrow_hw(&setup));
    }
}

#[test]
fn hw_params_make_the_boundary_narrow_for_everyone() {
    let (mut k, file) = opened();
    k.ioctl(file, compat::HW_PARAMS, &mut narrow_hw(&Setup::default()))
        .unwrap();
    let shared = k.open(PLAYBACK, O_RDWR | O_APPEND).unwrap();
    let mut wide = sw_params(&Setup::default());
    as_native(&mut k, |k| k.ioctl(shared, table::SW_PARAMS, &mut wide)).unwrap();
    assert_eq!(wide.boundary, u64::from(BOUNDARY));
}

// SW_PARAMS.

#[test]
fn of_sw_params_only_the_boundary_comes_back() {
    let (mut k, file) = prepared();
    let mut sw = narrow_sw(&Setup::default());
    (sw.xfer_align, sw.sleep_min, sw.reserved) = (77, 78, [9; 56]);
    let before = sw;
    k.ioctl(file, compat::SW_PARAMS, &mut sw).unwrap();
    assert_eq!(
        sw,
        compat::SwParams {
            boundary: BOUNDARY,
            ..before
        }
    );
}

#[test]
fn refused_sw_params_store_nothing() {
    let (mut k, file) = prepared();
    let mut sw = narrow_sw(&Setup::default());
    (sw.tstamp_mode, sw.boundary) = (5, 1);
    let id = k.start_struct(file, compat::SW_PARAMS, &sw);
    assert_eq!(
        k.now_answered(id),
        Answered::Ioctl(Err(Errno::EINVAL), vec![])
    );
    let (mut k, file) = opened();
    let open = k.ioctl(file, compat::SW_PARAMS, &mut narrow_sw(&Setup::default()));
    assert_eq!(open, Err(Errno::EBADFD));
}

#[test]
fn every_member_of_sw_params_takes_effect() {
    let (mut k, file) = prepared();
    let mut sw = narrow_sw(&Setup::default());
    (sw.start_threshold, sw.tstamp_mode) = (100, 1);
    (sw.proto, sw.tstamp_type, sw.avail_min) = (0x2_000c, 1, 555);
    k.ioctl(file, compat::SW_PARAMS, &mut sw).unwrap();
    k.ioctl(file, compat::WRITEI_FRAMES, &mut frames(100))
        .unwrap();
    k.advance(Nanos(8_000_000));
    let status = wide_status(&mut k, file);
    assert_eq!(status.state, 3, "100 frames start the stream");
    assert!(
        (1..1000).contains(&status.tstamp.sec),
        "the monotonic clock: {:?}",
        status.tstamp
    );
    let mut pointers = SyncPtr::new_zeroed();
    pointers.flags = SyncPtr::APPL | SyncPtr::AVAIL_MIN;
    as_native(&mut k, |k| k.ioctl(file, table::SYNC_PTR, &mut pointers)).unwrap();
    assert_eq!(pointers.control.avail_min, 555);
    (sw.silence_threshold, sw.silence_size) = (10, 11);
    assert_eq!(
        k.ioctl(file, compat::SW_PARAMS, &mut sw),
        Err(Errno::EINVAL)
    );
    (sw.silence_threshold, sw.silence_size) = (11, 11);
    assert_eq!(k.ioctl(file, compat::SW_PARAMS, &mut sw), Ok(0));
    (sw.stop_threshold, sw.avail_min) = (1, 1);
    assert_eq!(
        k.ioctl(file, compat::SW_PARAMS, &mut sw),
        Err(Errno::EPIPE),
        "it stops"
    );
}

#[test]
fn a_silence_size_of_the_narrow_boundary_means_everything_also_on_a_wide_stream() {
    let (mut k, file) = opened();
    as_native(&mut k, |k| prepare(k, file, &Setup::default()));
    let mut sw = narrow_sw(&Setup::default());
    sw.silence_size = BOUNDARY;
    assert_eq!(k.ioctl(file, compat::SW_PARAMS, &mut sw), Ok(0));
    assert_eq!(sw.boundary, BOUNDARY);
    sw.silence_size = BOUNDARY - 1;
    assert_eq!(
        k.ioctl(file, compat::SW_PARAMS, &mut sw),
        Err(Errno::EINVAL)
    );
}

// STATUS.

#[test]
fn both_widths_of_time_report_the_same_status_and_mix_up_the_drivers_time() {
    let (mut k, file) = prepared();
    let mut sw = narrow_sw(&Setup::default());
    sw.tstamp_mode = 1;
    k.ioctl(file, compat::SW_PARAMS, &mut sw).unwrap();
    k.ioctl(file, compat::WRITEI_FRAMES, &mut frames(15000))
        .unwrap();
    k.ioctl_value(file, table::START, 0).unwrap();
    k.advance(Nanos(200_000_000));
    let wide = wide_status(&mut k, file);
    assert_ne!(wide.driver_tstamp, wide.audio_tstamp);
    let mut t64 = compat::StatusT64::new_zeroed();
    t64.reserved = [7; 20];
    k.ioctl(file, compat::STATUS_T64, &mut t64).unwrap();
    let mut t32 = compat::StatusT32::new_zeroed();
    t32.reserved = [7; 36];
    k.ioctl(file, compat::STATUS_T32, &mut t32).unwrap();
    assert_eq!((t64.state, t32.state), (3, 3));
    assert_eq!((t64.appl_ptr, t32.appl_ptr), (15000, 15000));
    assert_eq!(u64::from(t64.hw_ptr), wide.hw_ptr);
    assert_eq!(u64::from(t32.hw_ptr), wide.hw_ptr);
    assert_eq!(
        (i64::from(t64.delay), i64::from(t32.delay)),
        (wide.delay, wide.delay)
    );
    assert_eq!(u64::from(t64.avail), wide.avail);
    assert_eq!(t64.trigger_tstamp, wide.trigger_tstamp);
    assert_eq!(i64::from(t32.trigger_tstamp.nsec), wide.trigger_tstamp.nsec);
    assert_eq!(t64.driver_tstamp, t64.audio_tstamp);
    assert_eq!(t32.driver_tstamp, t32.audio_tstamp);
    assert_ne!(t64.audio_tstamp.nsec, 0);
    assert_eq!((t64.reserved, t32.reserved), ([0; 20], [0; 36]));
    assert!(t64.tstamp.sec > i64::from(i32::MAX) / 2, "{:?}", t64.tstamp);
}

#[test]
fn status_ext_reads_what_is_asked_for_at_its_own_offset() {
    let (mut k, file) = prepared();
    let mut sw = narrow_sw(&Setup::default());
    sw.tstamp_mode = 1;
    k.ioctl(file, compat::SW_PARAMS, &mut sw).unwrap();
    k.ioctl(file, compat::WRITEI_FRAMES, &mut frames(15000))
        .unwrap();
    k.ioctl_value(file, table::START, 0).unwrap();
    let mut t64 = [0_u8; 128];
    t64[68..72].copy_from_slice(&1_u32.to_ne_bytes());
    k.ioctl(file, compat::STATUS_EXT_T64, &mut t64).unwrap();
    assert_eq!(t64[68..72], 0x1_0001_u32.to_ne_bytes());
    let mut t32 = [0_u8; 108];
    t32[48..52].copy_from_slice(&1_u32.to_ne_bytes());
    k.ioctl(file, compat::STATUS_EXT_T32, &mut t32).unwrap();
    assert_eq!(t32[48..52], 0x1_0001_u32.to_ne_bytes());
}

// SYNC_PTR.

#[test]
fn with_64_bit_time_avail_min_is_at_76_and_the_rest_of_the_unions_is_0() {
    let (mut k, file) = full();
    let mut p = [0x5a_u8; 136];
    p[..4].copy_from_slice(&0_u32.to_ne_bytes());
    p[72..76].copy_from_slice(&15990_u32.to_ne_bytes());
    p[76..80].copy_from_slice(&321_u32.to_ne_bytes());
    k.ioctl(file, compat::SYNC_PTR_T64, &mut p).unwrap();
    assert_eq!(p[..12], [0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0], "RUNNING");
    assert_eq!(p[72..76], 15990_u32.to_ne_bytes());
    assert_eq!(p[76..80], 321_u32.to_ne_bytes());
    assert_eq!((&p[64..72], &p[84..]), (&[0; 8][..], &[0; 52][..]));
    let status = wide_status(&mut k, file);
    assert_eq!(status.appl_ptr, 15990);
    let mut native = SyncPtr::new_zeroed();
    native.flags = SyncPtr::APPL | SyncPtr::AVAIL_MIN;
    as_native(&mut k, |k| k.ioctl(file, table::SYNC_PTR, &mut native)).unwrap();
    assert_eq!(native.control.avail_min, 321);
}

#[test]
fn with_32_bit_time_avail_min_is_at_72_and_the_rest_of_the_unions_stays() {
    let (mut k, file) = full();
    let mut p = [0x5a_u8; 132];
    p[..4].copy_from_slice(&0_u32.to_ne_bytes());
    p[68..72].copy_from_slice(&15990_u32.to_ne_bytes());
    p[72..76].copy_from_slice(&321_u32.to_ne_bytes());
    k.ioctl(file, compat::SYNC_PTR_T32, &mut p).unwrap();
    assert_eq!(p[4..8], 3_i32.to_ne_bytes());
    assert_eq!((&p[36..68], &p[76..]), (&[0x5a; 32][..], &[0x5a; 56][..]));
    assert_eq!(wide_status(&mut k, file).appl_ptr, 15990);
}

#[test]
fn a_pointer_at_the_narrow_boundary_is_refused_and_nothing_is_stored() {
    let (mut k, file) = prepared();
    let mut p = compat::SyncPtrT64::new_zeroed();
    p.control.appl_ptr = BOUNDARY;
    assert_eq!(
        k.ioctl(file, compat::SYNC_PTR_T64, &mut p),
        Err(Errno::EINVAL)
    );
    assert_eq!(p.status.state, 0);
    p.control.appl_ptr = BOUNDARY - 1;
    assert_eq!(k.ioctl(file, compat::SYNC_PTR_T64, &mut p), Ok(0));
}

#[test]
fn with_32_bit_time_positions_of_a_wide_stream_are_reported_below_the_narrow_boundary() {
    let (mut k, file) = opened();
    as_native(&mut k, |k| prepare(k, file, &Setup::default()));
    let mut wide = SyncPtr::new_zeroed();
    wide.control.appl_ptr = u64::from(BOUNDARY) + 5;
    wide.control.avail_min = 1;
    as_native(&mut k, |k| k.ioctl(file, table::SYNC_PTR, &mut wide)).unwrap();
    let mut p = compat::SyncPtrT32::new_zeroed();
    p.flags = SyncPtr::APPL | SyncPtr::AVAIL_MIN;
    k.ioctl(file, compat::SYNC_PTR_T32, &mut p).unwrap();
    assert_eq!(p.control.appl_ptr, 5);
}

// Positions.

#[test]
fn delay_is_4_bytes_and_stored_only_on_success() {
    let (mut k, file) = full();
    let mut delay = [-7_i32; 2];
    let id = k.start_struct(file, compat::DELAY, &delay);
    k.now_answered(id);
    delay = k.get(ARG);
    assert_eq!((delay[0] > 15900, delay[1]), (true, -7), "{delay:?}");
    k.ioctl_value(file, table::DROP, 0).unwrap();
    assert_eq!(
        k.ioctl(file, compat::DELAY, &mut delay[0]),
        Err(Errno::EBADFD)
    );
    assert!(delay[0] > 15900);
}

#[test]
fn rewind_and_forward_leave_frames_or_errno_in_4_bytes() {
    let (mut k, file) = opened();
    let ask = |k: &mut FakeKernel, cmd, frames: u32| {
        k.put(ARG, &[frames, 0x5a5a_5a5a]);
        let id = k.start_ioctl(file, cmd, ARG);
        let answer = k.now_answered(id).result();
        let [moved, beyond] = k.get::<[i32; 2]>(ARG);
        assert_eq!(beyond, 0x5a5a_5a5a);
        (answer, moved)
    };
    for cmd in [compat::REWIND, compat::FORWARD] {
        assert_eq!(ask(&mut k, cmd, 10), (Err(Errno::EBADFD), -77));
    }
    set_up(&mut k, file, &Setup::default());
    k.ioctl(file, compat::WRITEI_FRAMES, &mut frames(100))
        .unwrap();
    assert_eq!(ask(&mut k, compat::REWIND, 1000), (Ok(0), 100));
    assert_eq!(ask(&mut k, compat::FORWARD, 70), (Ok(0), 70));
    assert_eq!(wide_status(&mut k, file).appl_ptr, 70);
}

#[test]
fn channel_info_reads_the_channel_and_reports_narrow_offsets() {
    let (mut k, file) = opened();
    let setup = Setup {
        channels: 2,
        ..Setup::default()
    };
    set_up(&mut k, file, &setup);
    let asked = |channel| compat::ChannelInfo {
        channel,
        offset: 9,
        first: 9,
        step: 9,
    };
    let mut layout = asked(1);
    k.ioctl(file, compat::CHANNEL_INFO, &mut layout).unwrap();
    let unmappable = compat::ChannelInfo {
        channel: 1,
        offset: -1,
        first: 0,
        step: 0,
    };
    assert_eq!(layout, unmappable, "this client's ring cannot be mapped");
    let mut layout = asked(2);
    let none = k.ioctl(file, compat::CHANNEL_INFO, &mut layout);
    assert_eq!((none, layout), (Err(Errno::EINVAL), asked(2)));
}

// Transfers.

fn scripted(info: u32) -> (Script, FakeKernel, FileHandle) {
    let hardware = Hardware {
        info,
        ..hardware("pcmC0D0p")
    };
    let (script, device) = Script::new(hardware);
    let mut k = FakeKernel::new(card(vec![Box::new(device)], vec![]), 0x20000);
    k.abi = Abi::Compat;
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    (script, k, file)
}

#[test]
fn writei_plays_what_a_4_byte_pointer_points_to() {
    let (script, mut k, file) = scripted(info::INTERLEAVED);
    set_up(&mut k, file, &Setup::default());
    let sound: Vec<u8> = (0..200).collect();
    k.put(BUFFER, sound.as_slice());
    let mut x = frames(100);
    assert_eq!(k.ioctl(file, compat::WRITEI_FRAMES, &mut x), Ok(0));
    assert_eq!(
        x,
        compat::XferI {
            result: 100,
            ..frames(100)
        }
    );
    let mut ring = [0_u8; 200];
    script.ring().unwrap().area.read(0, &mut ring);
    assert_eq!(ring, sound.as_slice());
}

#[test]
fn transfers_of_the_other_direction_are_einval_whatever_the_state() {
    let mut k = kernel();
    let playback = k.open(PLAYBACK, O_RDWR).unwrap();
    let capture = k.open(CAPTURE, O_RDWR).unwrap();
    for set in [false, true] {
        for (file, cmd) in [
            (playback, compat::READI_FRAMES),
            (playback, compat::READN_FRAMES),
            (capture, compat::WRITEI_FRAMES),
            (capture, compat::WRITEN_FRAMES),
        ] {
            let mut x = frames(10);
            assert_eq!(k.ioctl(file, cmd, &mut x), Err(Errno::EINVAL), "{set}");
            assert_eq!(x, frames(10));
        }
        set_up(&mut k, playback, &Setup::default());
        set_up(&mut k, capture, &Setup::default());
    }
}

#[test]
fn a_failed_transfer_leaves_the_result_as_it_was() {
    let (mut k, file) = opened();
    let mut x = frames(10);
    let open = k.ioctl(file, compat::WRITEI_FRAMES, &mut x);
    assert_eq!((open, x.result), (Err(Errno::EBADFD), -777));
    k.ioctl(file, compat::HW_PARAMS, &mut narrow_hw(&Setup::default()))
        .unwrap();
    for cmd in [compat::WRITEI_FRAMES, compat::WRITEN_FRAMES] {
        let setup = k.ioctl(file, cmd, &mut x);
        assert_eq!((setup.is_err(), x.result), (true, -777));
    }
    set_up(&mut k, file, &Setup::default());
    x.buf = 16;
    let fault = k.ioctl(file, compat::WRITEI_FRAMES, &mut x);
    assert_eq!((fault, x.result), (Err(Errno::EFAULT), -777));
}

#[test]
fn a_blocked_write_stores_its_result_at_the_end_and_nothing_before() {
    let (mut k, file) = full();
    let id = k.start_struct(file, compat::WRITEI_FRAMES, &frames(1500));
    assert!(!k.answered(id));
    assert_eq!(k.get::<compat::XferI>(ARG).result, -777);
    let answer = k.wait(id, Nanos::SECOND).unwrap();
    assert_eq!(answer, Answered::Ioctl(Ok(0), vec![]));
    assert_eq!(
        k.get::<compat::XferI>(ARG),
        compat::XferI {
            result: 1500,
            ..frames(1500)
        }
    );
}

#[test]
fn a_signal_without_progress_restarts_a_write_and_stores_nothing() {
    let (mut k, file) = full();
    let id = k.start_struct(file, compat::WRITEI_FRAMES, &frames(1500));
    k.interrupt(id);
    assert_eq!(k.now_answered(id).result(), Err(Errno::ERESTARTSYS));
    assert_eq!(k.get::<compat::XferI>(ARG), frames(1500));
}

/// The list of channels.
const LIST: u64 = BASE + 0x8000;

fn channels(frames: u32) -> compat::XferN {
    compat::XferN {
        result: -777,
        bufs: address(LIST),
        frames,
    }
}

fn noninterleaved() -> Setup {
    Setup {
        access: 4,
        channels: 2,
        period: 100,
        buffer: 400,
        ..Setup::default()
    }
}

#[test]
fn writen_reads_4_byte_pointers_and_returns_its_count() {
    let (script, mut k, file) = scripted(info::NONINTERLEAVED);
    set_up(&mut k, file, &noninterleaved());
    let left: Vec<u8> = (1..=200).collect();
    k.put(BUFFER, left.as_slice());
    script.ring().unwrap().area.fill(0, 1600, 0xff);
    k.put(LIST, &[address(BUFFER), 0, 16]);
    let mut x = channels(100);
    assert_eq!(k.ioctl(file, compat::WRITEN_FRAMES, &mut x), Ok(100));
    assert_eq!(x.result, 100);
    let mut ring = [0_u8; 1600];
    script.ring().unwrap().area.read(0, &mut ring);
    assert_eq!(&ring[..200], left.as_slice());
    assert!(ring[800..1000].iter().all(|byte| *byte == 0));
    assert!(ring[1000..].iter().all(|byte| *byte == 0xff));
}

#[test]
fn a_blocked_writen_returns_its_count_too() {
    let (_script, mut k, file) = scripted(info::NONINTERLEAVED);
    set_up(&mut k, file, &noninterleaved());
    k.put(LIST, &[address(BUFFER), address(BUFFER)]);
    k.ioctl(file, compat::WRITEN_FRAMES, &mut channels(400))
        .unwrap();
    k.ioctl_value(file, table::START, 0).unwrap();
    let id = k.start_struct(file, compat::WRITEN_FRAMES, &channels(50));
    assert!(!k.answered(id));
    k.interrupt(id);
    assert_eq!(k.now_answered(id).result(), Err(Errno::ERESTARTSYS));
    assert_eq!(k.get::<compat::XferN>(ARG), channels(50));
}

#[test]
fn readi_fills_the_buffer_and_carries_its_result_back() {
    let mut k = kernel();
    let file = k.open(CAPTURE, O_RDWR).unwrap();
    let setup = Setup {
        start_threshold: 1,
        ..Setup::default()
    };
    set_up(&mut k, file, &setup);
    k.put(BUFFER, &[0xff_u8; 3000]);
    let id = k.start_struct(file, compat::READI_FRAMES, &frames(1000));
    let answer = k.wait(id, Nanos::SECOND).unwrap();
    assert_eq!(
        answer,
        Answered::Ioctl(Ok(0), 1000_i32.to_ne_bytes().to_vec())
    );
    assert_eq!(k.get::<compat::XferI>(ARG).result, 1000);
    let got = k.get::<[u8; 3000]>(BUFFER);
    assert!(got[..2000].iter().all(|byte| *byte == 0));
    assert!(got[2000..].iter().all(|byte| *byte == 0xff));
}

// What is the same for all.

#[test]
fn structures_that_are_the_same_go_the_native_way() {
    let (mut k, file) = full();
    let mut version = 0_u32;
    k.ioctl(file, table::PVERSION, &mut version).unwrap();
    assert_eq!(version, table::VERSION);
    let mut identity = [0xff_u8; 288];
    k.ioctl(file, table::INFO, &mut identity).unwrap();
    assert_eq!(identity[224..], [0; 64]);
    assert_eq!(k.ioctl_value(file, table::HWSYNC, 0), Ok(0));
    assert_eq!(k.ioctl_value(file, table::DROP, 0), Ok(0));
    assert_eq!(k.ioctl_value(file, table::HW_FREE, 0), Ok(0));
    assert_eq!(wide_status(&mut k, file).state, 0);
}

#[test]
fn a_64_bit_client_of_a_stream_set_up_by_a_32_bit_one_sees_its_parameters() {
    let (mut k, file) = prepared();
    let shared = k.open(PLAYBACK, O_RDWR | O_APPEND).unwrap();
    assert_eq!(wide_status(&mut k, shared).state, 2);
    let mut wide = HwParams::read_from_bytes(hw_params(&Setup::default()).as_bytes()).unwrap();
    as_native(&mut k, |k| k.ioctl(shared, table::HW_REFINE, &mut wide)).unwrap();
    let mut sw = SwParams::new_zeroed();
    sw.avail_min = 1;
    (sw.silence_size, sw.silence_threshold) = (u64::from(BOUNDARY), 0);
    as_native(&mut k, |k| k.ioctl(shared, table::SW_PARAMS, &mut sw)).unwrap();
    assert_eq!(k.ioctl_value(file, table::DROP, 0), Ok(0));
}
