//! The mounts, as clients see them, with no card behind. Needs root (mounting, passthrough).
#![allow(
    unsafe_code,
    reason = "ioctl and mmap are called as any client calls them"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod node;
mod service;

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cuse_pcm::request::Node;
use cuse_pcm::transport::mount::MapKind;

use node::{Open, PLAYBACK, Served, both};
use service::*;

const STATUS: [u64; 2] = [0x8000_0000, 0x8200_0000];
const CONTROL: [u64; 2] = [0x8100_0000, 0x8300_0000];

#[test]
fn the_directory_lists_the_nodes_as_files_for_everyone() {
    let served = Served::new(MapKind::Passthrough);
    let mut names: Vec<_> = std::fs::read_dir(served.folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["controlC0", "pcmC0D0p"]);
    let about = std::fs::metadata(served.path("pcmC0D0p")).unwrap();
    assert_eq!(about.mode(), 0o100_666);
    assert!(about.size() >= 0x8400_0000);
    let gone = std::fs::metadata(served.path("pcmC0D0c"));
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(std::fs::write(served.path("new"), "").is_err());
    assert!(std::fs::remove_file(served.path("pcmC0D0p")).is_err());
}

#[test]
fn an_open_reaches_the_card_with_its_node() {
    let fake = Fake::default();
    let nodes: node::Nodes = Arc::clone(&fake.nodes);
    let served = Served::with(MapKind::Passthrough, vec![Box::new(fake)]);
    let _a = served.open("pcmC0D0p");
    let _b = served.open("controlC0");
    assert_eq!(*nodes.lock().unwrap(), [PLAYBACK, Node::Control]);
}

#[test]
fn a_refused_open_gives_the_cards_errno_and_can_be_repeated() {
    both(|served| {
        for _ in 0..3 {
            let refused = Open::new(served.path("pcmC0D0p"), libc::O_SYNC);
            assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EBUSY));
        }
        served.open("pcmC0D0p");
    });
}

#[test]
fn ioctl_carries_numbers_bytes_and_errors_with_bytes() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        assert_eq!(open.word(NUMBER, 0).unwrap(), 12345);
        let mut bytes = *b"abcdefgh";
        assert_eq!(open.bytes(REVERSE, &mut bytes).unwrap(), 0);
        assert_eq!(&bytes, b"hgfedcba");
        let error = open.bytes(ERROR_WITH_BYTES, &mut bytes).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADFD));
        assert_eq!(&bytes, b"\x01\x02\x03\x04dcba");
        let unknown = open.word(0x4101, 0).unwrap_err();
        assert_eq!(unknown.raw_os_error(), Some(libc::ENOTTY));
    });
}

#[test]
fn read_and_write_carry_bytes_and_flags() {
    both(|served| {
        let open = Open::new(served.path("pcmC0D0p"), libc::O_NONBLOCK).unwrap();
        let nothing = (&open.file).read(&mut [0; 4]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        let much: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
        assert_eq!((&open.file).write(&much).unwrap(), much.len());
        let mut back = vec![0; much.len()];
        (&open.file).read_exact(&mut back).unwrap();
        assert!(back == much);
    });
}

#[test]
fn the_clients_memory_and_descriptor_are_reached() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        let data: Vec<u64> = (0..1000).map(|n| n * 3).collect();
        open.bytes(FETCH, &mut [data.as_ptr() as u64, 8000, 0])
            .unwrap();
        assert_eq!(open.peek(0, 999 * 8), 2997);
        let bad = open.bytes(FETCH, &mut [8u64, 8000, 0]).unwrap_err();
        assert_eq!(bad.raw_os_error(), Some(libc::EFAULT));
        assert_eq!(open.word(PROCESS, 0).unwrap(), std::process::id() as i32);
        let nonblock = |open: &Open| open.word(FLAGS, 0).unwrap() & libc::O_NONBLOCK;
        assert_eq!(nonblock(&open), 0);
        rustix::fs::fcntl_setfl(&open.file, rustix::fs::OFlags::NONBLOCK).unwrap();
        assert_ne!(nonblock(&open), 0);
    });
}

#[test]
fn ring_and_pages_are_shared_both_ways() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        assert_eq!(open.word(MAPPABLE, 0).unwrap(), 1);
        let ring = open.map(0, RING).unwrap();
        open.poke(0, 40_000, 0x1111);
        assert_eq!(ring.load(5000), 0x1111);
        ring.store(7000, 0x2222);
        assert_eq!(open.peek(0, 56_000), 0x2222);
        for (n, offset) in STATUS.into_iter().chain(CONTROL).enumerate() {
            let page = open.map(offset, 4096).unwrap();
            let place = n as u64 + 1;
            for round in 1..100 {
                open.poke(place, 8, round);
                assert_eq!(page.load(1), round, "{offset:#x}");
                page.store(2, round * 7);
                assert_eq!(open.peek(place, 16), round * 7, "{offset:#x}");
            }
        }
    });
}

#[test]
fn content_outlives_mappings() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        let ring = open.map(0, RING).unwrap();
        for word in 0..RING / 8 {
            ring.store(word, word as u64 + 1);
        }
        open.poke(1, 0, 77);
        let again = open.map(0, RING).unwrap();
        assert!((0..RING / 8).all(|word| again.load(word) == word as u64 + 1));
        drop(again);
        drop(ring);
        assert_eq!(open.peek(0, 4096), 513);
        open.poke(0, 4096, 5);
        let ring = open.map(0, RING).unwrap();
        let page = open.map(STATUS[0], 4096).unwrap();
        assert_eq!(
            (ring.load(512), ring.load(8191), page.load(0)),
            (5, 8192, 77)
        );
        ring.store(1, 99);
        assert_eq!(open.peek(0, 8), 99);
    });
}

#[test]
fn a_ring_taken_anew_is_empty_and_still_shared() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        let ring = open.map(0, RING).unwrap();
        ring.store(100, 1);
        open.word(REALLOCATE, 0).unwrap();
        assert_eq!((ring.load(100), open.peek(0, 800)), (0, 0));
        ring.store(100, 2);
        assert_eq!(open.peek(0, 800), 2);
    });
}

#[test]
fn two_opens_have_memory_of_their_own() {
    both(|served| {
        let (a, b) = (served.open("pcmC0D0p"), served.open("pcmC0D0p"));
        let (map_a, map_b) = (a.map(0, 4096).unwrap(), b.map(0, 4096).unwrap());
        map_a.store(0, 1);
        map_b.store(0, 2);
        assert_eq!((a.peek(0, 0), b.peek(0, 0)), (1, 2));
        drop(a);
        map_a.store(0, 3);
        let c = served.open("pcmC0D0p");
        assert_eq!((c.peek(0, 0), b.peek(0, 0), map_b.load(0)), (0, 2, 2));
    });
}

#[test]
fn a_control_node_has_no_memory_and_no_position() {
    both(|served| {
        let open = served.open("controlC0");
        assert_eq!(open.word(MAPPABLE, 0).unwrap(), 0);
        let unseekable = open.file.write_at(b"x", 8);
        assert_eq!(unseekable.unwrap_err().raw_os_error(), Some(libc::ESPIPE));
    });
    // Where cached pages may be mapped at all, so may a control's; there is nothing behind.
    let served = Served::new(MapKind::Passthrough);
    let refused = served.open("controlC0").map(0, 4096).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ENODEV));
}

#[test]
fn a_sleeping_poller_is_woken() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        let poll = |milliseconds: i64| {
            let mut fds = [rustix::event::PollFd::new(
                &open.file,
                rustix::event::PollFlags::IN,
            )];
            let time = rustix::event::Timespec {
                tv_sec: 0,
                tv_nsec: milliseconds * 1_000_000,
            };
            rustix::event::poll(&mut fds, Some(&time)).unwrap()
        };
        assert_eq!((poll(0), poll(20)), (0, 0));
        let start = Instant::now();
        open.word(READY_AFTER, 50).unwrap();
        assert_eq!(poll(900), 1);
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(49) && took < Duration::from_millis(500),
            "{took:?}"
        );
    });
}

extern "C" fn nothing(_: i32) {}

/// Runs `call` in a thread and sends it a handled signal every 2 ms until it returns.
fn interrupted<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    // SAFETY: installs a handler that does nothing, without SA_RESTART.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
        libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut());
    }
    std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let thread = scope.spawn(move || {
            // SAFETY: no arguments, no memory.
            tell.send(unsafe { libc::pthread_self() }).unwrap();
            call()
        });
        let id = told.recv().unwrap();
        while !thread.is_finished() {
            std::thread::sleep(Duration::from_millis(2));
            // SAFETY: the thread is not joined yet, so its id is valid.
            unsafe { libc::pthread_kill(id, libc::SIGUSR1) };
        }
        thread.join().unwrap()
    })
}

#[test]
fn a_signal_ends_a_waiting_call() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        let ioctl = interrupted(|| open.word(BLOCK, 0));
        assert_eq!(ioctl.unwrap_err().raw_os_error(), Some(libc::EINTR));
        let read = interrupted(|| (&open.file).read(&mut [0; 8]));
        assert_eq!(read.unwrap_err().raw_os_error(), Some(libc::EINTR));
    });
}

#[test]
fn no_signal_is_lost_however_early_it_comes() {
    let served = Served::new(MapKind::PageCache);
    let open = served.open("pcmC0D0p");
    for _ in 0..50 {
        // The other thread keeps the card busy, so requests and interrupts meet in the inbox.
        std::thread::scope(|scope| {
            scope.spawn(|| open.word(BUSY, 0).unwrap());
            let ended = interrupted(|| open.word(BLOCK, 0));
            assert_eq!(ended.unwrap_err().raw_os_error(), Some(libc::EINTR));
        });
    }
}

#[test]
fn cards_of_one_mount_do_not_wait_for_each_other() {
    let cards = || {
        vec![
            Box::new(Fake::default()) as _,
            Box::new(Fake::default()) as _,
        ]
    };
    for kind in [MapKind::Passthrough, MapKind::PageCache] {
        let served = Served::with(kind, cards());
        let (a, b) = (served.open("pcmC0D0p"), served.open("pcmC1D0p"));
        let (map_a, map_b) = (a.map(0, RING).unwrap(), b.map(0, RING).unwrap());
        std::thread::scope(|scope| {
            for (open, map) in [(&a, &map_a), (&b, &map_b)] {
                scope.spawn(move || {
                    for n in 0..200 {
                        map.store(9, n);
                        assert_eq!(open.peek(0, 72), n);
                        let again = open.map(0, 4096).unwrap();
                        assert_eq!(again.load(9), n);
                    }
                });
            }
        });
    }
}

#[test]
fn stopping_answers_whoever_waits_and_ends_what_is_open() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        let map = open.map(0, 4096).unwrap();
        map.store(0, 5);
        let server = served.server.lock().unwrap().take().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| open.word(BLOCK, 0).unwrap_err().raw_os_error());
            std::thread::sleep(Duration::from_millis(50));
            server.stop();
            assert_eq!(waiting.join().unwrap(), Some(libc::ENODEV));
        });
        let after = open.word(NUMBER, 0).unwrap_err().raw_os_error();
        assert_eq!(after, Some(libc::ENOTCONN));
        assert_eq!(std::fs::read_dir(served.folder.path()).unwrap().count(), 0);
    });
}
