//! The limits that are read from a card by questions are the limits that the card has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use cuse_pcm::pcm::hw_params::{self, Space};
use cuse_pcm_tests::oracle_hardware;
use hw_backends::existing::probe;
use hw_backends::hardware::{Hardware, RATE_KNOT, Rule};
use uapi::pcm::HwParams;
use uapi::pcm::params::Param;

/// What the questions tell of a device that can do `hardware`.
fn probed(hardware: &Hardware) -> Hardware {
    let space = Space {
        hardware,
        mappable: true,
        preallocated: None,
        buffer_bytes_limit: u32::MAX,
    };
    probe::hardware(&mut |p: &mut HwParams| hw_params::refine(&space, p)).expect("a device")
}

/// Without the mark that only says that a rule is there.
fn plain(mut hardware: Hardware) -> Hardware {
    hardware.rates &= !RATE_KNOT;
    hardware
}

#[test]
fn every_recorded_device_is_seen_as_it_is() {
    let dummies = (0..7).flat_map(|card| (0..4).map(move |device| (card, device)));
    let mut seen = 0;
    for (card, device) in dummies.chain([(7, 0)]) {
        for letter in ['p', 'c'] {
            let name = format!("pcmC{card}D{device}{letter}");
            let hardware = oracle_hardware::hardware(&name);
            assert_eq!(plain(probed(&hardware)), plain(hardware), "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 58);
}

#[test]
fn steps_and_the_devices_own_queue_are_seen() {
    let mut hardware = oracle_hardware::hardware("pcmC0D0p");
    hardware.rules.push(Rule::Step(Param::BufferBytes, 128));
    hardware.fifo_size = 512;
    hardware.period_bytes_min = 128;

    assert_eq!(probed(&hardware), hardware);
}
