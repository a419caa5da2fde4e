//! A card behind a CUSE connection whose kernel is this test: the messages are those of Linux 6.12, the client's memory
//! is the test's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::os::fd::OwnedFd;

use cuse_pcm::file::Files;
use cuse_pcm::request::{ClientMemory, Node};
use cuse_pcm::server::Server;
use cuse_pcm::transport::CardIndex;
use cuse_pcm::transport::client_memory::Client;
use cuse_pcm::transport::cuse::Cuse;
use cuse_pcm::transport::nodes::NodeSpec;
use cuse_pcm::transport::opens::Opens;
use cuse_pcm::transport::wire::encode_request;
use cuse_pcm_tests::virtual_client::{Setup, card, hw_params};
use hw_backends::drive::Speed;
use hw_backends::hardware::info;
use hw_backends::null::Null;
use hw_backends::units::Direction;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use uapi::Errno;
use uapi::compat::pcm as compat;
use uapi::fuse::flags::{ioctl, poll};
use uapi::fuse::{
    CuseInitIn, InHeader, InterruptIn, IoctlIn, IoctlIovec, IoctlOut, OpenIn, OpenOut, OutHeader,
    PollIn, PollOut, ReadIn, ReleaseIn, WriteIn, opcode,
};
use uapi::pcm::{HwParams, XferI, table};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const O_RDWR: u32 = 2;
const O_NONBLOCK: u32 = 0o4000;
const POLLOUT: u32 = 4;

/// The kernel's side of one device.
struct Kernel {
    socket: OwnedFd,
    server: Option<Server>,
    unique: u64,
    /// The client is in a process id namespace of its own, so that its memory is out of reach.
    hidden: bool,
    /// The client is a 32-bit one.
    narrow: bool,
}

fn tid() -> u32 {
    rustix::thread::gettid().as_raw_pid().try_into().unwrap()
}

/// An answer: error, and what follows the header.
type Answered = (i32, Vec<u8>);

impl Kernel {
    /// A card that plays into nothing.
    fn new() -> Kernel {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        let node = Node::Pcm {
            device: 0,
            direction: Direction::Playback,
        };
        let spec = NodeSpec::new(CardIndex(0), 7, node);
        let device = Cuse::new(theirs, spec, 3, Opens::default());
        let null = Box::new(Null::new(Direction::Playback, Speed::Real));
        let files = Box::new(Files::new(card(vec![null], Vec::new())));
        let mut server = Server::start(vec![files], &[]).unwrap();
        let mut kernel = Kernel {
            socket: ours,
            server: None,
            unique: 0,
            hidden: false,
            narrow: false,
        };
        let init = CuseInitIn {
            major: 7,
            minor: 41,
            unused: 0,
            flags: 1,
        };
        let unique = kernel.ask(opcode::CUSE_INIT, &init, &[]);
        server.add_device(&device).unwrap();
        kernel.server = Some(server);
        let (error, answer) = kernel.answer(unique);
        assert_eq!(error, 0);
        assert_eq!(&answer[72..], b"DEVNAME=snd/pcmC7D0p\0");
        kernel
    }

    fn ask<T: IntoBytes + Immutable + KnownLayout>(
        &mut self,
        opcode: u32,
        body: &T,
        tail: &[u8],
    ) -> u64 {
        self.unique += 2;
        let header = InHeader {
            opcode,
            unique: self.unique,
            pid: if self.hidden { 0 } else { tid() },
            ..InHeader::default()
        };
        let message = encode_request(header, body, tail);
        rustix::net::send(&self.socket, &message, SendFlags::empty()).unwrap();
        self.unique
    }

    /// The next message: what names it, error, what follows the header.
    fn next(&mut self) -> (u64, Answered) {
        let mut buffer = [0u8; 4096];
        let (n, _) = rustix::net::recv(&self.socket, &mut buffer, RecvFlags::empty()).unwrap();
        let (header, rest) = OutHeader::read_from_prefix(&buffer[..n]).unwrap();
        assert_eq!(header.len as usize, n);
        (header.unique, (header.error, rest.to_vec()))
    }

    fn answer(&mut self, unique: u64) -> Answered {
        let (of, answered) = self.next();
        assert_eq!(of, unique);
        answered
    }

    fn call<T: IntoBytes + Immutable + KnownLayout>(
        &mut self,
        opcode: u32,
        body: &T,
        tail: &[u8],
    ) -> Answered {
        let unique = self.ask(opcode, body, tail);
        self.answer(unique)
    }

    fn open(&mut self, flags: u32) -> u64 {
        let open = OpenIn {
            flags,
            open_flags: 0,
        };
        let (error, answer) = self.call(opcode::OPEN, &open, &[]);
        assert_eq!(error, 0);
        OpenOut::read_from_bytes(&answer).unwrap().fh
    }

    fn start_ioctl(&mut self, fh: u64, cmd: u32, arg: u64) -> u64 {
        let asked = IoctlIn {
            fh,
            flags: ioctl::UNRESTRICTED,
            cmd,
            arg,
            in_size: 0,
            out_size: 0,
        };
        self.ask(opcode::IOCTL, &asked, &[])
    }

    /// The ioctl's result. The answer carries nothing but that: the kernel would refuse more.
    fn ioctl_value(&mut self, fh: u64, cmd: u32, arg: u64) -> Result<i32, Errno> {
        let unique = self.start_ioctl(fh, cmd, arg);
        result(&self.answer(unique))
    }

    /// An ioctl of a client whose memory only the kernel reaches: how often it had to be sent, and its result.
    fn carried(&mut self, fh: u64, cmd: u32, arg: u64) -> (u32, Result<i32, Errno>) {
        let memory = Client::new(tid(), 0);
        let (mut input, mut back) = (Vec::new(), Vec::new());
        for sent in 1..20 {
            let asked = IoctlIn {
                fh,
                flags: ioctl::UNRESTRICTED | if self.narrow { ioctl::IS_32BIT } else { 0 },
                cmd,
                arg,
                in_size: u32::try_from(input.len()).unwrap(),
                out_size: back
                    .iter()
                    .map(|v: &IoctlIovec| u32::try_from(v.len).unwrap())
                    .sum(),
            };
            let (error, answer) = self.call(opcode::IOCTL, &asked, &input);
            assert_eq!(error, 0);
            let (out, rest) = IoctlOut::read_from_prefix(&answer).unwrap();
            if out.flags & ioctl::RETRY == 0 {
                assert_eq!(rest.len() as u64, back.iter().map(|v| v.len).sum::<u64>());
                let mut rest = rest;
                for part in &back {
                    let (bytes, after) = rest.split_at(usize::try_from(part.len).unwrap());
                    memory.write(part.base, bytes).unwrap();
                    rest = after;
                }
                let result = out.result;
                return (
                    sent,
                    if result < 0 {
                        Err(Errno(-result))
                    } else {
                        Ok(result)
                    },
                );
            }
            let vectors: Vec<_> = rest
                .chunks_exact(16)
                .map(|v| IoctlIovec::read_from_bytes(v).unwrap())
                .collect();
            let (fetch, store) = vectors.split_at(out.in_iovs as usize);
            assert_eq!(store.len(), out.out_iovs as usize);
            back = store.to_vec();
            input.clear();
            for part in fetch {
                let mut bytes = vec![0; usize::try_from(part.len).unwrap()];
                if memory.read(part.base, &mut bytes).is_err() {
                    return (sent, Err(Errno::EFAULT));
                }
                input.extend(bytes);
            }
        }
        panic!("{cmd:#x} is asked for again and again");
    }

    fn carried_on<T>(&mut self, fh: u64, cmd: u32, argument: &mut T) -> (u32, Result<i32, Errno>) {
        self.carried(
            fh,
            cmd,
            std::ptr::from_mut(argument).expose_provenance() as u64,
        )
    }

    /// HW_PARAMS, whose outcome has to come back.
    fn carried_params(&mut self, fh: u64) -> (u32, Result<i32, Errno>) {
        let mut params = hw_params(&Setup::default());
        let done = self.carried_on(fh, table::HW_PARAMS, &mut params);
        assert_eq!(params.rate_den, 1);
        done
    }

    fn ioctl<T>(&mut self, fh: u64, cmd: u32, argument: &mut T) -> Result<i32, Errno> {
        self.ioctl_value(
            fh,
            cmd,
            std::ptr::from_mut(argument).expose_provenance() as u64,
        )
    }

    /// Writes frames of silence; returns what is said of them.
    fn write(&mut self, fh: u64, frames: u64) -> Result<i64, Errno> {
        let samples = [0u8; 8192];
        let mut transfer = XferI {
            result: -777,
            buf: samples.as_ptr().expose_provenance() as u64,
            frames,
        };
        self.ioctl(fh, table::WRITEI_FRAMES, &mut transfer)?;
        Ok(transfer.result)
    }

    fn set_up(&mut self, fh: u64) {
        let mut params = hw_params(&Setup::default());
        self.ioctl(fh, table::HW_PARAMS, &mut params).unwrap();
        self.ioctl_value(fh, table::PREPARE, 0).unwrap();
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // The connection ends, as it does when the device is aborted.
        rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both).unwrap();
        let server = self.server.take().unwrap();
        while !server.over() {
            std::thread::yield_now();
        }
        server.stop();
    }
}

fn result((error, rest): &Answered) -> Result<i32, Errno> {
    assert_eq!(*error, 0);
    let out = IoctlOut::read_from_bytes(rest).expect("a result and nothing else");
    assert_eq!((out.flags, out.in_iovs, out.out_iovs), (0, 0, 0));
    if out.result < 0 {
        Err(Errno(-out.result))
    } else {
        Ok(out.result)
    }
}

#[test]
fn structures_travel_through_the_clients_memory_in_one_round_trip() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR);
    let mut version = 0u32;
    assert_eq!(kernel.ioctl(fh, table::PVERSION, &mut version), Ok(0));
    assert_eq!(version, table::VERSION);
    assert_eq!(
        kernel.ioctl_value(fh, table::PVERSION, 8),
        Err(Errno::EFAULT)
    );
}

#[test]
fn a_device_can_pause_and_cannot_be_mapped() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR);
    let mut params: HwParams = hw_params(&Setup::default());
    kernel.ioctl(fh, table::HW_REFINE, &mut params).unwrap();
    assert_eq!(params.info & info::PAUSE, info::PAUSE);
    assert_eq!(params.info & (info::MMAP), 0);
}

#[test]
fn a_value_arrives_as_a_value() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR);
    kernel.set_up(fh);
    let too_early = kernel.ioctl_value(fh, table::PAUSE, 1);
    assert_eq!(too_early, Err(Errno::EBADFD));
    // The first frame starts it.
    kernel.write(fh, 2000).unwrap();
    assert_eq!(kernel.ioctl_value(fh, table::PAUSE, 1), Ok(0));
    let again = kernel.ioctl_value(fh, table::PAUSE, 1);
    assert_eq!(again, Err(Errno::EBADFD), "it is paused");
    assert_eq!(kernel.ioctl_value(fh, table::PAUSE, 0), Ok(0));
}

#[test]
fn samples_and_the_count_of_frames_go_through_the_clients_memory() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR);
    kernel.set_up(fh);
    assert_eq!(kernel.write(fh, 16), Ok(16));
}

#[test]
fn read_write_and_poll_reach_the_file_with_its_flags() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR | O_NONBLOCK);
    let read = ReadIn {
        fh,
        size: 64,
        read_flags: 2,
        ..ReadIn::default()
    };
    let (error, _) = kernel.call(opcode::READ, &read, &[]);
    assert_eq!(error, -Errno::EINVAL.0, "a playback node is not read");
    let write = WriteIn {
        fh,
        size: 4,
        write_flags: 2,
        ..WriteIn::default()
    };
    let (error, _) = kernel.call(opcode::WRITE, &write, b"abcd");
    assert_eq!(error, -Errno::EBADFD.0, "it is not set up");
    kernel.set_up(fh);
    let asked = PollIn {
        fh,
        kh: 9,
        flags: poll::SCHEDULE_NOTIFY,
        events: POLLOUT,
    };
    let (_, answer) = kernel.call(opcode::POLL, &asked, &[]);
    let ready = PollOut::read_from_bytes(&answer).unwrap();
    assert_eq!(ready.revents & POLLOUT, POLLOUT);
}

#[test]
fn a_signal_ends_a_wait_and_is_not_answered_itself() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR);
    // All substreams are taken: a second open waits.
    let open = OpenIn {
        flags: O_RDWR,
        open_flags: 0,
    };
    let waiting = kernel.ask(opcode::OPEN, &open, &[]);
    kernel.ask(opcode::INTERRUPT, &InterruptIn { unique: waiting }, &[]);
    let (error, _) = kernel.answer(waiting);
    assert_eq!(error, -Errno::EINTR.0);
    let release = ReleaseIn {
        fh,
        ..ReleaseIn::default()
    };
    assert_eq!(kernel.call(opcode::RELEASE, &release, &[]), (0, Vec::new()));
    kernel.open(O_RDWR);
}

#[test]
fn a_closed_file_is_ebadf_and_what_no_device_does_is_enosys() {
    let mut kernel = Kernel::new();
    let release = ReleaseIn {
        fh: 5,
        ..ReleaseIn::default()
    };
    let (error, _) = kernel.call(opcode::RELEASE, &release, &[]);
    assert_eq!(error, -Errno::EBADF.0);
    let (error, _) = kernel.call(opcode::MKDIR, &[0u8; 8], b"a\0");
    assert_eq!(error, -Errno::ENOSYS.0);
    let unique = kernel.start_ioctl(5, table::PVERSION, 0);
    let (error, _) = kernel.answer(unique);
    assert_eq!(error, -Errno::EBADF.0);
    let unique = kernel.ask(opcode::IOCTL, &[0u8; 4], &[]);
    let (error, _) = kernel.answer(unique);
    assert_eq!(error, -Errno::EIO.0, "cut short");
}

#[test]
fn memory_out_of_reach_is_carried_by_the_kernel() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR | O_NONBLOCK);
    kernel.hidden = true;
    let mut version = 0u32;
    assert_eq!(
        kernel.carried_on(fh, table::PVERSION, &mut version),
        (2, Ok(0))
    );
    assert_eq!(version, table::VERSION);
    assert_eq!(kernel.carried_params(fh), (2, Ok(0)));
    assert_eq!(kernel.carried(fh, table::PREPARE, 0), (1, Ok(0)));
    let (_, nowhere) = kernel.carried(fh, table::PVERSION, 8);
    assert_eq!(nowhere, Err(Errno::EFAULT));
}

#[test]
fn of_more_than_the_kernel_carries_a_part_is_written() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR | O_NONBLOCK);
    kernel.hidden = true;
    let mut params = hw_params(&Setup {
        period: 9600,
        buffer: 96000,
        ..Setup::default()
    });
    kernel
        .carried_on(fh, table::HW_PARAMS, &mut params)
        .1
        .unwrap();
    kernel.carried(fh, table::PREPARE, 0).1.unwrap();
    let samples = vec![0u8; 96000 * 2];
    let mut transfer = XferI {
        result: -777,
        buf: samples.as_ptr().expose_provenance() as u64,
        frames: 96000,
    };
    let (sent, result) = kernel.carried_on(fh, table::WRITEI_FRAMES, &mut transfer);
    assert_eq!((sent, result), (3, Ok(0)));
    assert_eq!(transfer.result, (128 - 4) * 1024 / 2);
}

#[test]
fn values_are_not_taken_for_addresses_when_memory_is_carried() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR);
    kernel.hidden = true;
    kernel.carried_params(fh).1.unwrap();
    assert_eq!(kernel.carried(fh, table::PAUSE, 1), (1, Err(Errno::EBADFD)));
}

#[test]
fn samples_behind_an_address_are_carried_too() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR);
    kernel.hidden = true;
    kernel.carried_params(fh).1.unwrap();
    kernel.carried(fh, table::PREPARE, 0).1.unwrap();
    let samples = [0u8; 8192];
    let mut transfer = XferI {
        result: -777,
        buf: samples.as_ptr().expose_provenance() as u64,
        frames: 16,
    };
    let done = kernel.carried_on(fh, table::WRITEI_FRAMES, &mut transfer);
    assert_eq!((done, transfer.result), ((3, Ok(0)), 16));
    transfer.buf = 8;
    let (_, nowhere) = kernel.carried_on(fh, table::WRITEI_FRAMES, &mut transfer);
    assert_eq!(nowhere, Err(Errno::EFAULT));
}

#[test]
fn a_32_bit_transfer_whose_result_goes_back_is_done_once() {
    let mut kernel = Kernel::new();
    let fh = kernel.open(O_RDWR);
    kernel.hidden = true;
    // A twelfth of a second of sound: it is not over before it is asked about.
    let mut params = hw_params(&Setup {
        period: 1000,
        buffer: 16000,
        ..Setup::default()
    });
    let done = kernel.carried_on(fh, table::HW_PARAMS, &mut params);
    assert_eq!(done.1, Ok(0));
    kernel.carried(fh, table::PREPARE, 0).1.unwrap();
    kernel.narrow = true;
    // Silence.
    let mut transfer = compat::XferI {
        result: -777,
        buf: 0,
        frames: 4000,
    };
    let done = kernel.carried_on(fh, compat::WRITEI_FRAMES, &mut transfer);
    assert_eq!((done, transfer.result), ((2, Ok(0)), 4000));
    kernel.narrow = false;
    let mut delay = 0i64;
    kernel.carried_on(fh, table::DELAY, &mut delay).1.unwrap();
    assert!((1..=4000).contains(&delay), "{delay}");
}
