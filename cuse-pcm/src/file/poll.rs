//! poll(2): which events are ready, and who is to be woken at the next change (§3.5).

use uapi::Errno;

use super::Files;
use super::table::{Kind, OpenFile};
use crate::request::{Answer, FileHandle, PollHandle, Reply};

/// An error happened; always reported.
const POLLERR: u32 = 0x008;
/// The descriptor is not open; reported here only to who asks for it.
const POLLNVAL: u32 = 0x020;

/// What is ready where the card was removed.
#[must_use]
pub fn removed(events: u32) -> u32 {
    POLLERR | (events & POLLNVAL)
}

impl Files {
    /// Answers which events are ready. `wake` names a caller about to sleep; its absence says that nobody sleeps on this
    /// file any more.
    pub(super) fn poll(
        &mut self,
        file: FileHandle,
        events: u32,
        wake: Option<PollHandle>,
        reply: Reply,
    ) {
        if self.gone {
            return reply.send(&Answer::Ready(removed(events)));
        }
        let Some(OpenFile { kind, poller, .. }) = self.table.get_mut(file) else {
            return reply.fail(Errno::EBADF);
        };
        *poller = wake.zip(reply.sink());
        let ready = match kind {
            Kind::Control(control) => control.poll(),
            Kind::Pcm(pcm) => self
                .card
                .substream_mut(&pcm.substream)
                .map_or(POLLERR, |substream| substream.poll()),
        };
        reply.send(&Answer::Ready(ready));
    }
}
