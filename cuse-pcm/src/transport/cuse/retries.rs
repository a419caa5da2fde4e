//! Requests that the kernel was asked to send again, and those that are being served with what it carried.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use uapi::{Errno, compat, control, pcm};

use super::carried::{Carried, Range, Verdict, announced};
use crate::request::Abi;
use crate::transport::client_memory::Client;
use crate::transport::wire::{Ioctl, Message};

/// Most requests that are remembered: one that never comes again is forgotten for a newer one.
const REMEMBERED: usize = 64;

/// What a request is known by when it comes again: thread, file, command, argument.
type Key = (u32, u64, u32, u64);

/// A request that is to come again, and with what.
#[derive(Debug)]
struct Expected {
    key: Key,
    parts: Vec<Range>,
    tries: u32,
}

/// A request that is being served.
#[derive(Debug)]
struct Served {
    unique: u64,
    key: Key,
    memory: Arc<Carried>,
}

/// All of a device.
#[derive(Debug, Default)]
pub(super) struct Retries {
    /// How many are being served: none, as a rule.
    count: AtomicUsize,
    lists: Mutex<(Vec<Expected>, Vec<Served>)>,
}

impl Retries {
    /// The memory with which a request is to be served, or what has to come first.
    pub(super) fn begin(
        &self,
        m: &Message<'_>,
        i: &Ioctl<'_>,
        client: Arc<Client>,
    ) -> Result<Arc<Carried>, Vec<Range>> {
        let key = (m.caller.tid, i.fh, i.cmd, i.arg);
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let (expected, served) = &mut *lists;
        let again = expected.iter().position(|known| known.key == key);
        let known = again.map(|at| expected.swap_remove(at));
        let sent_again = !i.input.is_empty();
        let (parts, tries) = match known {
            Some(known) if sent_again => (known.parts, known.tries),
            _ => {
                let row = match i.abi() {
                    Abi::Native => pcm::table::find(i.cmd).or_else(|| control::table::find(i.cmd)),
                    Abi::Compat => {
                        compat::pcm::find(i.cmd).or_else(|| compat::control::find(i.cmd))
                    }
                };
                (announced(i.cmd, i.arg, row), 0)
            }
        };
        let memory = Carried::new(&parts, i.input, client, tries);
        if memory.incomplete() {
            if sent_again {
                log::warn!("A request came again with less than was asked for");
            }
            remember(expected, key, parts.clone(), tries.saturating_add(1));
            return Err(parts);
        }
        let memory = Arc::new(memory);
        served.push(Served {
            unique: m.unique,
            key,
            memory: Arc::clone(&memory),
        });
        self.count.store(served.len(), Ordering::Release);
        Ok(memory)
    }

    /// What becomes of request `unique`, which came to `result`; `None` where it is none of these.
    pub(super) fn end(&self, unique: u64, result: Result<i32, Errno>) -> Option<Verdict> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let (expected, served) = &mut *lists;
        let at = served.iter().position(|known| known.unique == unique)?;
        let Served { key, memory, .. } = served.swap_remove(at);
        self.count.store(served.len(), Ordering::Release);
        let verdict = memory.verdict(result);
        if let Verdict::Retry(parts) = &verdict {
            let tries = memory.tries().saturating_add(1);
            remember(expected, key, parts.clone(), tries);
        }
        Some(verdict)
    }
}

fn remember(expected: &mut Vec<Expected>, key: Key, parts: Vec<Range>, tries: u32) {
    if expected.len() >= REMEMBERED {
        expected.remove(0);
    }
    expected.push(Expected { key, parts, tries });
}
