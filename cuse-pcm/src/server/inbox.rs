//! What is left for a card that is busy, or that lives elsewhere.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

use hw_backends::dma::Backing;

use super::house::Letter;

use crate::request::{
    Abi, Caller, ClientMemory, FileHandle, Node, Operation, PollHandle, Reply, Request, RequestId,
};

/// A request that owns its bytes.
#[derive(Debug)]
pub(super) struct Kept {
    id: RequestId,
    caller: Caller,
    operation: KeptOperation,
    reply: Reply,
    memory: Arc<dyn ClientMemory>,
}

#[derive(Debug)]
enum KeptOperation {
    Open {
        node: Node,
        flags: u32,
        backing: Box<dyn Backing>,
    },
    Release {
        file: FileHandle,
    },
    Ioctl {
        file: FileHandle,
        cmd: u32,
        arg: u64,
        abi: Abi,
        input: Box<[u8]>,
        out_size: usize,
    },
    Read {
        file: FileHandle,
        size: usize,
        flags: u32,
    },
    Write {
        file: FileHandle,
        data: Box<[u8]>,
        flags: u32,
    },
    Poll {
        file: FileHandle,
        events: u32,
        wake: Option<PollHandle>,
    },
    Interrupt {
        of: RequestId,
    },
}

impl Kept {
    pub(super) fn new(request: Request<'_>) -> Kept {
        let operation = match request.operation {
            Operation::Open {
                node,
                flags,
                backing,
            } => KeptOperation::Open {
                node,
                flags,
                backing,
            },
            Operation::Release { file } => KeptOperation::Release { file },
            Operation::Ioctl {
                file,
                cmd,
                arg,
                abi,
                input,
                out_size,
            } => KeptOperation::Ioctl {
                file,
                cmd,
                arg,
                abi,
                input: input.into(),
                out_size,
            },
            Operation::Read { file, size, flags } => KeptOperation::Read { file, size, flags },
            Operation::Write { file, data, flags } => KeptOperation::Write {
                file,
                data: data.into(),
                flags,
            },
            Operation::Poll { file, events, wake } => KeptOperation::Poll { file, events, wake },
            Operation::Interrupt { of } => KeptOperation::Interrupt { of },
        };
        Kept {
            id: request.id,
            caller: request.caller,
            operation,
            reply: request.reply,
            memory: request.memory,
        }
    }

    /// Gives the request to `then` as it came.
    pub(super) fn with<R>(self, then: impl FnOnce(Request<'_>) -> R) -> R {
        let (input, data);
        let operation = match self.operation {
            KeptOperation::Open {
                node,
                flags,
                backing,
            } => Operation::Open {
                node,
                flags,
                backing,
            },
            KeptOperation::Release { file } => Operation::Release { file },
            KeptOperation::Ioctl {
                file,
                cmd,
                arg,
                abi,
                input: bytes,
                out_size,
            } => {
                input = bytes;
                Operation::Ioctl {
                    file,
                    cmd,
                    arg,
                    abi,
                    input: &input,
                    out_size,
                }
            }
            KeptOperation::Read { file, size, flags } => Operation::Read { file, size, flags },
            KeptOperation::Write {
                file,
                data: bytes,
                flags,
            } => {
                data = bytes;
                Operation::Write {
                    file,
                    data: &data,
                    flags,
                }
            }
            KeptOperation::Poll { file, events, wake } => Operation::Poll { file, events, wake },
            KeptOperation::Interrupt { of } => Operation::Interrupt { of },
        };
        let (id, caller, reply, memory) = (self.id, self.caller, self.reply, self.memory);
        then(Request {
            id,
            caller,
            operation,
            reply,
            memory,
        })
    }
}

/// First in, first out.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: Mutex<VecDeque<Letter>>,
    count: AtomicUsize,
}

impl Inbox {
    /// Leaves letters. Whoever does then tries the card once more: it may just have been let go. What `then` does has
    /// been done when anybody gets to read the letters, and has not been seen by anybody who reads earlier ones only.
    pub(super) fn push(&self, letters: impl IntoIterator<Item = Letter>, then: impl FnOnce()) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(letters);
        self.count.store(waiting.len(), Ordering::SeqCst);
        then();
        drop(waiting);
        fence(Ordering::SeqCst);
    }

    /// Takes the oldest letter.
    pub(super) fn pop(&self) -> Option<Letter> {
        if self.count.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let letter = waiting.pop_front();
        self.count.store(waiting.len(), Ordering::SeqCst);
        letter
    }

    /// Whether nothing waits. Asked after the card was let go, so that nothing stays behind.
    pub(super) fn is_empty(&self) -> bool {
        fence(Ordering::SeqCst);
        self.count.load(Ordering::SeqCst) == 0
    }
}
