//! What the files of a card do beyond one call on one descriptor: waiting, signals, sharing, opening, polling.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use cuse_pcm::request::{FileHandle, Node, Operation, PollHandle};
use cuse_pcm_tests::fake_kernel::{ARG, Answered, BASE, BUFFER, FakeKernel};
use cuse_pcm_tests::oracle_device::{Grain, OracleDevice};
use cuse_pcm_tests::oracle_hardware::hardware;
use cuse_pcm_tests::virtual_client::{
    CAPTURE, O_APPEND, O_NONBLOCK, O_RDWR, PLAYBACK, Setup, card, frames, hw_params, prepare,
};
use hw_backends::hardware::{Hardware, info};
use hw_backends::ops::PcmOps;
use hw_backends::testing::Script;
use hw_backends::units::Nanos;
use uapi::Errno;
use uapi::compat::pcm::{STATUS_T32, SYNC_PTR_T32, StatusT32, SyncPtrT32};
use uapi::control::elem::ElemInfo;
use uapi::control::table as control;
use uapi::pcm::{HwParams, Status, SwParams, SyncPtr, XferI, XferN, table};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

const POLLOUT: u32 = 0x104;
const SECOND: Nanos = Nanos::SECOND;

fn dummy(node: &str) -> Box<dyn PcmOps> {
    Box::new(OracleDevice::new(hardware(node), Grain::Jiffies))
}

/// A card with this many playback and capture substreams.
fn kernel(playback: usize, capture: usize) -> FakeKernel {
    let some = |node: &str, n| (0..n).map(|_| dummy(node)).collect();
    FakeKernel::new(
        card(some("pcmC0D0p", playback), some("pcmC0D0c", capture)),
        0x20000,
    )
}

/// A prepared playback that never starts by itself.
fn prepared() -> (FakeKernel, FileHandle) {
    let mut k = kernel(1, 1);
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    prepare(&mut k, file, &Setup::default());
    (k, file)
}

/// A playback that runs with a full ring.
fn full() -> (FakeKernel, FileHandle) {
    let (mut k, file) = prepared();
    k.ioctl(file, table::WRITEI_FRAMES, &mut frames(16000))
        .unwrap();
    k.ioctl_value(file, table::START, 0).unwrap();
    (k, file)
}

fn result(k: &FakeKernel) -> i64 {
    k.get::<XferI>(ARG).result
}

fn state(k: &mut FakeKernel, file: FileHandle) -> i32 {
    let mut status = Status::new_zeroed();
    k.ioctl(file, table::STATUS, &mut status).unwrap();
    status.state
}

// Waiting.

#[test]
fn a_blocked_write_goes_on_at_the_period_and_returns_all() {
    let (mut k, file) = full();
    let id = k.start_struct(file, table::WRITEI_FRAMES, &frames(1500));
    assert!(!k.answered(id));
    k.advance(Nanos(100_000_000));
    assert!(!k.answered(id), "no period has elapsed");
    let from = k.now().monotonic;
    let answer = k.wait(id, SECOND).expect("two periods make room");
    assert_eq!(answer, Answered::Ioctl(Ok(0), vec![]));
    assert_eq!(result(&k), 1500);
    assert!(
        k.now().monotonic.since(from).0 >= 140_000_000,
        "the second period has to elapse"
    );
    assert_eq!(k.files.parked_requests(), 0);
}

#[test]
fn while_a_write_is_blocked_its_result_reads_0() {
    let (mut k, file) = full();
    let _id = k.start_struct(file, table::WRITEI_FRAMES, &frames(10));
    assert_eq!(result(&k), 0);
}

#[test]
fn a_signal_ends_a_write_without_progress_for_a_restart() {
    let (mut k, file) = full();
    let id = k.start_struct(file, table::WRITEI_FRAMES, &frames(1500));
    k.interrupt(id);
    assert_eq!(k.now_answered(id).result(), Err(Errno::ERESTARTSYS));
    assert_eq!(result(&k), -512);
}

#[test]
fn a_signal_leaves_a_partial_count() {
    let (mut k, file) = full();
    let id = k.start_struct(file, table::WRITEI_FRAMES, &frames(1500));
    k.advance(Nanos(130_000_000));
    assert!(!k.answered(id));
    k.interrupt(id);
    assert_eq!(k.now_answered(id).result(), Ok(0));
    assert_eq!(result(&k), 1024, "a period elapses at a timer tick");
}

#[test]
fn a_signal_that_overtakes_its_request_ends_it_at_once() {
    let (mut k, file) = full();
    let next = k.next_id();
    k.interrupt(next);
    let id = k.start_struct(file, table::WRITEI_FRAMES, &frames(1500));
    assert_eq!(id, next);
    assert_eq!(k.now_answered(id).result(), Err(Errno::ERESTARTSYS));
}

#[test]
fn a_signal_ends_write_2_and_open_with_eintr() {
    let (mut k, file) = full();
    let write = k.start_write(file, &[0; 20], O_RDWR);
    k.interrupt(write);
    assert_eq!(k.now_answered(write), Answered::Failed(Errno::EINTR));
    let open = k.start_open(PLAYBACK, O_RDWR);
    k.interrupt(open);
    assert_eq!(k.now_answered(open), Answered::Failed(Errno::EINTR));
}

#[test]
fn an_xrun_wakes_a_blocked_write_with_epipe() {
    let (mut k, file) = full();
    let id = k.start_struct(file, table::WRITEI_FRAMES, &frames(10));
    k.ioctl_value_elsewhere(file, table::XRUN, 0).unwrap();
    assert_eq!(k.now_answered(id).result(), Err(Errno::EPIPE));
    assert_eq!(result(&k), -32);
}

#[test]
fn a_paused_write_has_no_time_out_and_goes_on_after_the_release() {
    let mut k = FakeKernel::new(
        card(
            vec![Box::new(OracleDevice::new(
                hardware("pcmC7D0p"),
                Grain::Micros,
            ))],
            vec![],
        ),
        0x20000,
    );
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    prepare(&mut k, file, &Setup::default());
    k.ioctl(file, table::WRITEI_FRAMES, &mut frames(16000))
        .unwrap();
    k.ioctl_value(file, table::START, 0).unwrap();
    let id = k.start_struct(file, table::WRITEI_FRAMES, &frames(1500));
    k.ioctl_value_elsewhere(file, table::PAUSE, 1).unwrap();
    assert_eq!(k.wait(id, Nanos(60 * SECOND.0)), None);
    k.ioctl_value_elsewhere(file, table::PAUSE, 0).unwrap();
    assert_eq!(
        k.wait(id, SECOND).expect("the stream goes on").result(),
        Ok(0)
    );
    assert_eq!(result(&k), 1500);
}

#[test]
fn a_blocked_write_2_keeps_its_bytes() {
    let (script, device) = Script::new(hardware("pcmC0D0p"));
    let mut k = FakeKernel::new(card(vec![Box::new(device)], vec![]), 0x20000);
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    prepare(&mut k, file, &Setup::default());
    k.ioctl(file, table::WRITEI_FRAMES, &mut frames(16000))
        .unwrap();
    k.ioctl_value(file, table::START, 0).unwrap();
    let data: Vec<u8> = (0..40).collect();
    let id = k.start_write(file, &data, O_RDWR);
    drop(data);
    assert!(!k.answered(id));
    script.set_position(1000);
    k.ioctl_value(file, table::HWSYNC, 0).unwrap();
    assert_eq!(k.now_answered(id), Answered::Written(40));
    let mut ring = [0; 40];
    script.ring().unwrap().area.read(0, &mut ring);
    assert_eq!(ring.to_vec(), (0..40).collect::<Vec<u8>>());
}

#[test]
fn a_released_file_leaves_no_request_behind() {
    let (mut k, file) = full();
    let id = k.start_struct(file, table::WRITEI_FRAMES, &frames(10));
    k.release(file);
    assert_eq!(k.now_answered(id).result(), Err(Errno::EBADFD));
    assert_eq!((k.files.parked_requests(), k.files.open_files()), (0, 0));
    assert_eq!(k.files.next_deadline(), None);
}

#[test]
fn a_write_into_endless_room_lets_others_in_and_ends_by_a_signal() {
    let (mut k, file) = prepared();
    let mut pointers = SyncPtr::new_zeroed();
    (pointers.control.appl_ptr, pointers.control.avail_min) = (16001, 1000);
    k.ioctl(file, table::SYNC_PTR, &mut pointers).unwrap();
    let endless = XferI {
        result: 0,
        buf: 0,
        frames: u64::MAX / 4,
    };
    let id = k.start_struct(file, table::WRITEI_FRAMES, &endless);
    assert!(!k.answered(id));
    assert_eq!(
        k.poll(file, POLLOUT, None),
        Answered::Ready(POLLOUT),
        "others are served"
    );
    k.advance(Nanos(10_000_000));
    k.interrupt(id);
    assert_eq!(k.now_answered(id).result(), Ok(0));
    assert!(result(&k) > 10 * 0x1_0000, "it went on: {}", result(&k));
}

// O_NONBLOCK (§2.4).

#[test]
fn fcntl_changes_a_write_only_from_prepare_on() {
    let mut k = kernel(1, 0);
    let file = k.open(PLAYBACK, O_RDWR | O_NONBLOCK).unwrap();
    k.memory.set_flags(Some(O_RDWR | O_NONBLOCK));
    prepare(&mut k, file, &Setup::default());
    k.ioctl(file, table::WRITEI_FRAMES, &mut frames(16000))
        .unwrap();
    k.memory.set_flags(Some(O_RDWR));
    let again = k.ioctl(file, table::WRITEI_FRAMES, &mut frames(10));
    assert_eq!(again, Err(Errno::EAGAIN), "the old flag counts");
    k.ioctl_value(file, table::PREPARE, 0).unwrap();
    k.ioctl(file, table::WRITEI_FRAMES, &mut frames(16000))
        .unwrap();
    let id = k.start_struct(file, table::WRITEI_FRAMES, &frames(10));
    assert!(!k.answered(id), "now it waits");
}

#[test]
fn drain_looks_at_the_flags_of_the_moment() {
    let (mut k, file) = full();
    k.memory.set_flags(Some(O_RDWR | O_NONBLOCK));
    assert_eq!(k.ioctl_value(file, table::DRAIN, 0), Err(Errno::EAGAIN));
    k.memory.set_flags(Some(O_RDWR));
    let id = k.start_ioctl(file, table::DRAIN, 0);
    assert_eq!(
        k.wait(id, Nanos(3 * SECOND.0))
            .expect("2 s are queued")
            .result(),
        Ok(0)
    );
    assert_eq!(state(&mut k, file), 1);
}

#[test]
fn where_flags_cannot_be_found_out_drain_takes_those_of_the_open() {
    let mut k = kernel(1, 0);
    let file = k.open(PLAYBACK, O_RDWR | O_NONBLOCK).unwrap();
    prepare(&mut k, file, &Setup::default());
    assert_eq!(k.ioctl_value(file, table::DRAIN, 0), Err(Errno::EAGAIN));
}

// Opening (§2.1, §2.3, §2.5).

#[test]
fn the_third_open_of_two_substreams_is_busy_or_waits_for_a_close() {
    let mut k = kernel(2, 1);
    let first = k.open(PLAYBACK, O_RDWR).unwrap();
    let _second = k.open(PLAYBACK, O_RDWR).unwrap();
    assert_eq!(k.open(PLAYBACK, O_RDWR | O_NONBLOCK), Err(Errno::EBUSY));
    let third = k.start_open(PLAYBACK, O_RDWR);
    k.advance(Nanos(100 * SECOND.0));
    assert!(!k.answered(third), "an open has no time-out");
    k.release(first);
    assert!(matches!(k.now_answered(third), Answered::Opened(_)));
}

#[test]
fn nodes_and_directions_that_do_not_exist_are_enodev() {
    let mut k = kernel(1, 0);
    assert_eq!(k.open(CAPTURE, O_RDWR), Err(Errno::ENODEV));
    let direction = hw_backends::units::Direction::Playback;
    assert_eq!(
        k.open(
            Node::Pcm {
                device: 1,
                direction
            },
            O_RDWR
        ),
        Err(Errno::ENODEV)
    );
}

#[test]
fn an_open_for_append_shares_one_stream_until_the_last_close() {
    let mut k = kernel(1, 0);
    assert_eq!(
        k.open(PLAYBACK, O_RDWR | O_APPEND),
        Err(Errno::EBADFD),
        "nothing to share"
    );
    let first = k.open(PLAYBACK, O_RDWR).unwrap();
    let sharing = k.start_open(PLAYBACK, O_RDWR | O_APPEND);
    let Answered::Shared(second, with) = k.now_answered(sharing) else {
        panic!("whose memory it is has to be said");
    };
    assert_eq!(with, first);
    prepare(&mut k, first, &Setup::default());
    assert_eq!(state(&mut k, second), 2);
    k.release(first);
    assert_eq!(state(&mut k, second), 2, "close only drops a reference");
    k.release(second);
    let fresh = k.open(PLAYBACK, O_RDWR).unwrap();
    assert_eq!(state(&mut k, fresh), 0);
}

#[test]
fn an_open_for_append_has_to_name_one_of_several_substreams() {
    let mut k = kernel(2, 0);
    let _first = k.open(PLAYBACK, O_RDWR).unwrap();
    assert_eq!(k.open(PLAYBACK, O_RDWR | O_APPEND), Err(Errno::EINVAL));
    let control = k.open(Node::Control, O_RDWR).unwrap();
    let mut open = |subdevice: i32| {
        k.ioctl(
            control,
            control::PCM_PREFER_SUBDEVICE,
            &mut subdevice.clone(),
        )
        .unwrap();
        k.open(PLAYBACK, O_RDWR | O_APPEND)
    };
    assert_eq!(open(7), Err(Errno::ENODEV));
    assert_eq!(open(1), Err(Errno::EBADFD));
    assert_eq!(open(-2), Err(Errno::EINVAL));
    assert!(open(0).is_ok());
}

fn subdevice(k: &mut FakeKernel, file: FileHandle) -> u32 {
    let mut info = uapi::pcm::Info::new_zeroed();
    k.ioctl(file, table::INFO, &mut info).unwrap();
    info.subdevice
}

#[test]
fn a_thread_gets_the_subdevice_it_prefers_until_it_closes_its_control_file() {
    let mut k = kernel(3, 0);
    let control = k.open(Node::Control, O_RDWR).unwrap();
    k.ioctl(control, control::PCM_PREFER_SUBDEVICE, &mut 2_i32)
        .unwrap();
    let preferred = k.open(PLAYBACK, O_RDWR).unwrap();
    assert_eq!(subdevice(&mut k, preferred), 2);
    assert_eq!(
        k.open(PLAYBACK, O_RDWR | O_NONBLOCK),
        Err(Errno::EBUSY),
        "it is taken"
    );
    k.caller.tid += 1;
    let other = k.open(PLAYBACK, O_RDWR).unwrap();
    assert_eq!(
        subdevice(&mut k, other),
        0,
        "another thread has no preference"
    );
    k.caller.tid -= 1;
    k.release(control);
    let last = k.open(PLAYBACK, O_RDWR).unwrap();
    assert_eq!(subdevice(&mut k, last), 1);
}

#[test]
fn one_direction_of_a_half_duplex_device_makes_the_other_busy() {
    let mut half = card(vec![dummy("pcmC0D0p")], vec![dummy("pcmC0D0c")]);
    half.devices[0].half_duplex = true;
    let mut k = FakeKernel::new(half, 0x1000);
    let playback = k.open(PLAYBACK, O_RDWR).unwrap();
    assert_eq!(k.open(CAPTURE, O_RDWR | O_NONBLOCK), Err(Errno::EBUSY));
    let capture = k.start_open(CAPTURE, O_RDWR);
    k.release(playback);
    assert!(matches!(k.now_answered(capture), Answered::Opened(_)));
}

// poll (§3.5).

#[test]
fn a_period_wakes_a_poller_once() {
    let (mut k, file) = full();
    assert_eq!(
        k.poll(file, POLLOUT, Some(PollHandle(7))),
        Answered::Ready(0)
    );
    k.advance(Nanos(120_000_000));
    assert_eq!(k.take_wakes(), vec![]);
    k.advance(Nanos(10_000_000));
    assert_eq!(k.take_wakes(), vec![PollHandle(7)]);
    assert_eq!(k.poll(file, POLLOUT, None), Answered::Ready(POLLOUT));
    k.advance(Nanos(200_000_000));
    assert_eq!(k.take_wakes(), vec![], "nobody sleeps");
}

#[test]
fn drop_wakes_every_sharing_poller() {
    let (mut k, file) = full();
    let sharing = k.open(PLAYBACK, O_RDWR | O_APPEND).unwrap();
    k.poll(file, POLLOUT, Some(PollHandle(1)));
    k.poll(sharing, POLLOUT, Some(PollHandle(2)));
    k.ioctl_value(file, table::DROP, 0).unwrap();
    assert_eq!(k.take_wakes(), vec![PollHandle(1), PollHandle(2)]);
}

#[test]
fn a_blocked_writer_starves_pollers() {
    let (mut k, file) = full();
    k.poll(file, POLLOUT, Some(PollHandle(1)));
    let id = k.start_struct(file, table::WRITEI_FRAMES, &frames(4000));
    k.advance(Nanos(300_000_000));
    assert!(!k.answered(id));
    assert_eq!(k.take_wakes(), vec![]);
}

// Where data and results go (§1.8).

#[test]
fn readi_on_a_playback_file_plays() {
    let (mut k, file) = prepared();
    let mut x = frames(100);
    assert_eq!(k.ioctl(file, table::READI_FRAMES, &mut x), Ok(0));
    assert_eq!(x.result, 100);
    let mut delay = 0_i64;
    k.ioctl(file, table::DELAY, &mut delay).unwrap();
    assert_eq!(delay, 100);
}

#[test]
fn samples_the_client_does_not_have_are_efault() {
    let (mut k, file) = prepared();
    let mut x = XferI {
        buf: 16,
        ..frames(100)
    };
    assert_eq!(
        k.ioctl(file, table::WRITEI_FRAMES, &mut x),
        Err(Errno::EFAULT)
    );
    assert_eq!(x.result, -14);
}

#[test]
fn a_write_without_a_buffer_is_silence_and_a_read_without_one_is_einval() {
    let (mut k, file) = prepared();
    let mut x = XferI {
        buf: 0,
        ..frames(100)
    };
    assert_eq!(k.ioctl(file, table::WRITEI_FRAMES, &mut x), Ok(0));
    assert_eq!(x.result, 100);
    let capture = k.open(CAPTURE, O_RDWR).unwrap();
    prepare(&mut k, capture, &Setup::default());
    assert_eq!(
        k.ioctl(capture, table::READI_FRAMES, &mut x),
        Err(Errno::EINVAL)
    );
}

fn scripted(info: u32) -> (Script, FakeKernel, FileHandle) {
    let hardware = Hardware {
        info,
        ..hardware("pcmC0D0p")
    };
    let (script, device) = Script::new(hardware);
    let mut k = FakeKernel::new(card(vec![Box::new(device)], vec![]), 0x20000);
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    (script, k, file)
}

#[test]
fn writen_puts_each_channel_in_its_part_of_the_ring_and_a_null_one_is_silent() {
    let (script, mut k, file) = scripted(info::NONINTERLEAVED);
    let setup = Setup {
        access: 4,
        channels: 2,
        period: 100,
        buffer: 400,
        ..Setup::default()
    };
    prepare(&mut k, file, &setup);
    let left: Vec<u8> = (1..=200).collect();
    k.put(BUFFER, left.as_slice());
    script.ring().unwrap().area.fill(0, 1600, 0xff);
    k.put(BASE + 0x8000, &[BUFFER, 0_u64]);
    let mut x = XferN {
        result: -777,
        bufs: BASE + 0x8000,
        frames: 100,
    };
    assert_eq!(k.ioctl(file, table::WRITEN_FRAMES, &mut x), Ok(0));
    assert_eq!(x.result, 100);
    let mut ring = [0_u8; 1600];
    script.ring().unwrap().area.read(0, &mut ring);
    assert_eq!(&ring[..200], left.as_slice());
    assert!(ring[200..800].iter().all(|byte| *byte == 0xff));
    assert!(ring[800..1000].iter().all(|byte| *byte == 0));
    assert!(ring[1000..].iter().all(|byte| *byte == 0xff));
}

#[test]
fn a_list_of_channels_the_client_does_not_have_is_efault_before_anything_else() {
    let (mut k, file) = prepared();
    let mut x = XferN {
        result: -777,
        bufs: 16,
        frames: 100,
    };
    assert_eq!(
        k.ioctl(file, table::WRITEN_FRAMES, &mut x),
        Err(Errno::EFAULT)
    );
    assert_eq!(x.result, 0);
}

#[test]
fn a_turn_of_many_channels_moves_fewer_frames() {
    const CHANNELS: u32 = 64;
    let (_script, device) = Script::new(Hardware {
        info: info::NONINTERLEAVED,
        channels_max: CHANNELS,
        ..hardware("pcmC0D0p")
    });
    let mut k = FakeKernel::new(card(vec![Box::new(device)], vec![]), 0x20000);
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    let setup = Setup {
        access: 4,
        channels: CHANNELS,
        period: 16,
        buffer: 32,
        ..Setup::default()
    };
    prepare(&mut k, file, &setup);
    let mut pointers = SyncPtr::new_zeroed();
    pointers.control.appl_ptr = 33;
    k.ioctl(file, table::SYNC_PTR, &mut pointers).unwrap();
    let silence = XferN {
        result: 0,
        bufs: BASE + 0x8000,
        frames: u64::MAX / 4,
    };
    let id = k.start_struct(file, table::WRITEN_FRAMES, &silence);
    k.interrupt(id);
    assert_eq!(k.now_answered(id).result(), Ok(0));
    let moved = k.get::<XferN>(ARG).result;
    assert!((1..=2048).contains(&moved), "{moved}");
}

#[test]
fn a_read_2_that_waits_while_frames_become_larger_gets_no_more_than_it_asked_for() {
    let mut k = kernel(0, 1);
    let capture = k.open(CAPTURE, O_RDWR).unwrap();
    prepare(&mut k, capture, &Setup::default());
    let id = k.start_read(capture, 2000, O_RDWR);
    assert!(!k.answered(id));
    let stereo = Setup {
        channels: 2,
        ..Setup::default()
    };
    prepare(&mut k, capture, &stereo);
    k.ioctl_value(capture, table::START, 0).unwrap();
    let answer = k.wait(id, SECOND);
    assert_eq!(answer, Some(Answered::Failed(Errno::EFAULT)));
}

#[test]
fn write_2_and_read_2_move_the_bytes_of_whole_frames() {
    let (mut k, file) = prepared();
    let id = k.start_write(file, &[1, 2, 3, 4], O_RDWR);
    assert_eq!(k.now_answered(id), Answered::Written(4));
    let id = k.start_write(file, &[1, 2, 3], O_RDWR);
    assert_eq!(k.now_answered(id), Answered::Failed(Errno::EINVAL));
    let capture = k.open(CAPTURE, O_RDWR).unwrap();
    prepare(
        &mut k,
        capture,
        &Setup {
            start_threshold: 1,
            ..Setup::default()
        },
    );
    let id = k.start_read(capture, 3000, O_RDWR);
    let answer = k.wait(id, SECOND).expect("two periods are captured");
    assert_eq!(answer, Answered::Data(vec![0; 3000]));
}

#[test]
fn sw_params_come_back_even_when_refused() {
    let (mut k, file) = prepared();
    let id = k.start_struct(
        file,
        table::SW_PARAMS,
        &SwParams {
            tstamp_mode: 5,
            ..SwParams::new_zeroed()
        },
    );
    let Answered::Ioctl(result, bytes) = k.now_answered(id) else {
        panic!("an ioctl's answer")
    };
    assert_eq!(
        (result, bytes.len()),
        (Err(Errno::EINVAL), size_of::<SwParams>())
    );
}

#[test]
fn hw_params_come_back_only_on_success() {
    let mut k = kernel(1, 0);
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    let mut params = hw_params(&Setup {
        channels: 9,
        ..Setup::default()
    });
    let before = params;
    assert_eq!(
        k.ioctl(file, table::HW_PARAMS, &mut params),
        Err(Errno::EINVAL)
    );
    assert_eq!(params.as_bytes(), before.as_bytes());
}

#[test]
fn the_old_structure_gets_the_same_answer_as_the_new_one() {
    let mut k = kernel(1, 0);
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    let mut new = hw_params(&Setup::default());
    let mut old = [0_u32; 64];
    for (to, mask) in old[1..4].iter_mut().zip(&new.masks) {
        *to = mask.bits[0];
    }
    for (to, from) in old[4..40].chunks_mut(3).zip(&new.intervals) {
        to.copy_from_slice(&[from.min, from.max, from.flags]);
    }
    old[40] = u32::MAX;
    k.ioctl(file, table::HW_REFINE, &mut new).unwrap();
    k.ioctl(file, table::HW_REFINE_OLD, &mut old).unwrap();
    let intervals = HwParams::read_from_bytes(new.as_bytes()).unwrap().intervals;
    for (old, new) in old[4..40].chunks(3).zip(intervals) {
        assert_eq!(old, [new.min, new.max, new.flags]);
    }
    assert_eq!(old[42], new.info);
}

#[test]
fn structures_of_32_bit_time_are_taken_from_64_bit_clients() {
    let (mut k, file) = full();
    let mut status = StatusT32::new_zeroed();
    k.ioctl(file, STATUS_T32, &mut status).unwrap();
    assert_eq!((status.state, status.appl_ptr), (3, 16000));
    let mut narrow = SyncPtrT32::new_zeroed();
    narrow.flags = SyncPtr::APPL | SyncPtr::AVAIL_MIN;
    k.ioctl(file, SYNC_PTR_T32, &mut narrow).unwrap();
    assert_eq!(
        (narrow.control.appl_ptr, narrow.control.avail_min),
        (16000, 1000)
    );
    assert_eq!(narrow.status.state, 3);
}

// The control node.

#[test]
fn a_read_of_events_waits_for_one() {
    let mut k = kernel(1, 0);
    let reader = k.open(Node::Control, O_RDWR).unwrap();
    k.ioctl(reader, control::SUBSCRIBE_EVENTS, &mut 1_i32)
        .unwrap();
    let id = k.start_read(reader, 72, O_RDWR | O_NONBLOCK);
    assert_eq!(k.now_answered(id), Answered::Failed(Errno::EAGAIN));
    k.poll(reader, 0x41, Some(PollHandle(3)));
    let id = k.start_read(reader, 72, O_RDWR);
    assert!(!k.answered(id));
    let writer = k.open(Node::Control, O_RDWR).unwrap();
    let mut element = ElemInfo::new_zeroed();
    element.id.name[..4].copy_from_slice(b"Name");
    (element.id.iface, element.elem_type, element.count) = (2, 1, 1);
    k.ioctl(writer, control::ELEM_ADD, &mut element).unwrap();
    let Answered::Data(event) = k.now_answered(id) else {
        panic!("an event")
    };
    assert_eq!(event.len(), 72);
    assert_eq!(k.take_wakes(), vec![PollHandle(3)]);
}

// Removal (§3.6).

#[test]
fn the_cards_removal_answers_everybody() {
    let mut k = kernel(2, 0);
    let file = k.open(PLAYBACK, O_RDWR).unwrap();
    let draining = k.open(PLAYBACK, O_RDWR).unwrap();
    for file in [file, draining] {
        prepare(&mut k, file, &Setup::default());
        k.ioctl(file, table::WRITEI_FRAMES, &mut frames(16000))
            .unwrap();
        k.ioctl_value(file, table::START, 0).unwrap();
    }
    let write = k.start_struct(file, table::WRITEI_FRAMES, &frames(10));
    let drain = k.start_ioctl(draining, table::DRAIN, 0);
    let open = k.start_open(PLAYBACK, O_RDWR);
    k.poll(file, POLLOUT, Some(PollHandle(1)));
    let now = k.now();
    k.files.disconnect(&now);
    assert_eq!(k.now_answered(write).result(), Err(Errno::EBADFD));
    assert_eq!(k.now_answered(drain).result(), Err(Errno::ENODEV));
    assert_eq!(k.now_answered(open), Answered::Failed(Errno::ENODEV));
    assert_eq!(k.take_wakes(), vec![PollHandle(1)]);
    assert_eq!(k.ioctl_value(file, table::DROP, 0), Err(Errno::ENODEV));
    assert_eq!(k.poll(file, 0x20, None), Answered::Ready(0x28));
    assert_eq!(k.open(PLAYBACK, O_RDWR), Err(Errno::ENODEV));
    let id = k.start_write(file, &[0; 2], O_RDWR);
    assert_eq!(k.now_answered(id), Answered::Failed(Errno::ENODEV));
    k.release(file);
    k.release(draining);
    assert_eq!(k.files.open_files(), 0);
}

#[test]
fn a_file_that_is_not_open_is_ebadf() {
    let mut k = kernel(1, 0);
    let id = k.send(Operation::Poll {
        file: FileHandle(99),
        events: 0,
        wake: None,
    });
    assert_eq!(k.now_answered(id), Answered::Failed(Errno::EBADF));
    assert_eq!(
        k.ioctl_value(FileHandle(99), table::DROP, 0),
        Err(Errno::EBADF)
    );
}
