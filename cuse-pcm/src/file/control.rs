//! One open control file: its subscription, the events it has not read, the subdevice it prefers; and the control
//! ioctls that are not about elements.
//!
//! Nothing here waits: whether an empty [`ControlFile::read`] fails or is parked is up to [`super::Files`].

use hw_backends::units::Direction;
use uapi::Errno;
use uapi::control::elem::{CardInfo, Event, power};
use uapi::control::table as cmd;
use uapi::pcm::Info;
use zerocopy::IntoBytes;

use super::argument::Argument;
use super::{control_compat, control_elem};
use crate::card::control::events::EventQueue;
use crate::card::identity::text;
use crate::card::{Card, Identity};
use crate::request::Abi;

/// `POLLIN | POLLRDNORM`.
const READABLE: u32 = 0x0001 | 0x0040;

/// Bytes of one event.
const EVENT: usize = size_of::<Event>();

/// No subdevice is preferred.
pub const ANY: i32 = -1;

/// One open control file.
#[derive(Debug)]
pub struct ControlFile {
    /// Names it as the owner of locks.
    file: u64,
    /// The thread that opened it.
    opener: u32,
    subscribed: bool,
    queue: EventQueue,
    preferred: i32,
}

impl ControlFile {
    /// A file that thread `opener` has opened.
    #[must_use]
    pub fn new(card: &mut Card, opener: u32) -> ControlFile {
        ControlFile {
            file: card.control.open(),
            opener,
            subscribed: false,
            queue: EventQueue::default(),
            preferred: ANY,
        }
    }

    /// Any ioctl, also an unknown one. Returns what the client's call returns.
    ///
    /// # Errors
    /// ENOTTY: unknown; EFAULT; what the command says.
    pub fn ioctl(&mut self, call: &mut Argument<'_>, card: &mut Card) -> Result<i32, Errno> {
        if call.abi == Abi::Compat {
            if let Some(result) = control_compat::ioctl(call, self.file, &mut card.control) {
                return result;
            }
        }
        match call.cmd {
            cmd::PVERSION => call.put(&cmd::VERSION)?,
            cmd::CARD_INFO => call.put(&card_info(&card.identity))?,
            cmd::PCM_NEXT_DEVICE => next_device(call, card)?,
            cmd::PCM_INFO => pcm_info(call, card)?,
            cmd::PCM_PREFER_SUBDEVICE => self.preferred = call.get()?,
            cmd::SUBSCRIBE_EVENTS => self.subscribe(call)?,
            cmd::POWER => return Err(Errno::ENOPROTOOPT),
            cmd::POWER_STATE => call.put(&power::D0)?,
            _ => return control_elem::ioctl(call, self.file, &mut card.control),
        }
        Ok(0)
    }

    /// Appends as many waiting events as `size` bytes hold; `false` if none waits.
    ///
    /// # Errors
    /// EBADFD: not subscribed; EINVAL: `size` holds no event.
    pub fn read(&mut self, size: usize, into: &mut Vec<u8>) -> Result<bool, Errno> {
        if !self.subscribed {
            return Err(Errno::EBADFD);
        }
        if size < EVENT {
            return Err(Errno::EINVAL);
        }
        for _ in 0..size / EVENT {
            let Some(event) = self.queue.pop() else { break };
            into.extend_from_slice(event.as_bytes());
        }
        Ok(!into.is_empty())
    }

    /// The poll events that are ready.
    #[must_use]
    pub fn poll(&self) -> u32 {
        if self.subscribed && !self.queue.is_empty() {
            READABLE
        } else {
            0
        }
    }

    /// Queues what has happened; `true` if readers and pollers of this file are to be woken.
    pub fn notice(&mut self, events: &[Event]) -> bool {
        if !self.subscribed {
            return false;
        }
        events.iter().for_each(|event| self.queue.push(*event));
        !events.is_empty()
    }

    /// The file is closed: its locks drop.
    pub fn release(&mut self, card: &mut Card) {
        card.control.release(self.file);
    }

    /// The PCM subdevice that thread `tid` asked for through this file, if it is the thread that opened it. The first
    /// open control file, in the order of opening, that has one decides.
    #[must_use]
    pub fn preferred_subdevice(&self, tid: u32) -> Option<i32> {
        (self.opener == tid && self.preferred != ANY).then_some(self.preferred)
    }

    /// SUBSCRIBE_EVENTS: above 0 begins, 0 ends and forgets what waits, below 0 asks.
    fn subscribe(&mut self, call: &mut Argument<'_>) -> Result<(), Errno> {
        let subscribe: i32 = call.get()?;
        if subscribe < 0 {
            return call.put(&i32::from(self.subscribed));
        }
        self.subscribed = subscribe > 0;
        if !self.subscribed {
            self.queue.clear();
        }
        Ok(())
    }
}

fn card_info(identity: &Identity) -> CardInfo {
    CardInfo {
        card: i32::try_from(identity.number).unwrap_or(i32::MAX),
        pad: 0,
        id: text(&identity.id),
        driver: text(&identity.driver),
        name: text(&identity.name),
        longname: text(&identity.longname),
        reserved: [0; 16],
        mixername: text(&identity.mixername),
        components: text(&identity.components),
    }
}

/// PCM_NEXT_DEVICE: the smallest device number above the one given; −1 if none.
fn next_device(call: &mut Argument<'_>, card: &Card) -> Result<(), Errno> {
    let after: i32 = call.get()?;
    let numbers = card
        .devices
        .iter()
        .filter_map(|device| i32::try_from(device.number).ok());
    let next = numbers.filter(|&number| number > after.max(-1)).min();
    call.put(&next.unwrap_or(-1))
}

/// PCM_INFO: of the device, stream and subdevice given.
fn pcm_info(call: &mut Argument<'_>, card: &Card) -> Result<(), Errno> {
    let asked: Info = call.get()?;
    let direction = match asked.stream {
        0 => Direction::Playback,
        1 => Direction::Capture,
        _ => return Err(Errno::EINVAL),
    };
    let device = card.device(asked.device).ok_or(Errno::ENXIO)?;
    if device.substreams(direction).is_empty() {
        return Err(Errno::ENOENT);
    }
    let info = device
        .info(card.identity.number, direction, asked.subdevice)
        .ok_or(Errno::ENXIO)?;
    call.put(&info)
}

#[cfg(test)]
mod tests;
