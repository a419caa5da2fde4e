//! A PCM device of a card: its substreams in both directions.

use hw_backends::units::Direction;
use uapi::pcm::Info;

use super::identity::text;
use crate::pcm::Substream;

/// Names one substream of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubstreamId {
    /// Number of the PCM device.
    pub device: u32,
    /// Direction.
    pub direction: Direction,
    /// Number of the substream within the direction.
    pub subdevice: u32,
}

/// The names of a device's substreams in one direction, in their order.
fn names(device: u32, direction: Direction) -> impl Iterator<Item = SubstreamId> {
    (0..).map(move |subdevice| SubstreamId {
        device,
        direction,
        subdevice,
    })
}

/// One PCM device (`pcmC*D<number>p`, `pcmC*D<number>c`).
#[derive(Debug)]
pub struct PcmDevice {
    /// Device number.
    pub number: u32,
    /// Identifier, at most 63 bytes.
    pub id: String,
    /// Name, at most 79 bytes.
    pub name: String,
    /// While one direction is open, the other one is busy (`SNDRV_PCM_INFO_HALF_DUPLEX`).
    pub half_duplex: bool,
    playback: Vec<Substream>,
    capture: Vec<Substream>,
}

impl PcmDevice {
    /// A device of these substreams, numbered by their place; a direction may have none.
    #[must_use]
    pub fn new(
        number: u32,
        id: impl Into<String>,
        name: impl Into<String>,
        playback: Vec<Substream>,
        capture: Vec<Substream>,
    ) -> PcmDevice {
        let (id, name) = (id.into(), name.into());
        PcmDevice {
            number,
            id,
            name,
            half_duplex: false,
            playback,
            capture,
        }
    }

    /// The same device with only one direction open at a time.
    #[must_use]
    pub fn half_duplex(mut self) -> PcmDevice {
        self.half_duplex = true;
        self
    }

    /// The substreams of one direction.
    #[must_use]
    pub fn substreams(&self, direction: Direction) -> &[Substream] {
        match direction {
            Direction::Playback => &self.playback,
            Direction::Capture => &self.capture,
        }
    }

    /// The substreams of one direction.
    pub fn substreams_mut(&mut self, direction: Direction) -> &mut [Substream] {
        match direction {
            Direction::Playback => &mut self.playback,
            Direction::Capture => &mut self.capture,
        }
    }

    /// All substreams with their names.
    pub fn all(&self) -> impl Iterator<Item = (SubstreamId, &Substream)> {
        let playback = self
            .playback
            .iter()
            .zip(names(self.number, Direction::Playback));
        let capture = self
            .capture
            .iter()
            .zip(names(self.number, Direction::Capture));
        playback
            .chain(capture)
            .map(|(substream, id)| (id, substream))
    }

    /// All substreams with their names.
    pub fn all_mut(&mut self) -> impl Iterator<Item = (SubstreamId, &mut Substream)> {
        let playback = self
            .playback
            .iter_mut()
            .zip(names(self.number, Direction::Playback));
        let capture = self
            .capture
            .iter_mut()
            .zip(names(self.number, Direction::Capture));
        playback
            .chain(capture)
            .map(|(substream, id)| (id, substream))
    }

    /// Whether any substream of this direction is open.
    #[must_use]
    pub fn busy(&self, direction: Direction) -> bool {
        self.substreams(direction).iter().any(Substream::is_open)
    }

    /// What INFO tells of one substream (`SNDRV_PCM_IOCTL_INFO`, `SNDRV_CTL_IOCTL_PCM_INFO`); `None` if there is no such
    /// substream.
    #[must_use]
    pub fn info(&self, card: u32, direction: Direction, subdevice: u32) -> Option<Info> {
        let substreams = self.substreams(direction);
        substreams.get(usize::try_from(subdevice).ok()?)?;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Some(Info {
            device: self.number,
            subdevice,
            stream: direction as i32,
            card: i32::try_from(card).unwrap_or(i32::MAX),
            id: text(&self.id),
            name: text(&self.name),
            subname: text(&format!("subdevice #{subdevice}")),
            dev_class: 0,
            dev_subclass: 0,
            subdevices_count: count(substreams.len()),
            subdevices_avail: count(substreams.iter().filter(|s| !s.is_open()).count()),
            pad1: [0; 16],
            reserved: [0; 64],
        })
    }
}
