//! Cards that take over the names and limits of a card that is there already.

use std::path::Path;

use hw_backends::existing::{self, CardModel, DeviceModel};
use hw_backends::registry::Side;
use hw_backends::units::Direction;

use super::build::{Device, in_full, side};
use super::names::{DEFAULT_ID, default_device_name, default_name};
use super::{BufferPlan, CardPlan, Config, DevicePlan, Error};

/// Where the cards of this machine are.
const NODES: &str = "/dev/snd";

impl Config {
    /// Looks up the cards that others shall be like, and takes over their names where none were given. To be done while
    /// `/dev/snd` shows them.
    ///
    /// # Errors
    /// [`Error::Card`]: that card is not there or is in use, or what became of the plan is none.
    pub fn look_up(&mut self) -> Result<(), Error> {
        for card in &mut self.cards {
            let found = model(card).map_err(|why| Error::Card {
                number: card.number,
                why,
            })?;
            if let Some(found) = &found {
                if card.id == DEFAULT_ID {
                    card.id.clone_from(&found.id);
                }
                if card.name == default_name() {
                    card.name.clone_from(&found.name);
                }
            }
            card.model = found;
        }
        self.check()
    }
}

/// What the card that this one shall be like says of itself; `None` for a card of its own.
pub(super) fn model(plan: &CardPlan) -> Result<Option<CardModel>, String> {
    match (&plan.model, &plan.like) {
        (Some(model), Some(_)) => Ok(Some(model.clone())),
        (_, None) => Ok(None),
        (None, Some(name)) => existing::read(name, Path::new(NODES))
            .map(Some)
            .map_err(|error| in_full(&error)),
    }
}

/// The devices of a card like `model`: its limits, and behind them what the plan says, or silence.
pub(super) fn devices(plan: &CardPlan, model: &CardModel) -> Result<Vec<Device>, String> {
    if plan.devices.len() > model.devices.len() {
        return Err(format!(
            "{} devices are described, and the card that it is like has {}",
            plan.devices.len(),
            model.devices.len()
        ));
    }
    let planned = plan.devices.iter().map(Some);
    let all = planned.chain(std::iter::repeat(None));
    let devices = model.devices.iter().zip(all);
    devices.map(|(model, plan)| device(model, plan)).collect()
}

fn device(model: &DeviceModel, plan: Option<&DevicePlan>) -> Result<Device, String> {
    let silent = DevicePlan::silent();
    let plan = plan.unwrap_or(&silent);
    let name = if plan.name == default_device_name() {
        model.name.clone()
    } else {
        plan.name.clone()
    };
    Ok(Device {
        number: model.number,
        id: model.id.clone(),
        name,
        half_duplex: model.half_duplex(),
        buffer: plan.buffer,
        playback: like(model, plan, Direction::Playback)?,
        capture: like(model, plan, Direction::Capture)?,
    })
}

/// One direction: absent where the model has none.
fn like(
    model: &DeviceModel,
    plan: &DevicePlan,
    direction: Direction,
) -> Result<Option<Side>, String> {
    let (Some(mine), Some(limits)) = (side(plan, direction)?, model.side(direction)) else {
        return Ok(None);
    };
    Ok(Some(Side {
        substreams: limits.substreams,
        like: Some(limits.hardware.clone()),
        ..mine
    }))
}

impl DevicePlan {
    fn silent() -> DevicePlan {
        DevicePlan {
            name: default_device_name(),
            playback: super::names::default_backend(),
            capture: super::names::default_backend(),
            substreams: 1,
            free_run: false,
            buffer: BufferPlan::default(),
        }
    }
}
