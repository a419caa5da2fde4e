//! A kernel that is none: sends requests to [`Files`] as the FUSE and CUSE transports do, in virtual time, and keeps
//! what is answered.
//!
//! It carries an ioctl's structure by the direction bits of its number, as the real one does for a restricted ioctl;
//! everything else goes through the client's memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use cuse_pcm::card::Card;
use cuse_pcm::file::Files;
use cuse_pcm::file::company::{self, Company};
use cuse_pcm::request::{
    Abi, Answer, Caller, ClientMemory, FileHandle, Node, Operation, PollHandle, Reply, Request,
    RequestId, Sink,
};
use hw_backends::dma::{Backing, PrivateBacking};
use hw_backends::units::{Nanos, Now};
use uapi::Errno;
use uapi::ioctl;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::fake_memory::lock;
pub use crate::fake_memory::{BASE, FakeMemory};

/// Where [`FakeKernel::ioctl`] puts structures.
pub const ARG: u64 = BASE;
/// Where a client's samples lie.
pub const BUFFER: u64 = BASE + 0x1000;
/// How long each call takes, ns.
const CALL: u64 = 10_000;

/// An answer, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// To open.
    Opened(FileHandle),
    /// To open: the file, and one that it shares a substream with.
    Shared(FileHandle, FileHandle),
    /// To ioctl: value or errno, and what was carried back.
    Ioctl(Result<i32, Errno>, Vec<u8>),
    /// To read.
    Data(Vec<u8>),
    /// To write.
    Written(usize),
    /// To poll.
    Ready(u32),
    /// To anything else that succeeded.
    Done,
    /// To anything that failed.
    Failed(Errno),
}

impl Answered {
    /// Value or errno, whatever the request was.
    ///
    /// # Errors
    /// The errno.
    pub fn result(&self) -> Result<i64, Errno> {
        match self {
            Answered::Ioctl(result, _) => result.map(i64::from),
            Answered::Failed(errno) => Err(*errno),
            Answered::Data(bytes) => Ok(i64::try_from(bytes.len()).unwrap_or(i64::MAX)),
            Answered::Written(n) => Ok(i64::try_from(*n).unwrap_or(i64::MAX)),
            Answered::Ready(events) => Ok(i64::from(*events)),
            Answered::Opened(_) | Answered::Shared(..) | Answered::Done => Ok(0),
        }
    }
}

/// Keeps answers and wake-ups.
#[derive(Debug, Default)]
pub struct Recorder {
    answers: Mutex<BTreeMap<u64, Answered>>,
    twice: Mutex<Vec<u64>>,
    wakes: Mutex<Vec<PollHandle>>,
}

impl Sink for Recorder {
    fn answer(&self, id: RequestId, answer: &Answer<'_>) {
        let answered = match answer {
            Answer::Opened(file) => Answered::Opened(*file),
            Answer::Shared(file, with) => Answered::Shared(*file, *with),
            Answer::Ioctl(result, bytes) => Answered::Ioctl(*result, bytes.to_vec()),
            Answer::Data(bytes) => Answered::Data(bytes.to_vec()),
            Answer::Written(n) => Answered::Written(*n),
            Answer::Ready(events) => Answered::Ready(*events),
            Answer::Done => Answered::Done,
            Answer::Failed(errno) => Answered::Failed(*errno),
        };
        if lock(&self.answers).insert(id.0, answered).is_some() {
            lock(&self.twice).push(id.0);
        }
    }

    fn wake(&self, poller: PollHandle) {
        lock(&self.wakes).push(poller);
    }
}

/// Where in an open file's name the number of its card lies.
const CARD_BITS: u32 = 32;

/// The files of cards, a client, and a clock. Most have one card only.
#[derive(Debug)]
pub struct FakeKernel {
    /// What is tested.
    pub files: Files,
    /// More cards, in company with the first one.
    pub others: Vec<Files>,
    /// The client.
    pub caller: Caller,
    /// The client's memory.
    pub memory: Arc<FakeMemory>,
    /// Width of the client's structures.
    pub abi: Abi,
    /// How late deadlines are noticed, ns.
    pub slack: u64,
    recorder: Arc<Recorder>,
    now: u64,
    last: u64,
    /// Where answers that carry bytes go.
    args: HashMap<u64, u64>,
}

struct Cards<'a>(&'a mut Files, &'a mut [Files]);

impl Company for Cards<'_> {
    fn len(&self) -> usize {
        self.1.len() + 1
    }

    fn files(&mut self, at: usize) -> Option<&mut Files> {
        match at.checked_sub(1) {
            None => Some(self.0),
            Some(at) => self.1.get_mut(at),
        }
    }
}

/// The card of an open file, and what that calls it.
fn placed(file: FileHandle) -> (usize, FileHandle) {
    let card = usize::try_from(file.0 >> CARD_BITS).unwrap_or(usize::MAX);
    (card, FileHandle(file.0 & ((1 << CARD_BITS) - 1)))
}

/// The open file that an operation is for, to be renamed.
fn file_of<'o>(operation: &'o mut Operation<'_>) -> Option<&'o mut FileHandle> {
    match operation {
        Operation::Release { file }
        | Operation::Ioctl { file, .. }
        | Operation::Read { file, .. }
        | Operation::Write { file, .. }
        | Operation::Poll { file, .. } => Some(file),
        Operation::Open { .. } | Operation::Interrupt { .. } => None,
    }
}

impl FakeKernel {
    /// A client with this much memory before several cards, which are in company.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn with_cards(mut cards: Vec<Card>, memory: usize) -> FakeKernel {
        let others = cards.split_off(1).into_iter().map(Files::new).collect();
        let first = cards.pop().expect("a card");
        FakeKernel {
            others,
            ..FakeKernel::new(first, memory)
        }
    }

    /// A client with this much memory before a card.
    #[must_use]
    pub fn new(card: Card, memory: usize) -> FakeKernel {
        FakeKernel {
            files: Files::new(card),
            others: Vec::new(),
            caller: Caller {
                tid: 100,
                uid: 1000,
                gid: 1000,
            },
            memory: Arc::new(FakeMemory::new(memory)),
            abi: Abi::Native,
            slack: 0,
            recorder: Arc::default(),
            now: 1_000_000_000,
            last: 0,
            args: HashMap::new(),
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Now {
        let monotonic = Nanos(self.now);
        Now {
            monotonic,
            realtime: Nanos(self.now + 1_700_000_000_000_000_000),
            monotonic_raw: monotonic,
        }
    }

    /// All cards, the first one first.
    pub fn company(&mut self) -> impl Company {
        Cards(&mut self.files, &mut self.others)
    }

    /// Files of one of the cards.
    ///
    /// # Panics
    /// If there is no such card.
    #[must_use]
    pub fn files_of(&self, card: usize) -> &Files {
        match card.checked_sub(1) {
            None => &self.files,
            Some(other) => &self.others[other],
        }
    }

    /// Lets every card do what is due.
    pub fn tick(&mut self) {
        let now = self.now();
        if self.others.is_empty() {
            self.files.tick(&now);
        } else {
            company::tick(&mut self.company(), &now);
        }
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let all = std::iter::once(&self.files).chain(&self.others);
        all.filter_map(Files::next_deadline).min()
    }

    /// Sends one request to the card of its file; an open goes to the first one.
    fn dispatch(&mut self, mut request: Request<'_>) {
        let now = self.now();
        if self.others.is_empty() {
            return self.files.handle(request, &now);
        }
        let mut card = 0;
        if let Some(file) = file_of(&mut request.operation) {
            (card, *file) = placed(*file);
        }
        self.dispatch_to(card, request);
    }

    fn dispatch_to(&mut self, card: usize, request: Request<'_>) {
        let now = self.now();
        let mut linked = None;
        if let Operation::Ioctl { cmd, arg, .. } = request.operation {
            if cmd == uapi::pcm::table::LINK {
                let descriptor = i32::try_from(arg).expect("a descriptor");
                linked = self.memory.open_file(descriptor).map(placed);
            }
        }
        let all = &mut self.company();
        match linked {
            Some(target) => company::link(all, card, target, request, &now),
            None => {
                let handled = company::call(all, card, &now, |f| f.handle(request, &now));
                handled.expect("there is such a card");
            }
        }
    }

    /// Sends one request without time passing.
    pub fn send(&mut self, operation: Operation<'_>) -> RequestId {
        let request = self.request(operation);
        let id = request.id;
        match request.operation {
            Operation::Interrupt { of } if !self.others.is_empty() => {
                for card in 0..=self.others.len() {
                    let operation = Operation::Interrupt { of };
                    let request = self.request(operation);
                    self.dispatch_to(card, request);
                }
            }
            _ => self.dispatch(request),
        }
        id
    }

    fn request<'o>(&mut self, operation: Operation<'o>) -> Request<'o> {
        let id = match operation {
            // As the kernel names them.
            Operation::Interrupt { of } => RequestId(of.0 | 1),
            _ => {
                self.last += 2;
                RequestId(self.last)
            }
        };
        let (sink, ioctl) = (
            Arc::clone(&self.recorder),
            matches!(operation, Operation::Ioctl { .. }),
        );
        let reply = match operation {
            Operation::Interrupt { .. } => Reply::nobody(id),
            _ => Reply::new(id, sink, ioctl),
        };
        let memory = Arc::clone(&self.memory) as Arc<dyn ClientMemory>;
        Request {
            id,
            caller: self.caller,
            operation,
            reply,
            memory,
        }
    }

    /// Opens a node of one of several cards.
    ///
    /// # Errors
    /// The errno.
    pub fn open_on(&mut self, card: usize, node: Node, flags: u32) -> Result<FileHandle, Errno> {
        let backing: Box<dyn Backing> = Box::<PrivateBacking>::default();
        let request = self.request(Operation::Open {
            node,
            flags,
            backing,
        });
        let id = request.id;
        self.dispatch_to(card, request);
        match self.now_answered(id) {
            Answered::Opened(file) | Answered::Shared(file, _) => {
                Ok(FileHandle(file.0 | (card as u64) << CARD_BITS))
            }
            other => Err(other.result().expect_err("open answers a file or an errno")),
        }
    }

    /// Lets time pass, with every deadline on the way.
    pub fn advance(&mut self, by: Nanos) {
        let end = self.now + by.0;
        self.run_until(end, None);
        self.now = end;
    }

    /// Runs deadlines up to `end` or until `id` is answered.
    fn run_until(&mut self, end: u64, id: Option<RequestId>) {
        let mut stuck = 0;
        while id.is_none_or(|id| !self.answered(id)) {
            match self.next_deadline() {
                Some(at) if at.0 <= end => {
                    stuck = if at.0 <= self.now { stuck + 1 } else { 0 };
                    assert!(stuck < 1000, "A deadline that is due does not go away");
                    self.now = self.now.max(at.0.saturating_add(self.slack).min(end));
                    self.tick();
                }
                _ => break,
            }
        }
    }

    /// Whether a request was answered.
    #[must_use]
    pub fn answered(&self, id: RequestId) -> bool {
        lock(&self.recorder.answers).contains_key(&id.0)
    }

    /// Takes an answer; what it carries for the client lands in the client's memory.
    pub fn take(&mut self, id: RequestId) -> Option<Answered> {
        let answer = lock(&self.recorder.answers).remove(&id.0)?;
        if let (Answered::Ioctl(_, bytes), Some(arg)) = (&answer, self.args.remove(&id.0)) {
            if !bytes.is_empty() {
                self.memory
                    .write(arg, bytes)
                    .expect("the kernel copied from there before");
            }
        }
        Some(answer)
    }

    /// Waits up to `limit` for an answer.
    pub fn wait(&mut self, id: RequestId, limit: Nanos) -> Option<Answered> {
        let end = self.now + limit.0;
        self.run_until(end, Some(id));
        let answer = self.take(id);
        if answer.is_none() {
            self.now = end;
        }
        answer
    }

    /// The answer to a request that does not have to wait.
    ///
    /// # Panics
    /// If there is none.
    pub fn now_answered(&mut self, id: RequestId) -> Answered {
        self.take(id).expect("an answer at once")
    }

    /// Opens a node.
    ///
    /// # Errors
    /// The errno.
    pub fn open(&mut self, node: Node, flags: u32) -> Result<FileHandle, Errno> {
        let id = self.start_open(node, flags);
        match self.now_answered(id) {
            Answered::Opened(file) | Answered::Shared(file, _) => Ok(file),
            other => Err(other.result().expect_err("open answers a file or an errno")),
        }
    }

    /// Starts to open a node.
    pub fn start_open(&mut self, node: Node, flags: u32) -> RequestId {
        self.start_open_with(node, flags, Box::<PrivateBacking>::default())
    }

    /// Starts to open a node whose ring is in this memory.
    pub fn start_open_with(
        &mut self,
        node: Node,
        flags: u32,
        backing: Box<dyn Backing>,
    ) -> RequestId {
        self.send(Operation::Open {
            node,
            flags,
            backing,
        })
    }

    /// Closes a file.
    pub fn release(&mut self, file: FileHandle) {
        let id = self.send(Operation::Release { file });
        assert_eq!(self.now_answered(id), Answered::Done);
    }

    /// Starts an ioctl whose argument word is `arg`.
    pub fn start_ioctl(&mut self, file: FileHandle, cmd: u32, arg: u64) -> RequestId {
        self.advance(Nanos(CALL));
        let size = ioctl::size(cmd);
        let by_value = [uapi::pcm::table::PAUSE, uapi::pcm::table::LINK].contains(&cmd);
        let mut input = Vec::new();
        if ioctl::dir(cmd) & ioctl::WRITE != 0 && !by_value {
            input = vec![0; size];
            if self.memory.read(arg, &mut input).is_err() {
                return self.refuse();
            }
        }
        let out_size = if ioctl::dir(cmd) & ioctl::READ != 0 {
            size
        } else {
            0
        };
        if out_size > 0 && self.memory.range(arg, size).is_err() {
            return self.refuse();
        }
        let abi = self.abi;
        let operation = Operation::Ioctl {
            file,
            cmd,
            arg,
            abi,
            input: &input,
            out_size,
        };
        let id = self.send(operation);
        self.args.insert(id.0, arg);
        id
    }

    /// The kernel itself answers EFAULT: the structure is not in the client's memory.
    fn refuse(&mut self) -> RequestId {
        self.last += 2;
        let id = RequestId(self.last);
        self.recorder
            .answer(id, &Answer::Ioctl(Err(Errno::EFAULT), &[]));
        id
    }

    /// Starts an ioctl on a structure, which lies at [`ARG`] from then on.
    pub fn start_struct<T: IntoBytes + Immutable>(
        &mut self,
        file: FileHandle,
        cmd: u32,
        value: &T,
    ) -> RequestId {
        self.put(ARG, value);
        self.start_ioctl(file, cmd, ARG)
    }

    /// An ioctl on a structure that does not have to wait.
    ///
    /// # Errors
    /// The errno; the structure is changed all the same where the files stored something.
    pub fn ioctl<T: IntoBytes + FromBytes + Immutable>(
        &mut self,
        file: FileHandle,
        cmd: u32,
        value: &mut T,
    ) -> Result<i64, Errno> {
        let id = self.start_struct(file, cmd, value);
        let answer = self.now_answered(id);
        *value = self.get(ARG);
        answer.result()
    }

    /// An ioctl without a structure that does not have to wait.
    ///
    /// # Errors
    /// The errno.
    pub fn ioctl_value(&mut self, file: FileHandle, cmd: u32, arg: u64) -> Result<i64, Errno> {
        let id = self.start_ioctl(file, cmd, arg);
        self.now_answered(id).result()
    }

    /// As [`FakeKernel::ioctl_value`], from another client with memory of its own, without time passing.
    ///
    /// # Errors
    /// The errno.
    pub fn ioctl_value_elsewhere(
        &mut self,
        file: FileHandle,
        cmd: u32,
        arg: u64,
    ) -> Result<i64, Errno> {
        let (abi, input, out_size) = (self.abi, [].as_slice(), 0);
        let id = self.send(Operation::Ioctl {
            file,
            cmd,
            arg,
            abi,
            input,
            out_size,
        });
        self.now_answered(id).result()
    }

    /// The name of the next request.
    #[must_use]
    pub fn next_id(&self) -> RequestId {
        RequestId(self.last + 2)
    }

    /// Starts a write(2).
    pub fn start_write(&mut self, file: FileHandle, data: &[u8], flags: u32) -> RequestId {
        self.advance(Nanos(CALL));
        self.send(Operation::Write { file, data, flags })
    }

    /// Starts a read(2).
    pub fn start_read(&mut self, file: FileHandle, size: usize, flags: u32) -> RequestId {
        self.advance(Nanos(CALL));
        self.send(Operation::Read { file, size, flags })
    }

    /// poll(2): the events that are ready. `wake` names a poller that goes to sleep.
    pub fn poll(&mut self, file: FileHandle, events: u32, wake: Option<PollHandle>) -> Answered {
        let id = self.send(Operation::Poll { file, events, wake });
        self.now_answered(id)
    }

    /// A signal comes for the caller of a request.
    pub fn interrupt(&mut self, of: RequestId) {
        let _ = self.send(Operation::Interrupt { of });
    }

    /// Stores a value in the client's memory.
    ///
    /// # Panics
    /// Outside of it.
    pub fn put<T: IntoBytes + Immutable + ?Sized>(&self, address: u64, value: &T) {
        self.memory
            .write(address, value.as_bytes())
            .expect("an address in the client");
    }

    /// A value in the client's memory.
    ///
    /// # Panics
    /// Outside of it.
    #[must_use]
    pub fn get<T: IntoBytes + FromBytes>(&self, address: u64) -> T {
        let mut value = T::new_zeroed();
        self.memory
            .read(address, value.as_mut_bytes())
            .expect("an address in the client");
        value
    }

    /// The pollers woken since last asked.
    pub fn take_wakes(&mut self) -> Vec<PollHandle> {
        std::mem::take(&mut *lock(&self.recorder.wakes))
    }

    /// Requests that were answered more than once.
    #[must_use]
    pub fn answered_twice(&self) -> Vec<u64> {
        lock(&self.recorder.twice).clone()
    }

    /// How many answers nobody has taken yet.
    #[must_use]
    pub fn answers(&self) -> usize {
        lock(&self.recorder.answers).len()
    }
}
