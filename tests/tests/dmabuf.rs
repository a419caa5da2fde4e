//! Rings that are dma-bufs: exported, attached and detached in every order.
//!
//! What needs `/dev/udmabuf` and a heap runs in the virtual machine.
#![allow(
    unsafe_code,
    reason = "asks a heap for a descriptor that can only be read"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use cuse_pcm::buffer::Supply;
use cuse_pcm::card::{Card, Identity, PcmDevice, SubstreamId};
use cuse_pcm::pcm::Substream;
use cuse_pcm::request::{ClientMemory, FileHandle};
use cuse_pcm_tests::fake_kernel::{ARG, FakeKernel};
use cuse_pcm_tests::virtual_client::{CAPTURE, O_RDWR, PLAYBACK, Setup, hw_params, prepare};
use hw_backends::dma::{Foreign, Memory, Needs, Pool, steps};
use hw_backends::testing::{Call, Refuse, Script};
use hw_backends::units::Direction::{Capture, Playback};
use uapi::Errno;
use uapi::dmabuf::{ATTACH, DETACH, EXPORT};
use uapi::pcm::table;

/// A ring of 16000 frames, in whole pages.
const RING: usize = 32768;

/// A card with one playback and one capture, a client, and the devices.
struct Stage {
    k: FakeKernel,
    player: Script,
    recorder: Script,
}

fn stage(pool: Pool, explicit_sync: bool) -> Stage {
    let supply = Supply {
        pool,
        explicit_sync,
        ..Supply::default()
    };
    let (player, play) = Script::new(hw_backends::null::hardware());
    let (recorder, record) = Script::new(hw_backends::null::hardware());
    let playback = Substream::with_supply(Box::new(play), Playback, supply.clone());
    let capture = Substream::with_supply(Box::new(record), Capture, supply);
    let device = PcmDevice::new(0, "PCM", "A PCM device", vec![playback], vec![capture]);
    let k = FakeKernel::new(Card::new(Identity::default(), vec![device]), 0x20000);
    Stage {
        k,
        player,
        recorder,
    }
}

/// With udmabuf and heaps.
fn sharing() -> Stage {
    let pool = Pool::of_this_machine();
    assert!(pool.wraps(), "this needs /dev/udmabuf");
    stage(pool, false)
}

impl Stage {
    fn prepared(&mut self) -> FileHandle {
        let file = self.k.open(PLAYBACK, O_RDWR).unwrap();
        prepare(&mut self.k, file, &Setup::default());
        self.player.take_calls();
        file
    }

    fn export(&mut self, file: FileHandle) -> Result<i32, Errno> {
        self.k.ioctl(file, EXPORT, &mut -1_i32)?;
        let mut number = [0; 4];
        self.k.memory.read(ARG, &mut number)?;
        Ok(i32::from_ne_bytes(number))
    }

    fn attach(&mut self, file: FileHandle, number: i32) -> Result<(), Errno> {
        self.k.ioctl(file, ATTACH, &mut { number }).map(drop)
    }

    fn detach(&mut self, file: FileHandle) -> Result<(), Errno> {
        self.k.ioctl_value(file, DETACH, 0).map(drop)
    }

    /// The client maps a descriptor of its own.
    fn map(&self, number: i32, bytes: usize) -> Memory {
        let copy = self.k.memory.take_descriptor(number).unwrap();
        Foreign::of(copy).unwrap().map(bytes).unwrap()
    }

    fn substream(&self, direction: hw_backends::units::Direction) -> &Substream {
        let id = SubstreamId {
            device: 0,
            direction,
            subdevice: 0,
        };
        self.k.files.card().substream(&id).unwrap()
    }
}

fn read(area: &hw_backends::dma::Area, offset: usize) -> [u8; 4] {
    let mut bytes = [0; 4];
    assert_eq!(area.read(offset, &mut bytes), 4);
    bytes
}

fn memfd() -> OwnedFd {
    let fd = rustix::fs::memfd_create("not-a-dma-buf", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, RING as u64).unwrap();
    fd
}

/// A dma-buf of a udmabuf or a heap, by the name of its allocator.
fn made_by(name: &str, bytes: usize) -> OwnedFd {
    let pool = Pool::of_this_machine();
    let allocator = pool.allocators().find(|a| a.name() == name).expect(name);
    let mut memory = allocator.allocate(bytes).unwrap();
    let shared = memory.export().unwrap();
    std::os::fd::AsFd::as_fd(shared)
        .try_clone_to_owned()
        .unwrap()
}

#[test]
fn every_wrong_order_has_its_errno() {
    let mut s = stage(Pool::basic(), false);
    let file = s.k.open(PLAYBACK, O_RDWR).unwrap();
    let number = s.k.memory.put(memfd());
    assert_eq!(s.export(file), Err(Errno::EBADFD), "no ring yet");
    assert_eq!(s.attach(file, number), Err(Errno::EBADFD));
    assert_eq!(
        s.attach(file, number + 1),
        Err(Errno::EBADF),
        "no descriptor"
    );
    assert_eq!(s.detach(file), Err(Errno::EBADFD));
    prepare(&mut s.k, file, &Setup::default());
    assert_eq!(s.attach(file, number), Err(Errno::EINVAL), "no dma-buf");
    assert_eq!(s.attach(file, -1), Err(Errno::EBADF));
    assert_eq!(s.detach(file), Err(Errno::EINVAL), "nothing is attached");
    let before = s.player.ring().unwrap().area.as_ptr();
    s.k.ioctl(
        file,
        table::WRITEI_FRAMES,
        &mut cuse_pcm_tests::virtual_client::frames(2000),
    )
    .unwrap();
    s.k.ioctl_value(file, table::START, 0).unwrap();
    assert_eq!(s.attach(file, number), Err(Errno::EBADFD), "it runs");
    assert_eq!(s.detach(file), Err(Errno::EBADFD));
    assert_eq!(s.player.ring().unwrap().area.as_ptr(), before);
    let refused = s.substream(Playback).buffer_report().refused;
    assert!(refused.iter().all(|r| r.party == "DMABUF_ATTACH"));
    assert_eq!(refused[0].why, "it is no dma-buf");
}

#[test]
fn without_dma_bufs_export_is_enodev() {
    let mut s = stage(Pool::basic(), false);
    let file = s.prepared();
    assert_eq!(s.export(file), Err(Errno::ENODEV));
    let report = s.substream(Playback).buffer_report();
    assert_eq!(report.refused[0].constraint, Some("exportable"));
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn an_exported_descriptor_is_the_ring_and_outlives_it() {
    let mut s = sharing();
    let file = s.prepared();
    let number = s.export(file).unwrap();
    let again = s.export(file).unwrap();
    let (client, other) = (s.map(number, RING), s.map(again, RING));
    client.area().write(100, b"ring");
    assert_eq!(&read(&s.player.ring().unwrap().area, 100), b"ring");
    assert_eq!(&read(other.area(), 100), b"ring");
    let report = s.substream(Playback).buffer_report();
    assert_eq!(report.memory[0].allocator, "memfd");
    assert!(report.memory[0].exported);
    s.k.ioctl_value(file, table::HW_FREE, 0).unwrap();
    assert_eq!(s.export(file), Err(Errno::EBADFD));
    s.k.release(file);
    assert_eq!(
        &read(client.area(), 100),
        b"ring",
        "the client has it still"
    );
    let file = s.prepared();
    s.player.ring().unwrap().area.write(100, b"next");
    assert_eq!(&read(client.area(), 100), b"ring", "and not the next one's");
    s.k.release(file);
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn ones_own_descriptor_can_be_attached_and_changes_nothing() {
    let mut s = sharing();
    let file = s.prepared();
    let number = s.export(file).unwrap();
    let ring = s.player.ring().unwrap().area;
    ring.write(0, b"kept");
    s.attach(file, number).unwrap();
    assert_eq!(s.attach(file, number), Err(Errno::EBUSY));
    assert!(s.player.take_calls().is_empty(), "the device hears nothing");
    s.detach(file).unwrap();
    assert_eq!(s.detach(file), Err(Errno::EINVAL));
    assert_eq!(s.player.ring().unwrap().area.as_ptr(), ring.as_ptr());
    assert_eq!(&read(&ring, 0), b"kept");
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn what_one_pcm_exported_another_one_plays_without_a_copy() {
    let mut s = sharing();
    let recording = s.k.open(CAPTURE, O_RDWR).unwrap();
    prepare(&mut s.k, recording, &Setup::default());
    let number = s.export(recording).unwrap();
    let playing = s.prepared();
    s.attach(playing, number).unwrap();
    let calls = s.player.take_calls();
    assert!(
        matches!(
            calls[..],
            [
                Call::HwFree,
                Call::HwParams {
                    ring_changed: true,
                    ..
                },
                Call::Prepare
            ]
        ),
        "{calls:?}"
    );
    s.recorder.ring().unwrap().area.write(4000, b"heard");
    assert_eq!(&read(&s.player.ring().unwrap().area, 4000), b"hear");
    let report = s.substream(Playback).buffer_report();
    assert_eq!(report.memory[0].allocator, "udmabuf (attached)");
    s.k.release(recording);
    assert_eq!(&read(&s.player.ring().unwrap().area, 4000), b"hear");
    s.detach(playing).unwrap();
    assert_eq!(
        read(&s.player.ring().unwrap().area, 4000),
        [0; 4],
        "a ring of its own"
    );
    assert_eq!(
        s.substream(Playback).buffer_report().memory[0].allocator,
        "memfd"
    );
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn foreign_buffers_are_attached_if_they_serve() {
    for name in ["udmabuf", "dma_heap/system"] {
        let mut s = sharing();
        let file = s.prepared();
        let small = s.k.memory.put(made_by(name, RING - 4096));
        assert_eq!(s.attach(file, small), Err(Errno::ENOSPC), "{name}");
        let number = s.k.memory.put(made_by(name, RING));
        let client = s.map(number, RING);
        client.area().write(8, b"full");
        s.player.set_needs(Needs {
            segments: Some(1),
            ..Needs::default()
        });
        assert_eq!(s.attach(file, number), Err(Errno::EOPNOTSUPP), "{name}");
        let refused = s.substream(Playback).buffer_report().refused;
        assert_eq!(refused[1].constraint, Some("segments"));
        s.player.set_needs(Needs::default());
        s.attach(file, number).unwrap();
        assert_eq!(
            &read(&s.player.ring().unwrap().area, 8),
            b"full",
            "it keeps its content"
        );
        s.k.ioctl(file, table::HW_PARAMS, &mut hw_params(&Setup::default()))
            .unwrap();
        assert_eq!(
            read(&s.player.ring().unwrap().area, 8),
            [0; 4],
            "HW_PARAMS detaches"
        );
        assert_eq!(s.detach(file), Err(Errno::EINVAL));
        assert_eq!(&read(client.area(), 8), b"full", "and leaves it alone");
    }
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn a_descriptor_that_can_only_be_read_is_refused() {
    let heap = rustix::fs::open(
        "/dev/dma_heap/system",
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    // struct dma_heap_allocation_data: len, fd, fd_flags (O_RDONLY | O_CLOEXEC), heap_flags.
    let mut asked = [
        RING as u64,
        u64::from(rustix::fs::OFlags::CLOEXEC.bits()) << 32,
        0,
    ];
    // SAFETY: the command reads and writes 24 bytes, which live over the call.
    let done = unsafe { libc::ioctl(heap.as_raw_fd(), 0xc018_4800, asked.as_mut_ptr()) };
    assert_eq!(done, 0);
    // SAFETY: the kernel made the descriptor for this call.
    let made = unsafe { OwnedFd::from_raw_fd(i32::try_from(asked[1] & 0xffff_ffff).unwrap()) };
    let mut s = sharing();
    let file = s.prepared();
    let number = s.k.memory.put(made);
    assert_eq!(s.attach(file, number), Err(Errno::EACCES));
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn a_device_that_refuses_the_attached_ring_leaves_the_stream_open() {
    let mut s = sharing();
    let file = s.prepared();
    let number = s.k.memory.put(made_by("udmabuf", RING));
    s.player.refuse(Refuse::HwParams, Errno::EIO);
    assert_eq!(s.attach(file, number), Err(Errno::EIO));
    assert_eq!(s.detach(file), Err(Errno::EBADFD));
    assert!(s.player.ring().is_none());
    prepare(&mut s.k, file, &Setup::default());
    s.attach(file, number).unwrap();
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn with_an_area_of_its_own_the_device_gets_what_is_attached() {
    let mut s = stage(Pool::of_this_machine(), true);
    let file = s.prepared();
    let own = s.player.ring().unwrap().area.as_ptr();
    let number = s.k.memory.put(made_by("udmabuf", RING));
    let client = s.map(number, RING);
    client.area().write(8, b"full");
    s.attach(file, number).unwrap();
    let ring = s.player.ring().unwrap().area;
    assert_eq!(ring.as_ptr(), own, "its area stays");
    assert_eq!(&read(&ring, 8), b"full");
    client.area().write(8, b"more");
    assert_eq!(&read(&ring, 8), b"full", "and is not the client's");
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn a_failure_at_any_step_of_export_and_attach_leaves_the_ring_as_it_was() {
    let held = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    for explicit_sync in [false, true] {
        let mut s = stage(Pool::of_this_machine(), explicit_sync);
        let file = s.prepared();
        let foreign = s.k.memory.put(made_by("udmabuf", RING));
        let ring = s.player.ring().unwrap().area.as_ptr();
        let before = held();
        for step in 0..2 {
            steps::fail_at(Some(step));
            assert_eq!(s.export(file), Err(Errno::ENOMEM), "step {step}");
            assert!(!steps::pending());
            assert_eq!(held(), before);
        }
        steps::fail_at(Some(0));
        assert_eq!(s.attach(file, foreign), Err(Errno::ENOMEM));
        assert!(!steps::pending());
        assert_eq!(held(), before);
        assert_eq!(s.player.ring().unwrap().area.as_ptr(), ring);
        assert_eq!(s.detach(file), Err(Errno::EINVAL));
        steps::fail_at(Some(1));
        s.attach(file, foreign).unwrap();
        assert!(steps::pending(), "there is one step only");
        steps::fail_at(None);
        s.detach(file).unwrap();
        assert!(s.export(file).is_ok());
    }
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn nothing_is_left_of_many_rounds() {
    let held = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut s = sharing();
    let foreign = s.k.memory.put(made_by("udmabuf", RING));
    let before = held();
    for round in 0..40 {
        let file = s.prepared();
        let own = s.export(file).unwrap();
        s.attach(file, if round % 2 == 0 { own } else { foreign })
            .unwrap();
        match round % 3 {
            0 => s.detach(file).unwrap(),
            1 => drop(s.k.ioctl_value(file, table::HW_FREE, 0).unwrap()),
            _ => {}
        }
        s.k.release(file);
        drop(s.k.memory.close(own));
        assert_eq!(held(), before, "round {round}");
    }
}

#[test]
#[ignore = "needs udmabuf; runs in the virtual machine"]
fn where_the_node_cannot_be_mapped_mapped_access_is_offered_if_asked_for() {
    let offered = |pool, dma_buf| {
        let supply = Supply {
            pool,
            dma_buf,
            ..Supply::default()
        };
        let (_player, play) = Script::new(hw_backends::null::hardware());
        let playback = Substream::with_supply(Box::new(play), Playback, supply);
        let device = PcmDevice::new(0, "PCM", "A PCM device", vec![playback], Vec::new());
        let mut k = FakeKernel::new(Card::new(Identity::default(), vec![device]), 0x20000);
        let file = k.open(PLAYBACK, O_RDWR).unwrap();
        let mapped = Setup {
            access: 0,
            ..Setup::default()
        };
        k.ioctl(file, table::HW_PARAMS, &mut hw_params(&mapped))
            .is_ok()
    };
    assert!(offered(Pool::of_this_machine(), true));
    assert!(!offered(Pool::of_this_machine(), false));
    assert!(!offered(Pool::basic(), true), "nothing can be exported");
}
