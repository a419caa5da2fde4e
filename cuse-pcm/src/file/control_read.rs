//! Reading the events of a control file, and telling control files of new ones (§11.8).

use std::sync::Arc;

use hw_backends::units::Now;
use uapi::Errno;

use super::Files;
use super::open::O_NONBLOCK;
use super::table::{Kind, OpenFile};
use super::wait::{Waiting, Work};
use crate::request::{Answer, ClientMemory, FileHandle, Reply};

impl Files {
    /// read(2): on a control file its events, on a PCM file samples.
    pub(super) fn read(
        &mut self,
        file: FileHandle,
        size: usize,
        flags: u32,
        reply: Reply,
        memory: Arc<dyn ClientMemory>,
        now: &Now,
    ) {
        match self.table.get_mut(file) {
            Some(OpenFile {
                kind: Kind::Control(_),
                ..
            }) if !self.gone => {
                let nonblock = flags & O_NONBLOCK != 0;
                self.read_events(file, size, nonblock, reply, memory, now);
            }
            _ => self.read_samples(file, size, reply, memory, now),
        }
    }

    fn read_events(
        &mut self,
        file: FileHandle,
        size: usize,
        nonblock: bool,
        reply: Reply,
        memory: Arc<dyn ClientMemory>,
        now: &Now,
    ) {
        self.scratch.clear();
        let fetched = match self.table.get_mut(file) {
            Some(OpenFile {
                kind: Kind::Control(control),
                ..
            }) => control.read(size, &mut self.scratch),
            _ => Err(Errno::EBADF),
        };
        match fetched {
            Ok(true) => reply.send(&Answer::Data(&self.scratch)),
            Ok(false) if nonblock => reply.fail(Errno::EAGAIN),
            Ok(false) => {
                let work = Work::ControlRead(size);
                let waiting = Waiting {
                    file: Some(file),
                    reply,
                    memory,
                    work,
                };
                self.parked.park(waiting, None, &mut self.card, now);
            }
            Err(errno) => reply.fail(errno),
        }
    }

    /// Hands what happened to the card's elements on to its control files; `false` if nothing did.
    pub(super) fn tell_control_files(&mut self, now: &Now) -> bool {
        let events = self.card.control.take_events();
        if events.is_empty() {
            return false;
        }
        for file in self.table.tell(&events) {
            for Waiting {
                reply,
                memory,
                work,
                ..
            } in self.parked.take_readers(file)
            {
                match work {
                    Work::ControlRead(size) => {
                        self.read_events(file, size, false, reply, memory, now);
                    }
                    _ => reply.fail(Errno::EIO),
                }
            }
        }
        true
    }
}
