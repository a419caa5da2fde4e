//! What cards there shall be: the same plan, whether it comes from options or from a file.
//!
//! Knows the words of the file and what makes a plan sound; knows nothing of nodes, mounts or the command line.

mod build;
mod error;
mod like;
mod memory;
mod names;

use hw_backends::existing::CardModel;
use serde::{Deserialize, Serialize};

pub use build::{build, build_with, check_backends};
pub use error::Error;
pub use memory::{BufferPlan, Common, MemoryPlan, Size};
pub use names::{DEFAULT_ID, check_id};

/// Highest card number, as in the kernel.
pub const MAX_CARD: u32 = 31;
/// Most substreams in one direction of a device.
pub const MAX_SUBSTREAMS: u32 = 128;
/// Most PCM devices of a card.
pub const MAX_DEVICES: usize = 32;

/// The cards of one daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The cards, `[[card]]` in the file.
    #[serde(rename = "card")]
    pub cards: Vec<CardPlan>,
}

/// One card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CardPlan {
    /// Its number, 0 to 31.
    pub number: u32,
    /// Its short name, as in `hw:ID`: at most 15 letters, digits and `_`.
    #[serde(default = "names::default_id")]
    pub id: String,
    /// Its name for people.
    #[serde(default = "names::default_name")]
    pub name: String,
    /// A card of this machine whose names and limits it takes over: `hw:N` or `hw:ID`.
    #[serde(default)]
    pub like: Option<String>,
    /// What that card says of itself; see [`Config::look_up`].
    #[serde(skip)]
    pub model: Option<CardModel>,
    /// What its rings may take, `[card.memory]` in the file.
    #[serde(default)]
    pub memory: MemoryPlan,
    /// Its PCM devices, `[[card.pcm]]` in the file; numbered from 0 in their order. Of a card like another one: what
    /// stands behind that one's devices, in their order; silence where nothing is said.
    #[serde(rename = "pcm", default)]
    pub devices: Vec<DevicePlan>,
}

/// One PCM device.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DevicePlan {
    /// Its name for people.
    #[serde(default = "names::default_device_name")]
    pub name: String,
    /// Where what is played goes; `none` for a device that does not play.
    #[serde(default = "names::default_backend")]
    pub playback: String,
    /// Where what is recorded comes from; `none` for a device that does not record.
    #[serde(default = "names::default_backend")]
    pub capture: String,
    /// Substreams of each direction, 1 to 128.
    #[serde(default = "names::default_substreams")]
    pub substreams: u32,
    /// As fast as the program can, instead of in real time.
    #[serde(default)]
    pub free_run: bool,
    /// Its rings, `[card.pcm.buffer]` in the file.
    #[serde(default)]
    pub buffer: BufferPlan,
}

impl Config {
    /// Reads a configuration from the text of a TOML file.
    ///
    /// # Errors
    /// [`Error::Syntax`] with the line; [`Error::Card`] for a plan that cannot be.
    pub fn parse(text: &str) -> Result<Config, Error> {
        let config: Config =
            toml::from_str(text).map_err(|error| Error::Syntax(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// Is this a sound plan?
    ///
    /// # Errors
    /// [`Error::NoCard`], or [`Error::Card`] naming the first card that cannot be.
    pub fn check(&self) -> Result<(), Error> {
        if self.cards.is_empty() {
            return Err(Error::NoCard);
        }
        for (index, card) in self.cards.iter().enumerate() {
            let refused = |why: String| Error::Card {
                number: card.number,
                why,
            };
            card.check().map_err(refused)?;
            for other in self.cards.iter().take(index) {
                if other.number == card.number {
                    return Err(refused("another card has the same number".to_owned()));
                }
                // The id of a card like another one may not be known yet.
                let known = |card: &CardPlan| card.like.is_none() || card.model.is_some();
                if other.id == card.id && known(card) && known(other) {
                    return Err(refused(format!(
                        "another card has the same id, {:?}",
                        card.id
                    )));
                }
            }
        }
        Ok(())
    }
}

impl CardPlan {
    fn check(&self) -> Result<(), String> {
        if self.number > MAX_CARD {
            return Err(format!("the number is to be 0 to {MAX_CARD}"));
        }
        check_id(&self.id)?;
        let no_device = self.devices.is_empty() && self.like.is_none();
        if no_device || self.devices.len() > MAX_DEVICES {
            return Err(format!(
                "it has {} [[card.pcm]], and is to have 1 to {MAX_DEVICES}",
                self.devices.len()
            ));
        }
        for (number, device) in self.devices.iter().enumerate() {
            if !(1..=MAX_SUBSTREAMS).contains(&device.substreams) {
                return Err(format!(
                    "device {number}: substreams is to be 1 to {MAX_SUBSTREAMS}"
                ));
            }
            let directions = [&device.playback, &device.capture];
            let present = directions.iter().filter(|backend| **backend != NONE);
            let substreams = (present.count() as u64).saturating_mul(u64::from(device.substreams));
            device
                .buffer
                .check(&self.memory, substreams)
                .map_err(|why| format!("device {number}: {why}"))?;
            if device.playback == NONE && device.capture == NONE && self.like.is_none() {
                return Err(format!("device {number} neither plays nor records"));
            }
        }
        Ok(())
    }
}

/// The backend that stands for an absent direction.
pub const NONE: &str = "none";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    const TWO: &str = "
[[card]]
number = 0
id = \"Studio\"
[[card.pcm]]
playback = \"wav:/tmp/out.wav\"
[[card.pcm]]
name = \"Monitor\"
capture = \"none\"
substreams = 4
free_run = true

[[card]]
number = 7
[[card.pcm]]
";

    #[test]
    fn a_file_may_hold_several_cards_and_devices() {
        let config = Config::parse(TWO).unwrap();
        let shape: Vec<_> = config
            .cards
            .iter()
            .map(|card| (card.number, card.devices.len()))
            .collect();
        assert_eq!(shape, [(0, 2), (7, 1)]);
        assert_eq!(config.cards[0].devices[0].playback, "wav:/tmp/out.wav");
        assert_eq!(config.cards[0].devices[0].capture, "null");
        assert_eq!(config.cards[0].devices[1].substreams, 4);
        assert!(config.cards[0].devices[1].free_run);
    }

    fn refusal(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_misspelt_key_is_told_with_its_line_and_the_known_ones() {
        let told = refusal("[[card]]\nnumber = 0\n[[card.pcm]]\nplaback = \"null\"\n");
        assert!(
            told.contains("line 4") && told.contains("plaback") && told.contains("`playback`"),
            "{told}"
        );
    }

    #[test]
    fn a_wrong_type_is_told_with_its_line() {
        let told = refusal("[[card]]\nnumber = \"zero\"\n");
        assert!(told.contains("line 2"), "{told}");
    }

    #[test]
    fn two_cards_with_one_number_are_refused() {
        let told = refusal(&TWO.replace("number = 7", "number = 0"));
        assert!(
            told.contains("Card 0") && told.contains("same number"),
            "{told}"
        );
    }

    #[test]
    fn two_cards_with_one_id_are_refused() {
        let told = refusal(&TWO.replace("number = 7", "number = 7\nid = \"Studio\""));
        assert!(told.contains("same id"), "{told}");
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(refusal(&TWO.replace("number = 7", "number = 32")).contains("0 to 31"));
        assert!(refusal(&TWO.replace("substreams = 4", "substreams = 0")).contains("1 to 128"));
        assert!(refusal("").contains("card"));
    }

    #[test]
    fn a_device_without_direction_is_refused() {
        let told = refusal(&TWO.replace(
            "capture = \"none\"",
            "capture = \"none\"\nplayback = \"none\"",
        ));
        assert!(told.contains("neither"), "{told}");
    }

    #[test]
    fn an_id_that_the_kernel_would_not_take_is_refused() {
        assert!(refusal(&TWO.replace("Studio", "my card")).contains("letters"));
        assert!(refusal(&TWO.replace("Studio", "1st")).contains("digit"));
    }
}
