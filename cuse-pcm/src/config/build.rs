//! From a plan to a card.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hw_backends::drive::Speed;
use hw_backends::existing::CardModel;
use hw_backends::gain::Gain;
use hw_backends::registry::{self, Options, Side, Spec};
use hw_backends::units::Direction;
use uapi::Errno;
use uapi::control::elem::Range;

use super::{BufferPlan, CardPlan, Common, DevicePlan, Error, NONE, like};
use crate::buffer::Supply;
use crate::card::control::element::{Description, Kind, Knob};
use crate::card::{Card, Identity, PcmDevice};
use crate::pcm::Substream;

/// Builds the card of a sound plan (see [`super::Config::check`]). Files are looked at now.
///
/// # Errors
/// [`Error::Card`] with the words of the backend that cannot be had.
pub fn build(plan: &CardPlan, options: &Options) -> Result<Card, Error> {
    build_with(plan, options, &Common::default())
}

/// The same, of what it has in common with other cards.
///
/// # Errors
/// As [`build`].
pub fn build_with(plan: &CardPlan, options: &Options, common: &Common) -> Result<Card, Error> {
    let refused = |why| Error::Card {
        number: plan.number,
        why,
    };
    let model = like::model(plan).map_err(refused)?;
    let mut card = Card::new(identity(plan, model.as_ref()), Vec::new());
    let budget = plan.memory.budget();
    let devices = match &model {
        Some(model) => like::devices(plan, model).map_err(refused)?,
        None => {
            let devices: Result<_, _> = plan.devices.iter().zip(0..).map(Device::of).collect();
            devices.map_err(refused)?
        }
    };
    for device in devices {
        let supply = common.supply(&plan.memory, &budget, &device.buffer);
        add_device(&mut card, device, options, &supply).map_err(refused)?;
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

/// A PCM device as it is going to be.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) number: u32,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) half_duplex: bool,
    pub(super) buffer: BufferPlan,
    pub(super) playback: Option<Side>,
    pub(super) capture: Option<Side>,
}

fn identity(plan: &CardPlan, model: Option<&CardModel>) -> Identity {
    if let Some(model) = model {
        return Identity {
            number: plan.number,
            id: plan.id.clone(),
            driver: model.driver.clone(),
            name: model.name.clone(),
            longname: model.longname.clone(),
            mixername: model.mixername.clone(),
            components: model.components.clone(),
        };
    }
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

impl Device {
    /// As planned, with the device's own limits.
    fn of((plan, number): (&DevicePlan, u32)) -> Result<Device, String> {
        Ok(Device {
            number,
            id: plan.name.clone(),
            name: plan.name.clone(),
            half_duplex: false,
            buffer: plan.buffer,
            playback: side(plan, Direction::Playback)?,
            capture: side(plan, Direction::Capture)?,
        })
    }
}

fn add_device(
    card: &mut Card,
    device: Device,
    options: &Options,
    supply: &Supply,
) -> Result<(), String> {
    let devices = registry::open(device.playback.as_ref(), device.capture.as_ref(), options)
        .map_err(|error| in_full(&error))?;
    let mut all = devices.playback.iter().chain(&devices.capture);
    if all.any(|device| !device.hardware().is_possible()) {
        return Err(format!(
            "device {}: its backend can do nothing of what the card can do that it is like",
            device.number
        ));
    }
    let sides = [
        (Direction::Playback, &device.playback),
        (Direction::Capture, &device.capture),
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
            .add(rate_shift(device.number, subdevice, shift))
            .map_err(|errno| no_element(&errno))?;
    }
    let substreams = |devices: Vec<_>, direction| {
        devices
            .into_iter()
            .map(|device| Substream::with_supply(device, direction, supply.clone()))
            .collect()
    };
    let mut pcm = PcmDevice::new(
        device.number,
        device.id,
        device.name,
        substreams(devices.playback, Direction::Playback),
        substreams(devices.capture, Direction::Capture),
    );
    pcm.half_duplex = device.half_duplex;
    card.devices.push(pcm);
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

pub(super) fn side(plan: &DevicePlan, direction: Direction) -> Result<Option<Side>, String> {
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
        like: None,
    }))
}

/// A backend's error with its cause.
pub(super) fn in_full(error: &registry::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
