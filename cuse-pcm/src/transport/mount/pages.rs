//! Opens whose memory is cached pages: the threads they need, and what the pages hold.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use hw_backends::dma::Backing;
use uapi::Errno;
use zerocopy::IntoBytes;

use super::{Memory, Mount, plain};
use crate::transport::Cards;
use crate::transport::page_cache::{self, Job, MapRequest, Mapper, Store};
use crate::transport::wire::Message;

impl Mount {
    pub(super) fn send_to_mapper(
        &self,
        m: &Message<'_>,
        flags: u32,
        narrow: bool,
    ) -> Result<(), Errno> {
        self.nodes.set_store(m.inode, Arc::new(Store::new()?));
        let request = MapRequest {
            unique: m.unique,
            inode: m.inode,
            flags,
            caller: m.caller,
            narrow,
        };
        self.jobs
            .send(Job::Open(request))
            .map_err(|_| Errno::ENODEV)
    }

    /// The mapper's thread: maps opened inodes and ends mappings, until [`Mount::stop_mapper`]. What it maps goes on at
    /// [`Mount::run_opener`], for this thread cannot answer.
    pub fn run_mapper(&self) {
        let Some((work, mapped)) = self
            .work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        else {
            return;
        };
        let mapper = match Mapper::become_here(&self.root, self.jobs.clone()) {
            Ok(mapper) => Some(mapper),
            Err(e) => {
                log::error!("Cached pages cannot be mapped: {e}");
                None
            }
        };
        while let Ok(job) = work.recv() {
            match (job, &mapper) {
                (Job::Open(request), Some(mapper)) => {
                    let token = self.nodes.grant(request.inode, mapper.tid());
                    let backing = mapper.map(&token, request.narrow);
                    self.nodes.revoke(&token);
                    let _ = mapped.send((request, backing));
                }
                (Job::Open(request), None) => {
                    let _ = mapped.send((request, Err(Errno::ENODEV)));
                }
                (Job::Unmap(area), Some(mapper)) => mapper.unmap(area),
                (Job::Unmap(area), None) => drop(area),
                (Job::Stop, _) => return,
            }
        }
    }

    /// The anchor's thread, see [`page_cache::anchor`]; until [`Mount::weigh_anchor`].
    pub fn run_anchor(&self) {
        self.anchor_thread
            .store(page_cache::tid(), Ordering::Release);
        if let Err(e) = page_cache::anchor(&self.root) {
            log::error!("If this daemon is killed it may hang, and its clients: {e}");
        }
        self.anchor_thread.store(0, Ordering::Release);
    }

    /// Whether the anchor holds.
    #[must_use]
    pub fn anchored(&self) -> bool {
        self.anchor_request.load(Ordering::Acquire) != 0
    }

    /// Ends the anchor.
    pub fn weigh_anchor(&self) {
        let unique = self.anchor_request.swap(0, Ordering::AcqRel);
        if unique != 0 {
            self.session
                .sent(self.session.channel.fail(unique, Errno::ENODEV));
        }
    }

    /// Lets opens whose inode was mapped go on, until the mapper ends.
    pub fn run_opener(self: &Arc<Self>, cards: &dyn Cards) {
        let Some(mapped) = self
            .mapped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        else {
            return;
        };
        while let Ok((r, backing)) = mapped.recv() {
            let (memory, backing): (Memory, Box<dyn Backing>) = match backing {
                Ok(backing) => (Memory::PageCache, Box::new(backing)),
                Err(e) => {
                    log::error!(
                        "A node could not be mapped, so its client cannot map it either: {e}"
                    );
                    (Memory::Plain, plain())
                }
            };
            self.deliver_open(r.unique, r.inode, r.caller, r.flags, memory, backing, cards);
        }
    }

    /// Ends the mapper after the work it has.
    pub fn stop_mapper(&self) {
        let _ = self.jobs.send(Job::Stop);
    }

    /// Takes no memory and no fault: the thread whose page this is may hold the process's map meanwhile.
    pub(super) fn read_pages(
        &self,
        unique: u64,
        inode: u64,
        offset: u64,
        size: usize,
        scratch: &mut [u8],
    ) {
        let done = match (self.nodes.store(inode), scratch.get_mut(..size)) {
            (Some(store), Some(bytes)) => store.read(offset, bytes).map(|()| &*bytes),
            _ => Err(Errno::EIO),
        };
        self.session.sent(match done {
            Ok(bytes) => self.session.channel.reply(unique, bytes, &[]),
            Err(e) => self.session.channel.fail(unique, e),
        });
    }

    pub(super) fn write_pages(&self, m: &Message<'_>, offset: u64, data: &[u8]) {
        let done = self
            .nodes
            .store(m.inode)
            .map_or(Err(Errno::EIO), |store| store.write(offset, data));
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.session.sent(match done {
            Ok(()) => self.session.channel.reply(
                m.unique,
                uapi::fuse::WriteOut { size, padding: 0 }.as_bytes(),
                &[],
            ),
            Err(e) => self.session.channel.fail(m.unique, e),
        });
    }
}
