//! What a card answers, on its way back to the kernel.

use uapi::Errno;
use uapi::fuse::{OpenOut, flags::fopen};
use zerocopy::IntoBytes;

use super::Mount;
use crate::request::{Answer, FileHandle, PollHandle, RequestId, Sink};
use crate::transport::opens::Memory;
use crate::transport::passthrough;

impl Sink for Mount {
    fn answer(&self, id: RequestId, answer: &Answer<'_>) {
        let unique = self.session.rename(id.0);
        self.session.sent(match *answer {
            Answer::Opened(file) => self.opened(unique, file, None),
            Answer::Shared(file, with) => self.opened(unique, file, Some(with)),
            Answer::Failed(errno) => self.failed(unique, errno),
            _ => self.session.answer(unique, answer),
        });
    }

    fn wake(&self, poller: PollHandle) {
        self.session.wake(poller);
    }
}

impl Mount {
    fn opened(&self, unique: u64, file: FileHandle, with: Option<FileHandle>) -> Result<(), Errno> {
        let Some(pending) = self.session.opens.end(unique) else {
            log::error!("An answer to open came for a request that is none");
            return self.session.channel.fail(unique, Errno::EIO);
        };
        let (fh, memory) = self.session.opens.insert(&pending, file, with);
        if memory != pending.memory {
            self.forget_backing(pending.memory);
        }
        let (open_flags, backing_id) = flags_of(memory);
        // The kernel looks the backing file up only when it has the answer: its number stays until the release.
        self.session.channel.reply(
            unique,
            OpenOut {
                fh,
                open_flags,
                backing_id,
            }
            .as_bytes(),
            &[],
        )
    }

    fn failed(&self, unique: u64, errno: Errno) -> Result<(), Errno> {
        if let Some(pending) = self.session.opens.end(unique) {
            self.nodes.close(pending.inode);
            self.forget_backing(pending.memory);
        }
        self.session.channel.fail(unique, errno)
    }

    /// Drops the kernel's number of an open's file.
    pub(super) fn forget_backing(&self, memory: Memory) {
        if let Memory::Passthrough(id) | Memory::Narrow(id) = memory {
            passthrough::unregister(&self.session.channel, id);
        }
    }
}

/// Open flags and backing id of an answer to open.
fn flags_of(memory: Memory) -> (u32, i32) {
    let common = fopen::DIRECT_IO | fopen::NOFLUSH | fopen::PARALLEL_DIRECT_WRITES;
    match memory {
        Memory::Passthrough(id) | Memory::Narrow(id) => (common | fopen::PASSTHROUGH, id.0),
        // A stream has no position: lseek is ESPIPE as on a device, and reads do not wait for writes.
        Memory::Plain | Memory::PageCache | Memory::Device { .. } => (common | fopen::STREAM, 0),
    }
}
