//! What an existing sound card says of itself, so that another one can be made like it.
//!
//! Reads through the card's control and PCM nodes; a PCM device is opened for a moment. What cannot be seen from outside
//! is not taken over: lists of sizes or of rates other than the usual ones, and rules between parameters that a driver
//! has of its own (a range, a step or a list of rates is found). Knows nothing of the card that is to be made.

mod node;
pub mod probe;

use std::path::Path;

use uapi::control::elem::CardInfo;
use uapi::pcm::Info;
use uapi::pcm::info::HALF_DUPLEX;
use uapi::{Errno, pcm};

use crate::hardware::Hardware;
use crate::registry::Error;
use crate::units::Direction;
use node::{ControlNode, PcmNode};

/// Highest card number.
const MAX_CARD: u32 = 31;

/// A card as it presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardModel {
    /// Short identifier.
    pub id: String,
    /// Driver.
    pub driver: String,
    /// Name.
    pub name: String,
    /// Long name.
    pub longname: String,
    /// Name of the mixer.
    pub mixername: String,
    /// Components.
    pub components: String,
    /// PCM devices, by rising number.
    pub devices: Vec<DeviceModel>,
}

/// A PCM device as it presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceModel {
    /// Device number.
    pub number: u32,
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// What it plays with.
    pub playback: Option<SideModel>,
    /// What it records with.
    pub capture: Option<SideModel>,
}

/// One direction of a PCM device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideModel {
    /// How many substreams.
    pub substreams: u32,
    /// What each can do.
    pub hardware: Hardware,
}

impl DeviceModel {
    /// One direction.
    #[must_use]
    pub fn side(&self, direction: Direction) -> Option<&SideModel> {
        match direction {
            Direction::Playback => self.playback.as_ref(),
            Direction::Capture => self.capture.as_ref(),
        }
    }

    /// Whether only one direction can be open at a time.
    #[must_use]
    pub fn half_duplex(&self) -> bool {
        let sides = [&self.playback, &self.capture];
        (sides.into_iter().flatten()).any(|side| side.hardware.info & HALF_DUPLEX != 0)
    }
}

/// Reads the card `name` (`hw:N`, `hw:ID`, or N or ID alone) through its nodes in `directory` (`/dev/snd`).
///
/// # Errors
/// No such card; no permission; a PCM device all of whose substreams are in use.
pub fn read(name: &str, directory: &Path) -> Result<CardModel, Error> {
    let number = number_of(name, directory)?;
    let control = open_control(number, directory)?;
    let info = control.card_info().map_err(|errno| {
        Error::new(format!(
            "Card {number} does not tell what it is: {errno}; is it an ALSA card?"
        ))
    })?;
    let mut devices = Vec::new();
    let mut last = -1;
    while let Ok(Some(next)) = control.next_device(last) {
        last = i32::try_from(next).unwrap_or(i32::MAX);
        devices.push(device(&control, number, next, directory)?);
    }
    Ok(CardModel {
        id: text(&info.id),
        driver: text(&info.driver),
        name: text(&info.name),
        longname: text(&info.longname),
        mixername: text(&info.mixername),
        components: text(&info.components),
        devices,
    })
}

fn open_control(number: u32, directory: &Path) -> Result<ControlNode, Error> {
    let path = directory.join(format!("controlC{number}"));
    ControlNode::open(&path).map_err(|errno| {
        Error::new(format!(
            "Cannot open {} to see what the card can do: {errno}; `aplay -l` lists the cards there are",
            path.display()
        ))
    })
}

/// The number of a card given by number or identifier.
fn number_of(name: &str, directory: &Path) -> Result<u32, Error> {
    let short = name.strip_prefix("hw:").unwrap_or(name);
    if let Ok(number) = short.parse() {
        return Ok(number);
    }
    let is_it = |number: &u32| {
        let info = ControlNode::open(&directory.join(format!("controlC{number}")))
            .and_then(|control| control.card_info());
        info.is_ok_and(|info: CardInfo| text(&info.id) == short)
    };
    (0..=MAX_CARD).find(is_it).ok_or_else(|| {
        Error::new(format!(
            "There is no card \"{short}\"; write hw:N with its number; `aplay -l` lists the cards there are"
        ))
    })
}

fn device(
    control: &ControlNode,
    card: u32,
    number: u32,
    directory: &Path,
) -> Result<DeviceModel, Error> {
    let mut model = DeviceModel {
        number,
        id: String::new(),
        name: String::new(),
        playback: None,
        capture: None,
    };
    for direction in [Direction::Playback, Direction::Capture] {
        let Ok(info) = control.pcm_info(number, direction) else {
            continue;
        };
        (model.id, model.name) = (text(&info.id), text(&info.name));
        let letter = match direction {
            Direction::Playback => 'p',
            Direction::Capture => 'c',
        };
        let path = directory.join(format!("pcmC{card}D{number}{letter}"));
        let side = Some(side(&path, &info)?);
        match direction {
            Direction::Playback => model.playback = side,
            Direction::Capture => model.capture = side,
        }
    }
    Ok(model)
}

fn side(path: &Path, info: &Info) -> Result<SideModel, Error> {
    let failed = |errno: Errno| {
        let remedy = match errno {
            Errno::EBUSY => "; end the program that uses it and try again",
            Errno::EACCES => "; become root or a member of group audio",
            _ => "",
        };
        let path = path.display();
        Error::new(format!("Cannot see what {path} can do: {errno}{remedy}"))
    };
    let node = PcmNode::open(path).map_err(failed)?;
    let mut refine = |p: &mut pcm::HwParams| node.hw_refine(p);
    Ok(SideModel {
        substreams: info.subdevices_count.max(1),
        hardware: probe::hardware(&mut refine).map_err(failed)?,
    })
}

/// The text in a structure's place for it, up to the NUL.
fn text(place: &[u8]) -> String {
    let length = place.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(place.get(..length.unwrap_or(place.len())).unwrap_or(place))
        .into_owned()
}
