//! A sound card: who it is, its PCM devices and which of their substreams are linked, its control elements.
//!
//! Knows nothing of open descriptors and requests.

pub mod control;
pub mod device;
mod groups;
pub mod identity;

pub use device::{PcmDevice, SubstreamId};
pub use groups::{CardKey, Member};
pub use identity::Identity;

use crate::pcm::Substream;
use control::Control;
use groups::Groups;

/// One card.
#[derive(Debug)]
pub struct Card {
    /// Number and names.
    pub identity: Identity,
    /// PCM devices, by rising number.
    pub devices: Vec<PcmDevice>,
    /// Control elements.
    pub control: Control,
    groups: Groups,
    key: CardKey,
    /// Cards that are lent to this one, for links across cards.
    beside: Vec<Card>,
}

impl Card {
    /// A card of these devices, without control elements yet.
    #[must_use]
    pub fn new(identity: Identity, mut devices: Vec<PcmDevice>) -> Card {
        devices.sort_by_key(|device| device.number);
        Card {
            identity,
            devices,
            control: Control::new(),
            groups: Groups::default(),
            key: CardKey::fresh(),
            beside: Vec::new(),
        }
    }

    /// What stands in the place of a card that was lent: nothing.
    pub(crate) fn absent() -> Card {
        Card {
            identity: Identity::default(),
            devices: Vec::new(),
            control: Control::new(),
            groups: Groups::default(),
            key: CardKey::default(),
            beside: Vec::new(),
        }
    }

    /// The PCM device with this number.
    #[must_use]
    pub fn device(&self, number: u32) -> Option<&PcmDevice> {
        self.devices.iter().find(|device| device.number == number)
    }

    /// The PCM device with this number.
    pub fn device_mut(&mut self, number: u32) -> Option<&mut PcmDevice> {
        self.devices
            .iter_mut()
            .find(|device| device.number == number)
    }

    /// The substream with this name.
    #[must_use]
    pub fn substream(&self, id: &SubstreamId) -> Option<&Substream> {
        self.device(id.device)?
            .substreams(id.direction)
            .get(usize::try_from(id.subdevice).ok()?)
    }

    /// The substream with this name.
    pub fn substream_mut(&mut self, id: &SubstreamId) -> Option<&mut Substream> {
        let subdevice = usize::try_from(id.subdevice).ok()?;
        self.device_mut(id.device)?
            .substreams_mut(id.direction)
            .get_mut(subdevice)
    }
    /// Every substream that is open, with its name.
    pub fn open_substreams(&self) -> impl Iterator<Item = (SubstreamId, &Substream)> {
        self.devices
            .iter()
            .flat_map(PcmDevice::all)
            .filter(|(_, substream)| substream.is_open())
    }

    /// Every substream that is open, with its name.
    pub fn open_substreams_mut(&mut self) -> impl Iterator<Item = (SubstreamId, &mut Substream)> {
        let all = self.devices.iter_mut().flat_map(PcmDevice::all_mut);
        all.filter(|(_, substream)| substream.is_open())
    }
}
