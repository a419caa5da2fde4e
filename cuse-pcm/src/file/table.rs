//! The table of open files.

use std::collections::BTreeMap;
use std::sync::Arc;

use uapi::control::elem::Event;

use super::control::ControlFile;
use super::pcm::PcmFile;
use crate::card::SubstreamId;
use crate::request::{FileHandle, PollHandle, Sink};

/// What an open file is open on.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A substream.
    Pcm(PcmFile),
    /// The card's control elements.
    Control(ControlFile),
}

/// One open file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// What it is open on.
    pub(crate) kind: Kind,
    /// The process that opened it, 0 where that could not be found out.
    pub(crate) process: u32,
    /// Who sleeps in poll on it: to be woken once at the next change.
    pub(crate) poller: Option<(PollHandle, Arc<dyn Sink>)>,
}

impl OpenFile {
    fn wake(&mut self) {
        if let Some((handle, sink)) = self.poller.take() {
            sink.wake(handle);
        }
    }
}

/// The open files, in the order they were opened.
#[derive(Debug, Default)]
pub(crate) struct Table {
    last: u64,
    files: BTreeMap<FileHandle, OpenFile>,
}

impl Table {
    /// A new file; its handle was never used before.
    pub(crate) fn insert(&mut self, kind: Kind, process: u32) -> FileHandle {
        self.last = self.last.wrapping_add(1);
        let handle = FileHandle(self.last);
        let file = OpenFile {
            kind,
            process,
            poller: None,
        };
        self.files.insert(handle, file);
        handle
    }

    pub(crate) fn remove(&mut self, handle: FileHandle) -> Option<OpenFile> {
        self.files.remove(&handle)
    }

    pub(crate) fn get_mut(&mut self, handle: FileHandle) -> Option<&mut OpenFile> {
        self.files.get_mut(&handle)
    }

    /// The substream a file is open on, if it is one of a PCM node.
    pub(crate) fn substream(&self, handle: FileHandle) -> Option<SubstreamId> {
        match &self.files.get(&handle)?.kind {
            Kind::Pcm(file) => Some(file.substream),
            Kind::Control(_) => None,
        }
    }

    /// The subdevice that a thread prefers: what it asked for through the first control file of its own that has one.
    pub(crate) fn preferred_subdevice(&self, tid: u32) -> Option<i32> {
        self.files.values().find_map(|file| match &file.kind {
            Kind::Control(control) => control.preferred_subdevice(tid),
            Kind::Pcm(_) => None,
        })
    }

    /// Queues events in every control file and wakes who sleeps in poll on it; names the files that got any.
    pub(crate) fn tell(&mut self, events: &[Event]) -> Vec<FileHandle> {
        let mut told = Vec::new();
        for (handle, file) in &mut self.files {
            if let Kind::Control(control) = &mut file.kind {
                if control.notice(events) {
                    file.wake();
                    told.push(*handle);
                }
            }
        }
        told
    }

    /// The processes that have a substream open, or (`None`) the control elements.
    pub(crate) fn owners(&self, of: Option<&SubstreamId>) -> Vec<u32> {
        let files = self.files.values();
        let on = files.filter(|file| match (&file.kind, of) {
            (Kind::Pcm(pcm), Some(id)) => pcm.substream == *id,
            (Kind::Control(_), None) => true,
            _ => false,
        });
        on.map(|file| file.process).collect()
    }

    /// How many files are open.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The first file that is open on this substream, if any is.
    pub(crate) fn user(&self, id: &SubstreamId) -> Option<FileHandle> {
        let mut files = self.files.iter();
        files.find_map(|(handle, file)| on(file, id).then_some(*handle))
    }

    /// Wakes whoever sleeps in poll on a file of this substream.
    pub(crate) fn wake_pollers(&mut self, id: &SubstreamId) {
        self.files
            .values_mut()
            .filter(|file| on(file, id))
            .for_each(OpenFile::wake);
    }

    /// Wakes whoever sleeps in poll on any file.
    pub(crate) fn wake_all(&mut self) {
        self.files.values_mut().for_each(OpenFile::wake);
    }
}

fn on(file: &OpenFile, id: &SubstreamId) -> bool {
    match &file.kind {
        Kind::Pcm(pcm) => pcm.substream == *id,
        Kind::Control(_) => false,
    }
}
