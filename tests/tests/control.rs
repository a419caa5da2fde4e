//! The control device over a real mount: what only shows between two processes and a kernel. Waiting for events, what
//! lies beyond an ioctl number's size, elements that clients define.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use cuse_pcm_tests::client::PcmClient;
use cuse_pcm_tests::harness::{served_kinds, wait_until};
use cuse_pcm_tests::served::Served;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use uapi::Errno;
use uapi::control::elem::{
    ElemId, ElemInfo, ElemList, ElemValue, Event, access, elem_type, event, iface,
};
use uapi::control::table as cmd;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

fn open(served: &Served, flags: i32) -> PcmClient {
    PcmClient::open(&served.node("controlC0"), flags).unwrap()
}

fn errno<T: std::fmt::Debug>(result: std::io::Result<T>) -> Errno {
    Errno(result.unwrap_err().raw_os_error().unwrap())
}

fn numid(numid: u32) -> ElemId {
    ElemId {
        numid,
        ..ElemId::new_zeroed()
    }
}

fn subscribe(client: &PcmClient) {
    client.call_on(cmd::SUBSCRIBE_EVENTS, &mut 1i32).unwrap();
}

fn set(client: &PcmClient, id: ElemId, values: &[i64]) {
    let mut value = ElemValue::new_zeroed();
    value.id = id;
    value.value.integer_mut()[..values.len()].copy_from_slice(values);
    client.call_on(cmd::ELEM_WRITE, &mut value).unwrap();
}

/// One read(2) of at most `events` events, as (number, mask).
fn read(client: &PcmClient, events: usize) -> std::io::Result<Vec<(u32, u32)>> {
    let mut bytes = vec![0; events * size_of::<Event>()];
    let length = client.file().read(&mut bytes)?;
    let event = |bytes: &[u8]| Event::read_from_bytes(bytes).unwrap();
    let events = bytes[..length].chunks(size_of::<Event>()).map(event);
    Ok(events.map(|e| (e.id.numid, e.mask)).collect())
}

/// The events that poll tells within `limit`.
fn polled(client: &PcmClient, limit: Duration) -> PollFlags {
    let mut fds = [PollFd::new(client.file(), PollFlags::IN)];
    let limit = Timespec::try_from(limit).unwrap();
    poll(&mut fds, Some(&limit)).unwrap();
    fds[0].revents()
}

#[test]
fn a_reader_and_a_poller_wait_for_what_another_file_changes() {
    for kind in served_kinds() {
        let served = Served::start(kind);
        let (reader, poller, writer) = (open(&served, 0), open(&served, 0), open(&served, 0));
        subscribe(&reader);
        subscribe(&poller);
        assert_eq!(polled(&poller, Duration::ZERO), PollFlags::empty());
        let start = Instant::now();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| (read(&reader, 4).unwrap(), start.elapsed()));
            let asleep =
                scope.spawn(|| (polled(&poller, Duration::from_secs(10)), start.elapsed()));
            thread::sleep(Duration::from_millis(200));
            set(&writer, numid(2), &[0, 1]);
            let (events, waited) = waiting.join().unwrap();
            assert_eq!(events, [(2, event::MASK_VALUE)], "{kind:?}");
            assert!(waited >= Duration::from_millis(200), "{kind:?}: {waited:?}");
            let (ready, waited) = asleep.join().unwrap();
            assert!(ready.contains(PollFlags::IN), "{kind:?}: {ready:?}");
            assert!(waited < Duration::from_secs(5), "{kind:?}: {waited:?}");
        });
    }
}

#[test]
fn reading_without_events_depends_on_subscription_and_the_current_flag() {
    let served = Served::start(&[]);
    let client = open(&served, libc::O_NONBLOCK);
    assert_eq!(errno(read(&client, 1)), Errno::EBADFD);
    subscribe(&client);
    assert_eq!(errno(read(&client, 1)), Errno::EAGAIN);
    let mut short = [0; 71];
    assert_eq!(errno(client.file().read(&mut short)), Errno::EINVAL);
}

#[test]
fn a_bad_list_address_is_efault_and_devices_are_numbered_from_minus_one() {
    for kind in served_kinds() {
        let served = Served::start(kind);
        let client = open(&served, 0);
        let mut list = ElemList::new_zeroed();
        (list.space, list.pids) = (4, 8);
        let result = client.call_on(cmd::ELEM_LIST, &mut list);
        assert_eq!(errno(result), Errno::EFAULT, "{kind:?}");
        let devices = [-1i32, 0].map(|mut device| {
            client.call_on(cmd::PCM_NEXT_DEVICE, &mut device).unwrap();
            device
        });
        assert_eq!(devices, [0, -1], "{kind:?}");
    }
}

/// A TLV header with its payload.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Tlv {
    numid: u32,
    length: u32,
    payload: [u32; 6],
}

#[test]
fn a_client_defines_a_set_of_choices_for_others() {
    for kind in served_kinds() {
        let served = Served::start(kind);
        let (owner, other) = (open(&served, 0), open(&served, 0));
        subscribe(&other);
        let names = b"red\0green\0blue\0";
        let mut info = ElemInfo::new_zeroed();
        info.id.iface = iface::MIXER;
        info.id.name[..6].copy_from_slice(b"Colour");
        (info.elem_type, info.count, info.owner) = (elem_type::ENUMERATED, 2, 300);
        info.access = access::READWRITE | access::TLV_WRITE;
        let items = info.value.enumerated_mut();
        (items.items, items.names_length) = (3, 15);
        items.names_ptr = names.as_ptr() as u64;
        owner.call_on(cmd::ELEM_ADD, &mut info).unwrap();
        let first = info.id.numid;
        let told = read(&other, 1000).unwrap();
        let want: Vec<_> = (first..first + 300)
            .map(|id| (id, event::MASK_ADD))
            .collect();
        assert_eq!(told, want, "{kind:?}");

        let mut seen = ElemInfo::new_zeroed();
        seen.id = numid(first + 299);
        seen.value.enumerated_mut().item = 1;
        other.call_on(cmd::ELEM_INFO, &mut seen).unwrap();
        assert_eq!(&seen.value.enumerated().name[..6], b"green\0", "{kind:?}");
        assert_eq!(
            seen.owner,
            i32::try_from(std::process::id()).unwrap(),
            "{kind:?}"
        );

        let mut tlv = Tlv {
            numid: first,
            length: 24,
            payload: [9, 8, 7, 6, 5, 4],
        };
        assert_eq!(
            errno(other.call_on(cmd::TLV_WRITE, &mut tlv)),
            Errno::EPERM,
            "{kind:?}"
        );
        assert_eq!(
            owner.call_on(cmd::TLV_WRITE, &mut tlv).unwrap(),
            1,
            "{kind:?}"
        );
        let mut back = Tlv {
            payload: [0; 6],
            ..tlv
        };
        assert_eq!(
            other.call_on(cmd::TLV_READ, &mut back).unwrap(),
            0,
            "{kind:?}"
        );
        assert_eq!(back, tlv, "{kind:?}");

        // Its owner gone, the set stays, without a lock. On cached pages several readers serve a mount, and one may bring
        // the next call before another one brings the close.
        drop(owner);
        wait_until("the lock is gone", Duration::from_secs(2), || {
            other.call_on(cmd::ELEM_REMOVE, &mut numid(first)).is_ok()
        });
        assert_eq!(
            errno(other.call_on(cmd::ELEM_INFO, &mut seen)),
            Errno::ENOENT,
            "{kind:?}"
        );
    }
}
