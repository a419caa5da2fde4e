//! What the kernel's drivers say of themselves whose answers are recorded in `tests/kernel-answers`.
//!
//! The tables repeat that directory's README: seven snd-dummy cards, one a model, with four devices each, and
//! snd-aloop without a partner.

use hw_backends::hardware::{Constraint, Hardware, RATE_CONTINUOUS, RATE_KNOT, Rule, info};
use hw_backends::units::Direction;
use uapi::pcm::params::Param;

const U8: u64 = 1 << 1;
const S16_LE: u64 = 1 << 2;
const S32_LE: u64 = 1 << 10;

/// S16, S24, S32, FLOAT, S24_3, DSD_U16 and DSD_U32 in both byte orders, and DSD_U8.
const ALOOP_FORMATS: u64 = 0xcccc | 0x001f_0003 << 32;

const RATE_48000: u32 = 1 << 7;
const RATE_96000: u32 = 1 << 10;
const RATE_192000: u32 = 1 << 12;

/// The capabilities of a recorded device: `pcmC0D0p` to `pcmC7D1c`. Cards 0 to 6 are snd-dummy (none, emu10k1,
/// rme9652, ice1712, uda1341, ac97, ca0106), card 7 is snd-aloop.
///
/// # Panics
/// On any other name.
#[must_use]
pub fn hardware(device: &str) -> Hardware {
    let (card, number, direction) = parse(device).expect("a recorded device");
    match card {
        0..=6 => dummy(card, number, direction),
        7 => aloop(),
        _ => panic!("No capabilities are known of {device}"),
    }
}

fn parse(device: &str) -> Option<(u32, u32, Direction)> {
    let (card, rest) = device.strip_prefix("pcmC")?.split_once('D')?;
    let (number, direction) = if let Some(number) = rest.strip_suffix('p') {
        (number, Direction::Playback)
    } else {
        (rest.strip_suffix('c')?, Direction::Capture)
    };
    Some((card.parse().ok()?, number.parse().ok()?, direction))
}

/// snd-dummy without a model.
fn dummy_base() -> Hardware {
    Hardware {
        info: info::MMAP | info::MMAP_VALID | info::INTERLEAVED | info::RESUME,
        formats: U8 | S16_LE,
        rates: RATE_CONTINUOUS,
        rate_min: 5500,
        rate_max: 48000,
        channels_min: 1,
        channels_max: 2,
        buffer_bytes_max: 65536,
        period_bytes_min: 64,
        period_bytes_max: 65536,
        periods_min: 1,
        periods_max: 1024,
        fifo_size: 0,
        constraints: Vec::new(),
        rules: Vec::new(),
    }
}

/// snd-dummy: `card` is the model, bits of `number` choose layout and mmap.
fn dummy(card: u32, number: u32, direction: Direction) -> Hardware {
    let mut hardware = model(card, direction);
    if number & 1 != 0 {
        hardware.info &= !info::INTERLEAVED;
        hardware.info |= info::NONINTERLEAVED;
    }
    if number & 2 != 0 {
        hardware.info &= !(info::MMAP | info::MMAP_VALID);
    }
    hardware
}

fn model(card: u32, direction: Direction) -> Hardware {
    let base = dummy_base();
    let fixed = |formats, channels| Hardware {
        formats,
        channels_min: channels,
        channels_max: channels,
        ..dummy_base()
    };
    match card {
        1 => Hardware {
            buffer_bytes_max: 131_072,
            constraints: emu10k1_constraints(direction),
            ..base
        },
        2 => Hardware {
            buffer_bytes_max: 1_703_936,
            periods_min: 2,
            periods_max: 2,
            ..fixed(S32_LE, 26)
        },
        3 => Hardware {
            buffer_bytes_max: 262_144,
            ..fixed(S32_LE, 10)
        },
        4 => Hardware {
            buffer_bytes_max: 16380,
            periods_min: 2,
            periods_max: 255,
            ..fixed(S16_LE, 2)
        },
        5 => Hardware {
            rates: RATE_48000,
            rate_min: 48000,
            rate_max: 48000,
            ..fixed(S16_LE, 2)
        },
        6 => Hardware {
            rates: RATE_48000 | RATE_96000 | RATE_192000,
            rate_min: 48000,
            rate_max: 192_000,
            period_bytes_max: 65472,
            periods_min: 2,
            periods_max: 8,
            buffer_bytes_max: 523_776,
            ..fixed(S16_LE, 2)
        },
        _ => base,
    }
}

fn emu10k1_constraints(direction: Direction) -> Vec<Constraint> {
    match direction {
        Direction::Playback => vec![
            Constraint::Integer(Param::Periods),
            Constraint::Range(Param::BufferBytes, 256, u32::MAX),
        ],
        Direction::Capture => Vec::new(),
    }
}

/// snd-aloop without a partner: what the partner would narrow, it leaves whole, but only in its rules.
fn aloop() -> Hardware {
    Hardware {
        info: info::MMAP
            | info::MMAP_VALID
            | info::INTERLEAVED
            | info::NONINTERLEAVED
            | info::RESUME
            | info::PAUSE,
        formats: ALOOP_FORMATS,
        rates: RATE_CONTINUOUS | RATE_KNOT,
        rate_min: 8000,
        rate_max: 768_000,
        channels_min: 1,
        channels_max: 32,
        buffer_bytes_max: 2_097_152,
        period_bytes_min: 64,
        period_bytes_max: 1_048_576,
        periods_min: 1,
        periods_max: 1024,
        fifo_size: 0,
        constraints: vec![Constraint::Integer(Param::Periods)],
        rules: vec![
            Rule::Formats(ALOOP_FORMATS),
            Rule::Range(Param::Rate, 8000, 768_000),
            Rule::Range(Param::Channels, 1, 32),
        ],
    }
}
