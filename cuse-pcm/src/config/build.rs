//! From a plan to a card.

use std::sync::Arc;

use hw_backends::drive::Speed;
use hw_backends::gain::Gain;
use hw_backends::registry::{self, Options, Side, Spec};
use hw_backends::units::Direction;

use super::{CardPlan, DevicePlan, Error, NONE};
use crate::card::{Card, Identity, PcmDevice};
use crate::pcm::Substream;

/// Builds the card of a sound plan (see [`super::Config::check`]). Files are looked at now.
///
/// # Errors
/// [`Error::Card`] with the words of the backend that cannot be had.
pub fn build(plan: &CardPlan, options: &Options) -> Result<Card, Error> {
    let devices: Result<Vec<PcmDevice>, String> = (0..)
        .zip(&plan.devices)
        .map(|(number, device)| build_device(number, device, options))
        .collect();
    let devices = devices.map_err(|why| Error::Card {
        number: plan.number,
        why,
    })?;
    Ok(Card::new(identity(plan), devices))
}

/// Are the backends of this plan spelt right? Looks at no file.
///
/// # Errors
/// As [`build`].
pub fn check_backends(plan: &CardPlan) -> Result<(), Error> {
    for device in &plan.devices {
        let sides =
            side(device, Direction::Playback).and_then(|_| side(device, Direction::Capture));
        sides.map_err(|why| Error::Card {
            number: plan.number,
            why,
        })?;
    }
    Ok(())
}

fn identity(plan: &CardPlan) -> Identity {
    Identity {
        number: plan.number,
        id: plan.id.clone(),
        driver: "cuse-pcm".to_owned(),
        name: plan.name.clone(),
        longname: format!("{} (sound card in user space)", plan.name),
        mixername: plan.name.clone(),
        components: String::new(),
    }
}

fn build_device(number: u32, plan: &DevicePlan, options: &Options) -> Result<PcmDevice, String> {
    let playback = side(plan, Direction::Playback)?;
    let capture = side(plan, Direction::Capture)?;
    let devices = registry::open(playback.as_ref(), capture.as_ref(), options)
        .map_err(|error| in_full(&error))?;
    let substreams = |devices: Vec<_>, direction| {
        devices
            .into_iter()
            .map(|device| Substream::new(device, direction))
            .collect()
    };
    Ok(PcmDevice::new(
        number,
        plan.name.clone(),
        plan.name.clone(),
        substreams(devices.playback, Direction::Playback),
        substreams(devices.capture, Direction::Capture),
    ))
}

fn side(plan: &DevicePlan, direction: Direction) -> Result<Option<Side>, String> {
    let text = match direction {
        Direction::Playback => &plan.playback,
        Direction::Capture => &plan.capture,
    };
    if text == NONE {
        return Ok(None);
    }
    let mut spec: Spec = text.parse().map_err(|error| in_full(&error))?;
    if plan.free_run {
        match &mut spec {
            Spec::Null { speed } | Spec::Wav { speed, .. } => *speed = Speed::Free,
            Spec::Loopback => return Err("loopback keeps real time: it cannot run free".to_owned()),
        }
    }
    Ok(Some(Side {
        spec,
        substreams: plan.substreams,
        gain: Arc::new(Gain::default()),
    }))
}

/// A backend's error with its cause.
fn in_full(error: &registry::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
