//! Moving samples and asking for positions allocates nothing once a stream runs.
#![allow(unsafe_code, reason = "counts what the allocator is asked for")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cuse_pcm::file::Files;
use cuse_pcm::file::company::{self, Company};
use cuse_pcm::request::{
    Abi, Answer, Caller, ClientMemory, FileHandle, Node, Operation, PollHandle, Reply, Request,
    RequestId, Sink,
};
use cuse_pcm_tests::oracle_device::{Grain, OracleDevice};
use cuse_pcm_tests::oracle_hardware::hardware;
use cuse_pcm_tests::virtual_client::{
    CAPTURE, O_RDWR, PLAYBACK, Setup, card, hw_params, sw_params,
};
use hw_backends::dma::{Area, PrivateBacking};
use hw_backends::units::{Nanos, Now};
use uapi::Errno;
use uapi::ioctl;
use uapi::pcm::{SyncPtr, XferI, table};
use zerocopy::{FromZeros, IntoBytes};

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting touches only a
// thread-local cell without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.with(|asked| asked.set(asked.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller got `place` from `alloc` above, hence from the system's allocator, with this layout.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The last answer's value, and how many there were.
#[derive(Debug, Default)]
struct Quiet {
    value: AtomicI64,
    answers: AtomicI64,
}

impl Sink for Quiet {
    fn answer(&self, _: RequestId, answer: &Answer<'_>) {
        let value = match answer {
            Answer::Opened(file) | Answer::Shared(file, _) => i64::try_from(file.0).unwrap(),
            Answer::Ioctl(Ok(value), _) => i64::from(*value),
            Answer::Data(bytes) => i64::try_from(bytes.len()).unwrap(),
            Answer::Written(n) => i64::try_from(*n).unwrap(),
            Answer::Ready(events) => i64::from(*events),
            Answer::Done => 0,
            Answer::Ioctl(Err(errno), _) | Answer::Failed(errno) => i64::from(-errno.0),
        };
        self.value.store(value, Ordering::Relaxed);
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    fn wake(&self, _: PollHandle) {}
}

/// A client whose every address is good.
#[derive(Debug)]
struct Endless;

impl ClientMemory for Endless {
    fn read(&self, _: u64, into: &mut [u8]) -> Result<(), Errno> {
        into.fill(0);
        Ok(())
    }
    fn write(&self, _: u64, _: &[u8]) -> Result<(), Errno> {
        Ok(())
    }
    fn read_area(&self, _: u64, into: &Area) -> Result<(), Errno> {
        into.fill(0, into.len(), 1);
        Ok(())
    }
    fn write_area(&self, _: u64, _: &Area) -> Result<(), Errno> {
        Ok(())
    }
    fn file_flags(&self) -> Option<u32> {
        None
    }
    fn process(&self) -> u32 {
        0
    }
    fn open_file(&self, descriptor: i32) -> Option<FileHandle> {
        u64::try_from(descriptor).ok().map(FileHandle)
    }
}

/// Two cards in company.
struct Both<'a>(&'a mut Files, &'a mut Files);

impl Company for Both<'_> {
    fn len(&self) -> usize {
        2
    }

    fn files(&mut self, at: usize) -> Option<&mut Files> {
        Some(if at == 0 { self.0 } else { self.1 })
    }
}

struct Bench {
    files: Files,
    /// A second card, where it is of use.
    other: Option<Files>,
    /// Which of them is asked.
    card: usize,
    sink: Arc<Quiet>,
    memory: Arc<dyn ClientMemory>,
    now: u64,
    id: u64,
}

impl Bench {
    fn new() -> Bench {
        let device = |node: &str| Box::new(OracleDevice::new(hardware(node), Grain::Jiffies));
        let card = card(vec![device("pcmC0D0p")], vec![device("pcmC0D0c")]);
        let (files, sink) = (Files::new(card), Arc::default());
        Bench {
            files,
            other: None,
            card: 0,
            sink,
            memory: Arc::new(Endless),
            now: 1_000_000_000,
            id: 0,
        }
    }

    fn now(&self) -> Now {
        let time = Nanos(self.now);
        Now {
            monotonic: time,
            realtime: time,
            monotonic_raw: time,
        }
    }

    /// The answer's value; `None` if the request waits.
    fn send(&mut self, operation: Operation<'_>) -> Option<i64> {
        self.id += 2;
        let id = RequestId(self.id);
        let before = self.sink.answers.load(Ordering::Relaxed);
        let is_ioctl = matches!(operation, Operation::Ioctl { .. });
        let sink = Arc::clone(&self.sink) as Arc<dyn Sink>;
        let request = Request {
            id,
            caller: Caller::default(),
            operation,
            reply: Reply::new(id, sink, is_ioctl),
            memory: Arc::clone(&self.memory),
        };
        let now = self.now();
        match &mut self.other {
            None => self.files.handle(request, &now),
            Some(other) => {
                let all = &mut Both(&mut self.files, other);
                let handled = company::call(all, self.card, &now, |f| f.handle(request, &now));
                handled.unwrap();
            }
        }
        let answered = self.sink.answers.load(Ordering::Relaxed) > before;
        answered.then(|| self.sink.value.load(Ordering::Relaxed))
    }

    fn open(&mut self, node: Node) -> FileHandle {
        let backing = Box::<PrivateBacking>::default();
        let handle = self
            .send(Operation::Open {
                node,
                flags: O_RDWR,
                backing,
            })
            .unwrap();
        FileHandle(u64::try_from(handle).unwrap())
    }

    fn ioctl(&mut self, file: FileHandle, cmd: u32, input: &[u8]) -> Option<i64> {
        let carried = if ioctl::dir(cmd) & ioctl::WRITE != 0 {
            input
        } else {
            &[]
        };
        let out_size = if ioctl::dir(cmd) & ioctl::READ != 0 {
            ioctl::size(cmd)
        } else {
            0
        };
        let (arg, abi) = (0x1000, Abi::Native);
        self.send(Operation::Ioctl {
            file,
            cmd,
            arg,
            abi,
            input: carried,
            out_size,
        })
    }

    fn configured(&mut self, node: Node, start_threshold: u64) -> FileHandle {
        let file = self.open(node);
        let setup = Setup {
            start_threshold,
            ..Setup::default()
        };
        assert_eq!(
            self.ioctl(file, table::HW_PARAMS, hw_params(&setup).as_bytes()),
            Some(0)
        );
        assert_eq!(
            self.ioctl(file, table::SW_PARAMS, sw_params(&setup).as_bytes()),
            Some(0)
        );
        assert_eq!(self.ioctl(file, table::PREPARE, &[]), Some(0));
        file
    }

    fn pass(&mut self, by: u64) {
        self.now += by;
        let now = self.now();
        let due = |files: &Files| {
            files
                .next_deadline()
                .is_some_and(|at| at.0 <= now.monotonic.0)
        };
        while due(&self.files) || self.other.as_ref().is_some_and(due) {
            match &mut self.other {
                None => self.files.tick(&now),
                Some(other) => company::tick(&mut Both(&mut self.files, other), &now),
            }
        }
    }

    /// Runs `round` until its buffers have grown, then counts.
    fn count(&mut self, mut round: impl FnMut(&mut Bench)) -> u64 {
        for _ in 0..200 {
            round(self);
        }
        let before = ASKED.with(Cell::get);
        for _ in 0..2000 {
            round(self);
        }
        ASKED.with(Cell::get) - before
    }
}

/// WRITEI's and READI's structure with these frames.
fn frames(frames: u64) -> XferI {
    XferI {
        result: 0,
        buf: 0x10000,
        frames,
    }
}

#[test]
fn positions_and_status_allocate_nothing() {
    let mut bench = Bench::new();
    let file = bench.configured(PLAYBACK, 1);
    assert_eq!(
        bench.ioctl(file, table::WRITEI_FRAMES, frames(8000).as_bytes()),
        Some(0)
    );
    let mut pointers = SyncPtr::new_zeroed();
    pointers.flags = SyncPtr::HWSYNC | SyncPtr::APPL | SyncPtr::AVAIL_MIN;
    let count = bench.count(|b| {
        b.pass(10_000_000);
        assert_eq!(
            b.ioctl(file, table::WRITEI_FRAMES, frames(80).as_bytes()),
            Some(0)
        );
        assert_eq!(b.ioctl(file, table::SYNC_PTR, pointers.as_bytes()), Some(0));
        assert_eq!(b.ioctl(file, table::STATUS, &[]), Some(0));
        assert_eq!(b.ioctl(file, table::DELAY, &[]), Some(0));
        assert_eq!(b.ioctl(file, table::HWSYNC, &[]), Some(0));
        assert!(
            b.send(Operation::Poll {
                file,
                events: 4,
                wake: Some(PollHandle(1))
            })
            .is_some()
        );
    });
    assert_eq!(count, 0);
}

#[test]
fn linked_streams_allocate_nothing() {
    let mut bench = Bench::new();
    let playback = bench.configured(PLAYBACK, 1_000_000);
    let capture = bench.configured(CAPTURE, 1_000_000);
    assert_eq!(
        bench.ioctl(playback, table::WRITEI_FRAMES, frames(8000).as_bytes()),
        Some(0)
    );
    let operation = Operation::Ioctl {
        file: playback,
        cmd: table::LINK,
        arg: capture.0,
        abi: Abi::Native,
        input: &[],
        out_size: 0,
    };
    assert_eq!(bench.send(operation), Some(0));
    assert_eq!(bench.ioctl(capture, table::START, &[]), Some(0));
    bench.pass(500_000_000);
    let count = bench.count(|b| {
        b.pass(20_000_000);
        let write = b.ioctl(playback, table::WRITEI_FRAMES, frames(160).as_bytes());
        assert_eq!(write, Some(0));
        let read = b.send(Operation::Read {
            file: capture,
            size: 320,
            flags: O_RDWR,
        });
        assert_eq!(read, Some(320));
        assert_eq!(b.ioctl(capture, table::STATUS, &[]), Some(0));
    });
    assert_eq!(count, 0);
}

#[test]
fn streams_linked_across_cards_allocate_nothing() {
    let mut bench = Bench::new();
    bench.other = Some(Bench::new().files);
    let playback = bench.configured(PLAYBACK, 1_000_000);
    bench.card = 1;
    let capture = bench.configured(CAPTURE, 1_000_000);
    bench.card = 0;
    let write = bench.ioctl(playback, table::WRITEI_FRAMES, frames(8000).as_bytes());
    assert_eq!(write, Some(0));
    let (sink, now) = (Arc::clone(&bench.sink), bench.now());
    let request = Request {
        id: RequestId(1000),
        caller: Caller::default(),
        operation: Operation::Ioctl {
            file: playback,
            cmd: table::LINK,
            arg: 0,
            abi: Abi::Native,
            input: &[],
            out_size: 0,
        },
        reply: Reply::new(RequestId(1000), sink, true),
        memory: Arc::clone(&bench.memory),
    };
    let mut both = Both(&mut bench.files, bench.other.as_mut().unwrap());
    company::link(&mut both, 0, (1, capture), request, &now);
    assert_eq!(bench.ioctl(playback, table::START, &[]), Some(0));
    bench.pass(500_000_000);
    let count = bench.count(|b| {
        b.pass(20_000_000);
        let write = b.ioctl(playback, table::WRITEI_FRAMES, frames(160).as_bytes());
        assert_eq!(write, Some(0));
        b.card = 1;
        let read = b.send(Operation::Read {
            file: capture,
            size: 320,
            flags: O_RDWR,
        });
        assert_eq!(read, Some(320), "the capture was started with the playback");
        b.card = 0;
    });
    assert_eq!(count, 0);
}

#[test]
fn blocked_writes_allocate_nothing() {
    let mut bench = Bench::new();
    let file = bench.configured(PLAYBACK, 16000);
    assert_eq!(
        bench.ioctl(file, table::WRITEI_FRAMES, frames(16000).as_bytes()),
        Some(0)
    );
    let mut waited = 0;
    let count = bench.count(|b| {
        if b.ioctl(file, table::WRITEI_FRAMES, frames(500).as_bytes())
            .is_none()
        {
            waited += 1;
            while b.files.parked_requests() > 0 {
                b.pass(4_000_000);
            }
        }
    });
    assert!(waited > 500, "{waited}");
    assert_eq!(count, 0);
}

#[test]
fn captured_samples_and_plain_reads_and_writes_allocate_nothing() {
    let mut bench = Bench::new();
    let playback = bench.configured(PLAYBACK, 1);
    let capture = bench.configured(CAPTURE, 1);
    let data = [0; 160];
    for _ in 0..100 {
        bench.send(Operation::Write {
            file: playback,
            data: &data,
            flags: O_RDWR,
        });
    }
    assert_eq!(
        bench.send(Operation::Read {
            file: capture,
            size: 2,
            flags: O_RDWR
        }),
        None
    );
    bench.pass(500_000_000);
    let count = bench.count(|b| {
        b.pass(20_000_000);
        assert_eq!(
            b.send(Operation::Write {
                file: playback,
                data: &data,
                flags: O_RDWR
            }),
            Some(160)
        );
        assert_eq!(
            b.send(Operation::Write {
                file: playback,
                data: &data,
                flags: O_RDWR
            }),
            Some(160)
        );
        for _ in 0..2 {
            let size = data.len();
            assert_eq!(
                b.send(Operation::Read {
                    file: capture,
                    size,
                    flags: O_RDWR
                }),
                Some(160)
            );
        }
        assert_eq!(b.ioctl(capture, table::STATUS, &[]), Some(0));
    });
    assert_eq!(count, 0);
}

#[test]
fn an_allocation_would_be_seen() {
    let mut bench = Bench::new();
    let count = bench.count(|_| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(count, 2000);
}
