//! What a card answers, on its way back to the kernel.

use uapi::Errno;
use uapi::fuse::{OpenOut, PollOut, WriteOut, flags::fopen};
use zerocopy::IntoBytes;

use super::Mount;
use crate::request::{Answer, FileHandle, PollHandle, RequestId, Sink};
use crate::transport::opens::Memory;
use crate::transport::passthrough;
use crate::transport::wire::ioctl_result;

impl Sink for Mount {
    fn answer(&self, id: RequestId, answer: &Answer<'_>) {
        let unique = self.rename(id.0);
        let sent = match *answer {
            Answer::Ioctl(result, bytes) => {
                let number = result.unwrap_or_else(|e| e.0.saturating_neg());
                self.channel
                    .reply(unique, ioctl_result(number).as_bytes(), bytes)
            }
            Answer::Ready(events) => self.channel.reply(
                unique,
                PollOut {
                    revents: events,
                    padding: 0,
                }
                .as_bytes(),
                &[],
            ),
            Answer::Written(bytes) => {
                let size = u32::try_from(bytes).unwrap_or(u32::MAX);
                self.channel
                    .reply(unique, WriteOut { size, padding: 0 }.as_bytes(), &[])
            }
            Answer::Data(bytes) => self.channel.reply(unique, bytes, &[]),
            Answer::Done => self.channel.reply(unique, &[], &[]),
            Answer::Opened(file) => self.opened(unique, file, None),
            Answer::Shared(file, with) => self.opened(unique, file, Some(with)),
            Answer::Failed(errno) => self.failed(unique, errno),
        };
        self.sent(sent);
    }

    fn wake(&self, poller: PollHandle) {
        self.sent(self.channel.notify_poll(poller.0));
    }
}

impl Mount {
    fn opened(&self, unique: u64, file: FileHandle, with: Option<FileHandle>) -> Result<(), Errno> {
        let Some(pending) = self.opens.end(unique) else {
            log::error!("An answer to open came for a request that is none");
            return self.channel.fail(unique, Errno::EIO);
        };
        let (fh, memory) = self.opens.insert(&pending, file, with);
        if memory != pending.memory {
            self.forget_backing(pending.memory);
        }
        let (open_flags, backing_id) = flags_of(memory);
        // The kernel looks the backing file up only when it has the answer: its number stays until the release.
        self.channel.reply(
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
        if let Some(pending) = self.opens.end(unique) {
            self.nodes.close(pending.inode);
            self.forget_backing(pending.memory);
        }
        self.channel.fail(unique, errno)
    }

    /// Drops the kernel's number of an open's file.
    pub(super) fn forget_backing(&self, memory: Memory) {
        if let Memory::Passthrough(id) = memory {
            passthrough::unregister(&self.channel, id);
        }
    }
}

/// Open flags and backing id of an answer to open.
fn flags_of(memory: Memory) -> (u32, i32) {
    let common = fopen::DIRECT_IO | fopen::NOFLUSH | fopen::PARALLEL_DIRECT_WRITES;
    match memory {
        Memory::Passthrough(id) => (common | fopen::PASSTHROUGH, id.0),
        // A stream has no position: lseek is ESPIPE as on a device, and reads do not wait for writes.
        Memory::Plain | Memory::PageCache => (common | fopen::STREAM, 0),
    }
}
