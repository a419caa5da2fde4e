//! From a plan to a card.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hw_backends::drive::Speed;
use hw_backends::gain::Gain;
use hw_backends::registry::{self, Options, Side, Spec};
use hw_backends::units::Direction;
use uapi::Errno;
use uapi::control::elem::Range;

use super::{CardPlan, DevicePlan, Error, NONE};
use crate::buffer::{Budget, Limits};
use crate::card::control::element::{Description, Kind, Knob};
use crate::card::{Card, Identity, PcmDevice};
use crate::pcm::Substream;

/// Builds the card of a sound plan (see [`super::Config::check`]). Files are looked at now.
///
/// # Errors
/// [`Error::Card`] with the words of the backend that cannot be had.
pub fn build(plan: &CardPlan, options: &Options) -> Result<Card, Error> {
    let refused = |why| Error::Card {
        number: plan.number,
        why,
    };
    let mut card = Card::new(identity(plan), Vec::new());
    let budget = Budget::default();
    for (number, device) in (0..).zip(&plan.devices) {
        add_device(&mut card, number, device, options, &budget).map_err(refused)?;
    }
    Ok(card)
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

fn add_device(
    card: &mut Card,
    number: u32,
    plan: &DevicePlan,
    options: &Options,
    budget: &Budget,
) -> Result<(), String> {
    let playback = side(plan, Direction::Playback)?;
    let capture = side(plan, Direction::Capture)?;
    let devices = registry::open(playback.as_ref(), capture.as_ref(), options)
        .map_err(|error| in_full(&error))?;
    let sides = [
        (Direction::Playback, &playback),
        (Direction::Capture, &capture),
    ];
    for (direction, side) in sides {
        if let Some(side) = side {
            let earlier = card
                .devices
                .iter()
                .filter(|device| !device.substreams(direction).is_empty());
            let index = u32::try_from(earlier.count()).unwrap_or(u32::MAX);
            card.control
                .add_gain(direction, index, &side.gain)
                .map_err(|errno| no_element(&errno))?;
        }
    }
    for (subdevice, shift) in (0..).zip(devices.rate_shift) {
        card.control
            .add(rate_shift(number, subdevice, shift))
            .map_err(|errno| no_element(&errno))?;
    }
    let substreams = |devices: Vec<_>, direction| {
        devices
            .into_iter()
            .map(|device| {
                Substream::with_buffer(device, direction, Limits::default(), budget.clone())
            })
            .collect()
    };
    card.devices.push(PcmDevice::new(
        number,
        plan.name.clone(),
        plan.name.clone(),
        substreams(devices.playback, Direction::Playback),
        substreams(devices.capture, Direction::Capture),
    ));
    Ok(())
}

/// How much faster than nominal a loopback cable runs, in 1/100000, under the name that the kernel's loopback gives it.
fn rate_shift(device: u32, subdevice: u32, shift: Arc<AtomicU32>) -> Box<Knob> {
    let range = Range {
        min: 80_000,
        max: 120_000,
        step: 1,
    };
    let description = Description::pcm(
        device,
        subdevice,
        "PCM Rate Shift 100000",
        Kind::Integer(range),
    );
    let seen = Arc::clone(&shift);
    let get = move || i64::from(seen.load(Ordering::Relaxed));
    let set = move |value| {
        shift.store(
            u32::try_from(value).map_err(|_| Errno::EINVAL)?,
            Ordering::Relaxed,
        );
        Ok(())
    };
    Box::new(Knob::new(description, get, set))
}

fn no_element(errno: &Errno) -> String {
    format!("its control elements cannot be added: {errno}")
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
