//! open(2) and the last close(2): which substream an open gets (§2.1), who waits for one, who shares one (§2.3).

use std::sync::Arc;

use hw_backends::dma::Backing;
use hw_backends::units::{Direction, Now};
use uapi::Errno;

use super::Files;
use super::control::{ANY, ControlFile};
use super::pcm::PcmFile;
use super::table::Kind;
use super::wait::{Waiting, Work};
use crate::card::{PcmDevice, SubstreamId};
use crate::request::{Answer, Caller, ClientMemory, FileHandle, Node, Reply};

/// `O_APPEND`: share a substream that is open.
const O_APPEND: u32 = 0o2000;
/// `O_NONBLOCK`: rather fail than wait.
pub(crate) const O_NONBLOCK: u32 = 0o4000;

/// An open that was asked for.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The node.
    pub(crate) node: Node,
    /// Open flags.
    pub(crate) flags: u32,
    /// Memory of this open.
    pub(crate) backing: Box<dyn Backing>,
    /// Who opens.
    pub(crate) caller: Caller,
    /// That one's process.
    pub(crate) process: u32,
}

/// A new file, and one that has its substream open already.
type Opened = (FileHandle, Option<FileHandle>);

/// Where an open of a PCM node leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A free substream.
    Fresh(u32),
    /// A substream that others have open.
    Shared(u32),
    /// All taken.
    Busy,
}

impl Files {
    /// Opens a node, or parks the open until a substream becomes free.
    pub(super) fn open(
        &mut self,
        opening: Opening,
        reply: Reply,
        memory: Arc<dyn ClientMemory>,
        now: &Now,
    ) {
        let (nonblock, node) = (opening.flags & O_NONBLOCK != 0, opening.node);
        match self.try_open(opening, now) {
            Ok(Ok((handle, None))) => reply.send(&Answer::Opened(handle)),
            Ok(Ok((handle, Some(other)))) => reply.send(&Answer::Shared(handle, other)),
            Ok(Err(opening)) => {
                if nonblock {
                    return reply.fail(Errno::EBUSY);
                }
                log::debug!("An open of {node:?} waits for a free substream");
                let work = Work::Open(opening);
                let waiting = Waiting {
                    file: None,
                    reply,
                    memory,
                    work,
                };
                self.parked.park(waiting, None, &mut self.card, now);
            }
            Err(errno) => reply.fail(errno),
        }
    }

    /// The whole decision list once; gives the opening back when there is nothing free.
    fn try_open(&mut self, opening: Opening, now: &Now) -> Result<Result<Opened, Opening>, Errno> {
        if self.gone {
            return Err(Errno::ENODEV);
        }
        match opening.node {
            Node::Control => {
                let file = ControlFile::new(&mut self.card, opening.caller.tid);
                let file = self.table.insert(Kind::Control(file), opening.process);
                Ok(Ok((file, None)))
            }
            Node::Pcm { device, direction } => self.try_open_pcm(opening, device, direction, now),
        }
    }

    fn try_open_pcm(
        &mut self,
        opening: Opening,
        device: u32,
        direction: Direction,
        now: &Now,
    ) -> Result<Result<Opened, Opening>, Errno> {
        let asked = self.table.preferred_subdevice(opening.caller.tid);
        let preferred = asked.unwrap_or(ANY);
        let pcm = self.card.device(device).ok_or(Errno::ENODEV)?;
        let subdevice = match place(pcm, direction, opening.flags, preferred)? {
            Place::Busy => return Ok(Err(opening)),
            Place::Shared(subdevice) => subdevice,
            Place::Fresh(subdevice) => {
                let id = SubstreamId {
                    device,
                    direction,
                    subdevice,
                };
                let substream = self.card.substream_mut(&id).ok_or(Errno::ENODEV)?;
                substream.opened_by(opening.caller.uid);
                substream.open(opening.backing, opening.flags & O_NONBLOCK != 0, now)?;
                subdevice
            }
        };
        let substream = SubstreamId {
            device,
            direction,
            subdevice,
        };
        let other = self.table.user(&substream);
        let file = PcmFile::new(substream, opening.flags);
        let file = self.table.insert(Kind::Pcm(file), opening.process);
        Ok(Ok((file, other)))
    }

    /// One reference to a substream is gone: the last one closes it, and whoever waits for one of that device tries again.
    pub(super) fn close_substream(&mut self, id: &SubstreamId, now: &Now) {
        if self.table.user(id).is_some() {
            return;
        }
        self.card.together(id, now, |card| {
            if let Some(substream) = card.substream_mut(id) {
                substream.close(now);
            }
        });
        // Most are in no group.
        let _ = self.card.unlink(id);
        for Waiting {
            reply,
            memory,
            work,
            ..
        } in self.parked.take_openers(id.device)
        {
            match work {
                Work::Open(opening) => self.open(opening, reply, memory, now),
                _ => reply.fail(Errno::EIO),
            }
        }
    }
}

/// §2.1 from the third condition on.
fn place(
    device: &PcmDevice,
    direction: Direction,
    flags: u32,
    preferred: i32,
) -> Result<Place, Errno> {
    let substreams = device.substreams(direction);
    if substreams.is_empty() {
        return Err(Errno::ENODEV);
    }
    let opposite = match direction {
        Direction::Playback => Direction::Capture,
        Direction::Capture => Direction::Playback,
    };
    if device.half_duplex && device.busy(opposite) {
        return Ok(Place::Busy);
    }
    if flags & O_APPEND != 0 {
        let chosen = match u32::try_from(preferred) {
            Ok(number) => number,
            Err(_) if substreams.len() > 1 => return Err(Errno::EINVAL),
            Err(_) => 0,
        };
        let substream = usize::try_from(chosen).ok().and_then(|n| substreams.get(n));
        return match substream {
            None => Err(Errno::ENODEV),
            Some(substream) if !substream.is_open() => Err(Errno::EBADFD),
            Some(_) => Ok(Place::Shared(chosen)),
        };
    }
    let free = (0..).zip(substreams).find(|(number, substream)| {
        !substream.is_open() && (preferred == ANY || i64::from(preferred) == i64::from(*number))
    });
    Ok(free.map_or(Place::Busy, |(number, _)| Place::Fresh(number)))
}
