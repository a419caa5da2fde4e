//! The nodes, as clients see them, with no card behind: mounts, and devices in the virtual machine. Needs root.
#![allow(
    unsafe_code,
    reason = "ioctl and mmap are called as any client calls them"
)]
#![allow(
    clippy::multiple_unsafe_ops_per_block,
    reason = "volatile accesses and C structures in tests"
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
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use cuse_pcm::transport::mount::MapKind;

use cuse_pcm_tests::place::{PLACE, as_root, mappable, patience, repetitions};
use node::{Open, Served, both, ways};
use service::*;

const STATUS: [u64; 2] = [0x8000_0000, 0x8200_0000];
const CONTROL: [u64; 2] = [0x8100_0000, 0x8300_0000];

#[test]
fn the_directory_lists_the_nodes_as_files_for_everyone() {
    let served = Served::new(MapKind::Passthrough, 1);
    let mut names: Vec<_> = std::fs::read_dir(served.root())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["controlC0", "pcmC0D0p"]);
    let about = std::fs::metadata(served.path("pcmC0D0p")).unwrap();
    assert_eq!(about.mode(), 0o100_666);
    assert_eq!(about.size(), 0x7fff_ffff, "32-bit programs open no more");
    let gone = std::fs::metadata(served.path("pcmC0D0c"));
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(std::fs::write(served.path("new"), "").is_err());
    assert!(std::fs::remove_file(served.path("pcmC0D0p")).is_err());
}

#[test]
fn an_open_reaches_the_card_with_its_node() {
    let served = Served::new(MapKind::Passthrough, 1);
    let is_control = |name| served.open(name).word(IS_CONTROL, 0).unwrap();
    assert_eq!((is_control("pcmC0D0p"), is_control("controlC0")), (0, 1));
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
            for round in 1..=repetitions(100) {
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
fn opens_that_share_a_stream_map_the_same_registered_memory() {
    let served = Served::new(MapKind::Passthrough, 1);
    let shared = || Open::new(served.path("pcmC0D0p"), libc::O_APPEND).unwrap();
    let first = served.open("pcmC0D0p");
    let second = shared();
    let ring = second.map(0, RING).unwrap();
    let page = second.map(STATUS[0], 4096).unwrap();
    first.poke(0, 40_000, 0x1111);
    first.poke(1, 8, 7);
    assert_eq!((ring.load(5000), page.load(1)), (0x1111, 7));
    drop(first);
    ring.store(7000, 0x2222);
    assert_eq!(second.peek(0, 56_000), 0x2222);
    let third = shared();
    assert_eq!(third.map(0, RING).unwrap().load(7000), 0x2222);
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
    let served = Served::new(MapKind::Passthrough, 1);
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
                tv_sec: milliseconds / 1000,
                tv_nsec: milliseconds % 1000 * 1_000_000,
            };
            rustix::event::poll(&mut fds, Some(&time)).unwrap()
        };
        assert_eq!((poll(0), poll(20)), (0, 0));
        let start = Instant::now();
        open.word(READY_AFTER, 50).unwrap();
        assert_eq!(poll(900 * i64::from(patience())), 1);
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(49) && took < Duration::from_millis(500) * patience(),
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
    let served = Served::new(MapKind::PageCache, 1);
    let open = served.open("pcmC0D0p");
    for _ in 0..repetitions(50) {
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
    for kind in [MapKind::Passthrough, MapKind::PageCache] {
        let served = Served::new(kind, 2);
        let (a, b) = (served.open("pcmC0D0p"), served.open("pcmC1D0p"));
        let (map_a, map_b) = (a.map(0, RING).unwrap(), b.map(0, RING).unwrap());
        std::thread::scope(|scope| {
            for (open, map) in [(&a, &map_a), (&b, &map_b)] {
                scope.spawn(move || {
                    for n in 0..repetitions(200) {
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
fn a_card_that_holds_a_reader_up_does_not_hold_up_another_one() {
    for &kind in ways() {
        let served = Served::new(kind, 2);
        let (a, b) = (served.open("pcmC0D0p"), served.open("pcmC1D0p"));
        std::thread::scope(|scope| {
            let busy = scope.spawn(|| a.word(BUSY, 1500).unwrap());
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(b.word(NUMBER, 0).unwrap(), 12345);
            assert!(!busy.is_finished(), "{kind:?}");
        });
    }
}

#[test]
fn stopping_answers_whoever_waits_and_ends_what_is_open() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        let map = mappable().then(|| open.map(0, 4096).unwrap());
        if let Some(map) = &map {
            map.store(0, 5);
        }
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| open.word(BLOCK, 0).unwrap_err().raw_os_error());
            std::thread::sleep(Duration::from_millis(50));
            served.stop();
            assert_eq!(waiting.join().unwrap(), Some(libc::ENODEV));
        });
        let after = open.word(NUMBER, 0).unwrap_err().raw_os_error();
        assert_eq!(after, Some(libc::ENOTCONN));
    });
}

#[test]
fn stopping_waits_for_pages_that_are_written_out() {
    for _ in 0..repetitions(20) {
        let served = Served::new(MapKind::PageCache, 1);
        let open = served.open("pcmC0D0p");
        let ring = open.map(0, RING).unwrap();
        for word in 0..RING / 8 {
            ring.store(word, 1);
            if word % 512 == 0 {
                open.poke(0, 8 * word as u64, 2);
            }
        }
        let others: Vec<_> = (0..4).map(|_| served.open("pcmC0D0p")).collect();
        others.iter().for_each(|other| other.poke(0, 0, 1));
        drop(others);
        served.stop();
    }
}

#[test]
fn a_killed_daemon_ends_every_call() {
    both(|served| {
        let open = served.open("pcmC0D0p");
        let map = mappable().then(|| open.map(0, RING).unwrap());
        if let Some(map) = &map {
            map.store(0, 5);
        }
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| open.word(BLOCK, 0).unwrap_err().raw_os_error());
            std::thread::sleep(Duration::from_millis(50));
            served.kill();
            assert_eq!(waiting.join().unwrap(), Some(libc::ECONNABORTED));
        });
        let after = open.word(NUMBER, 0).unwrap_err().raw_os_error();
        assert_eq!(after, Some(libc::ENOTCONN));
    });
}

#[test]
fn a_daemon_killed_while_it_shares_dirty_pages_ends_and_so_do_its_clients() {
    for round in 0..repetitions(10) {
        let served = Served::new(MapKind::PageCache, 1);
        let open = served.open("pcmC0D0p");
        let ring = open.map(0, RING).unwrap();
        // Once it is dead, a page that was never touched is a bus error.
        (0..RING / 8)
            .step_by(512)
            .for_each(|word| ring.store(word, 1));
        std::thread::scope(|scope| {
            let client = scope.spawn(|| {
                let mut n = 0;
                loop {
                    n += 1;
                    ring.store(n % 8192, 1);
                    if let Err(e) = open.bytes(POKE, &mut [0u64, 4096, 1]) {
                        return e.raw_os_error();
                    }
                }
            });
            std::thread::sleep(Duration::from_millis(20 + round));
            served.kill();
            let error = client.join().unwrap();
            assert!(
                matches!(error, Some(libc::ECONNABORTED | libc::ENOTCONN)),
                "{error:?}"
            );
        });
    }
}

/// Runs another test of this file as user 1000, root of a user namespace of its own. Everyone may open `/dev/fuse` in
/// there, as on most systems.
fn as_a_user(test: &str) {
    let devices = tempfile::tempdir().unwrap();
    let script = "mknod -m 666 $0/fuse c 10 229 && mount --bind $0/fuse /dev/fuse && \
        exec setpriv --reuid=1000 --regid=1000 --clear-groups unshare -Ur -m \"$@\"";
    // The program may lie where the user cannot go.
    let program = devices.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(devices.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // Its mount is its own, wherever this runs.
    let ran = as_root("unshare")
        .env_remove(PLACE)
        .args(["--mount", "--propagation", "private", "sh", "-c", script])
        .arg(devices.path())
        .arg(program)
        .args(["--exact", test, "--ignored"])
        .env("TMPDIR", "/tmp")
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[test]
fn an_unprivileged_users_mount_shares_cached_pages() {
    as_a_user("automatic_as_a_user");
}

#[test]
#[ignore = "run by another test as a user"]
fn automatic_as_a_user() {
    let served = Served::new(MapKind::Auto, 1);
    let open = served.open("pcmC0D0p");
    let (ring, page) = (
        open.map(0, RING).unwrap(),
        open.map(STATUS[0], 4096).unwrap(),
    );
    for n in 1..100 {
        open.poke(1, 8, n);
        ring.store(3, n);
        assert_eq!((page.load(1), open.peek(0, 24)), (n, n));
    }
    let data = [7u64; 1000];
    open.bytes(FETCH, &mut [data.as_ptr() as u64, 8000, 0])
        .unwrap();
    assert_eq!(ring.load(999), 7);
}

#[test]
#[ignore = "the daemon that other tests start"]
fn the_daemon() {
    node::daemon();
}

#[test]
#[ignore = "measures; run with --release --nocapture"]
fn round_trips() {
    let time = |name: &str, open: &Open, cmd: u32| {
        let mut bytes = [0u8; 136];
        let mut round = || open.word(cmd, bytes.as_mut_ptr() as u64).unwrap();
        (0..2000).for_each(|_| assert!(round() >= 0));
        let mut best = Vec::new();
        for _ in 0..20 {
            let start = Instant::now();
            (0..2000).for_each(|_| assert!(round() >= 0));
            best.push(start.elapsed().as_nanos() / 2000);
        }
        best.sort_unstable();
        println!("{name}: best {} ns, median {} ns", best[0], best[10]);
    };
    for kind in [MapKind::Passthrough, MapKind::PageCache] {
        let served = Served::new(kind, 1);
        let open = served.open("pcmC0D0p");
        time(&format!("{kind:?} NUMBER"), &open, NUMBER);
        time(&format!("{kind:?} SYNC_PTR-sized"), &open, ECHO_136);
    }
    let folder = tempfile::tempdir().unwrap();
    let bare = cuse_pcm_tests::bare_fuse::BareServer::start(folder.path()).unwrap();
    let open = Open::new(bare.path().to_owned(), 0).unwrap();
    time("bare NUMBER", &open, NUMBER);
    time("bare SYNC_PTR-sized", &open, ECHO_136);
    drop(open);
}

#[test]
fn the_bare_server_answers_ioctls() {
    let folder = tempfile::tempdir().unwrap();
    let bare = cuse_pcm_tests::bare_fuse::BareServer::start(folder.path()).unwrap();
    let open = Open::new(bare.path().to_owned(), 0).unwrap();
    let mut bytes = [0xffu8; 136];
    assert_eq!(open.bytes(ECHO_136, &mut bytes).unwrap(), 0);
    assert_eq!(bytes, [0; 136]);
    drop(open);
}
