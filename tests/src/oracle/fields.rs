//! The fields of the structures that ioctls take: names, places, and what decides their values.

use std::fmt::Write as _;

use uapi::control::table as ctl;
use uapi::pcm::table as pcm;

/// What decides a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The calls alone.
    Exact,
    /// Where the device stands, once the stream has run.
    Moving,
    /// When the state last changed.
    Trigger,
    /// When the call was made, or the device last looked at.
    Time,
    /// Where the device stands, as a time.
    Audio,
    /// Which card it is.
    Card,
    /// Which process the client is.
    Process,
}

/// A field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in the header.
    pub name: &'static str,
    /// Where it begins, bytes.
    pub offset: usize,
    /// How long it is, bytes.
    pub size: usize,
    /// What decides it.
    pub kind: Kind,
}

const fn at(name: &'static str, offset: usize, size: usize, kind: Kind) -> Field {
    Field {
        name,
        offset,
        size,
        kind,
    }
}

use Kind::{Audio, Card, Exact, Moving, Process, Time, Trigger};

static INFO: &[Field] = &[
    at("device", 0, 4, Exact),
    at("subdevice", 4, 4, Exact),
    at("stream", 8, 4, Exact),
    at("card", 12, 4, Card),
    at("id", 16, 64, Exact),
    at("name", 80, 80, Exact),
    at("subname", 160, 32, Exact),
    at("dev_class", 192, 4, Exact),
    at("dev_subclass", 196, 4, Exact),
    at("subdevices_count", 200, 4, Exact),
    at("subdevices_avail", 204, 4, Exact),
    at("reserved", 208, 80, Exact),
];

static HW_PARAMS: &[Field] = &[
    at("flags", 0, 4, Exact),
    at("ACCESS", 4, 8, Exact),
    at("ACCESS.rest", 12, 24, Exact),
    at("FORMAT", 36, 8, Exact),
    at("FORMAT.rest", 44, 24, Exact),
    at("SUBFORMAT", 68, 8, Exact),
    at("SUBFORMAT.rest", 76, 24, Exact),
    at("mres", 100, 160, Exact),
    at("SAMPLE_BITS", 260, 12, Exact),
    at("FRAME_BITS", 272, 12, Exact),
    at("CHANNELS", 284, 12, Exact),
    at("RATE", 296, 12, Exact),
    at("PERIOD_TIME", 308, 12, Exact),
    at("PERIOD_SIZE", 320, 12, Exact),
    at("PERIOD_BYTES", 332, 12, Exact),
    at("PERIODS", 344, 12, Exact),
    at("BUFFER_TIME", 356, 12, Exact),
    at("BUFFER_SIZE", 368, 12, Exact),
    at("BUFFER_BYTES", 380, 12, Exact),
    at("TICK_TIME", 392, 12, Exact),
    at("ires", 404, 108, Exact),
    at("rmask", 512, 4, Exact),
    at("cmask", 516, 4, Exact),
    at("info", 520, 4, Exact),
    at("msbits", 524, 4, Exact),
    at("rate_num", 528, 4, Exact),
    at("rate_den", 532, 4, Exact),
    at("fifo_size", 536, 8, Exact),
    at("sync", 544, 16, Exact),
    at("reserved", 560, 48, Exact),
];

static SW_PARAMS: &[Field] = &[
    at("tstamp_mode", 0, 4, Exact),
    at("period_step", 4, 4, Exact),
    at("sleep_min", 8, 8, Exact),
    at("avail_min", 16, 8, Exact),
    at("xfer_align", 24, 8, Exact),
    at("start_threshold", 32, 8, Exact),
    at("stop_threshold", 40, 8, Exact),
    at("silence_threshold", 48, 8, Exact),
    at("silence_size", 56, 8, Exact),
    at("boundary", 64, 8, Exact),
    at("proto", 72, 4, Exact),
    at("tstamp_type", 76, 4, Exact),
    at("reserved", 80, 56, Exact),
];

static STATUS: &[Field] = &[
    at("state", 0, 4, Exact),
    at("pad", 4, 4, Exact),
    at("trigger_tstamp", 8, 16, Trigger),
    at("tstamp", 24, 16, Time),
    at("appl_ptr", 40, 8, Moving),
    at("hw_ptr", 48, 8, Moving),
    at("delay", 56, 8, Moving),
    at("avail", 64, 8, Moving),
    at("avail_max", 72, 8, Moving),
    at("overrange", 80, 8, Exact),
    at("suspended_state", 88, 4, Exact),
    at("audio_tstamp_data", 92, 4, Exact),
    at("audio_tstamp", 96, 16, Audio),
    at("driver_tstamp", 112, 16, Time),
    at("audio_tstamp_accuracy", 128, 4, Exact),
    at("reserved", 132, 20, Exact),
];

static SYNC_PTR: &[Field] = &[
    at("flags", 0, 4, Exact),
    at("pad", 4, 4, Exact),
    at("s.state", 8, 4, Exact),
    at("s.pad", 12, 4, Exact),
    at("s.hw_ptr", 16, 8, Moving),
    at("s.tstamp", 24, 16, Time),
    at("s.suspended_state", 40, 4, Exact),
    at("s.pad", 44, 4, Exact),
    at("s.audio_tstamp", 48, 16, Audio),
    at("s.rest", 64, 8, Exact),
    at("c.appl_ptr", 72, 8, Moving),
    at("c.avail_min", 80, 8, Exact),
    at("c.rest", 88, 48, Exact),
];

/// STATUS with 32-bit times, and 32-bit positions.
static STATUS_T32: &[Field] = &[
    at("state", 0, 4, Exact),
    at("trigger_tstamp", 4, 8, Trigger),
    at("tstamp", 12, 8, Time),
    at("appl_ptr", 20, 4, Moving),
    at("hw_ptr", 24, 4, Moving),
    at("delay", 28, 4, Moving),
    at("avail", 32, 4, Moving),
    at("avail_max", 36, 4, Moving),
    at("overrange", 40, 4, Exact),
    at("suspended_state", 44, 4, Exact),
    at("audio_tstamp_data", 48, 4, Exact),
    at("audio_tstamp", 52, 8, Audio),
    at("driver_tstamp", 60, 8, Time),
    at("audio_tstamp_accuracy", 68, 4, Exact),
    at("reserved", 72, 36, Exact),
];

/// SYNC_PTR with 32-bit times, and 32-bit positions.
static SYNC_PTR_T32: &[Field] = &[
    at("flags", 0, 4, Exact),
    at("s.state", 4, 4, Exact),
    at("s.pad", 8, 4, Exact),
    at("s.hw_ptr", 12, 4, Moving),
    at("s.tstamp", 16, 8, Time),
    at("s.suspended_state", 24, 4, Exact),
    at("s.audio_tstamp", 28, 8, Audio),
    at("s.rest", 36, 32, Exact),
    at("c.appl_ptr", 68, 4, Moving),
    at("c.avail_min", 72, 4, Exact),
    at("c.rest", 76, 56, Exact),
];

/// STATUS of clients with 32-bit times.
pub const STATUS_OLD: u32 = 0x806c_4120;
/// STATUS_EXT of clients with 32-bit times.
pub const STATUS_EXT_OLD: u32 = 0xc06c_4124;
/// SYNC_PTR of clients with 32-bit times.
pub const SYNC_PTR_OLD: u32 = 0xc084_4123;

static CHANNEL_INFO: &[Field] = &[
    at("channel", 0, 4, Exact),
    at("pad", 4, 4, Exact),
    at("offset", 8, 8, Exact),
    at("first", 16, 4, Exact),
    at("step", 20, 4, Exact),
];

static FRAMES: &[Field] = &[at("frames", 0, 8, Moving)];

static XFER: &[Field] = &[
    at("result", 0, 8, Moving),
    at("buf", 8, 8, Exact),
    at("frames", 16, 8, Exact),
];

static CARD_INFO: &[Field] = &[
    at("card", 0, 4, Card),
    at("pad", 4, 4, Exact),
    at("id", 8, 16, Exact),
    at("driver", 24, 16, Exact),
    at("name", 40, 32, Exact),
    at("longname", 72, 80, Exact),
    at("reserved", 152, 16, Exact),
    at("mixername", 168, 80, Exact),
    at("components", 248, 128, Exact),
];

static ELEM_ID: &[Field] = &[
    at("numid", 0, 4, Exact),
    at("iface", 4, 4, Exact),
    at("device", 8, 4, Exact),
    at("subdevice", 12, 4, Exact),
    at("name", 16, 44, Exact),
    at("index", 60, 4, Exact),
];

static ELEM_INFO: &[Field] = &[
    at("numid", 0, 4, Exact),
    at("iface", 4, 4, Exact),
    at("device", 8, 4, Exact),
    at("subdevice", 12, 4, Exact),
    at("name", 16, 44, Exact),
    at("index", 60, 4, Exact),
    at("type", 64, 4, Exact),
    at("access", 68, 4, Exact),
    at("count", 72, 4, Exact),
    at("owner", 76, 4, Process),
    at("value", 80, 128, Exact),
    at("reserved", 208, 64, Exact),
];

static ELEM_VALUE: &[Field] = &[
    at("numid", 0, 4, Exact),
    at("iface", 4, 4, Exact),
    at("device", 8, 4, Exact),
    at("subdevice", 12, 4, Exact),
    at("name", 16, 44, Exact),
    at("index", 60, 4, Exact),
    at("indirect", 64, 8, Exact),
    at("value", 72, 1024, Exact),
    at("reserved", 1096, 128, Exact),
];

static ELEM_LIST: &[Field] = &[
    at("offset", 0, 4, Exact),
    at("space", 4, 4, Exact),
    at("used", 8, 4, Exact),
    at("count", 12, 4, Exact),
    at("pids", 16, 8, Exact),
    at("reserved", 24, 56, Exact),
];

/// A structure as the mapped status page holds it.
pub static STATUS_PAGE: &[Field] = &[
    at("state", 0, 4, Exact),
    at("pad", 4, 4, Exact),
    at("hw_ptr", 8, 8, Moving),
    at("tstamp", 16, 16, Time),
    at("suspended_state", 32, 4, Exact),
    at("pad", 36, 4, Exact),
    at("audio_tstamp", 40, 16, Audio),
];

/// A structure as the mapped control page holds it.
pub static CONTROL_PAGE: &[Field] = &[at("appl_ptr", 0, 8, Moving), at("avail_min", 8, 8, Exact)];

/// The fields of an ioctl's structure; none for what is looked at as a whole.
#[must_use]
pub fn of(cmd: u32) -> &'static [Field] {
    match cmd {
        pcm::INFO | ctl::PCM_INFO => INFO,
        pcm::HW_REFINE | pcm::HW_PARAMS => HW_PARAMS,
        pcm::SW_PARAMS => SW_PARAMS,
        pcm::STATUS | pcm::STATUS_EXT => STATUS,
        pcm::SYNC_PTR => SYNC_PTR,
        STATUS_OLD | STATUS_EXT_OLD => STATUS_T32,
        SYNC_PTR_OLD => SYNC_PTR_T32,
        pcm::CHANNEL_INFO => CHANNEL_INFO,
        pcm::DELAY | pcm::REWIND | pcm::FORWARD => FRAMES,
        pcm::WRITEI_FRAMES | pcm::READI_FRAMES | pcm::WRITEN_FRAMES | pcm::READN_FRAMES => XFER,
        ctl::CARD_INFO => CARD_INFO,
        ctl::ELEM_LIST => ELEM_LIST,
        ctl::ELEM_INFO | ctl::ELEM_ADD | ctl::ELEM_REPLACE => ELEM_INFO,
        ctl::ELEM_READ | ctl::ELEM_WRITE => ELEM_VALUE,
        ctl::ELEM_LOCK | ctl::ELEM_UNLOCK | ctl::ELEM_REMOVE => ELEM_ID,
        _ => &[],
    }
}

/// The number in up to eight bytes.
#[must_use]
pub fn number(bytes: &[u8]) -> i64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    if bytes.len() == 4 {
        i64::from(i32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    } else {
        i64::from_le_bytes(word)
    }
}

/// A field's value for people.
#[must_use]
pub fn value_in_words(field: &Field, bytes: &[u8]) -> String {
    let word = |at: usize| u32::try_from(number(&bytes[at..at + 4]) & 0xffff_ffff).unwrap_or(0);
    match (field.name, field.size) {
        ("ACCESS" | "FORMAT" | "SUBFORMAT" | "info" | "rmask" | "cmask" | "access", _) => {
            format!(
                "{:#x}",
                number(bytes) & if field.size == 4 { 0xffff_ffff } else { -1 }
            )
        }
        (_, 12) => interval_in_words(word(0), word(4), word(8)),
        (_, 4 | 8) => number(bytes).to_string(),
        ("id" | "name" | "subname" | "driver" | "longname" | "mixername" | "components", _) => {
            String::from_utf8_lossy(bytes)
                .trim_end_matches('\0')
                .to_owned()
        }
        _ => bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}

fn interval_in_words(min: u32, max: u32, flags: u32) -> String {
    let open = if flags & 1 != 0 { '(' } else { '[' };
    let close = if flags & 2 != 0 { ')' } else { ']' };
    let mut words = format!("{open}{min},{max}{close}");
    if flags & 4 != 0 {
        words.push('i');
    }
    if flags & !7 != 0 {
        let _ = write!(words, "+{:#x}", flags & !7);
    }
    words
}

/// Whether a field holds what says nothing: zero, or the whole range of a parameter.
fn is_plain(field: &Field, bytes: &[u8]) -> bool {
    let whole =
        field.size == 12 && bytes[..4] == [0; 4] && bytes[4..8] == [255; 4] && bytes[8..] == [0; 4];
    // Filled by the script with one byte throughout.
    let same = |byte: u8| bytes.iter().all(|&other| other == byte);
    same(0)
        || (field.offset < 260 && same(255))
        || [0xcc, 0xdd, 0xee].into_iter().any(same)
        || whole
}

/// A structure for people: what is neither zero nor the whole range.
#[must_use]
pub fn in_words(cmd: u32, bytes: &[u8]) -> String {
    let mut words = Vec::new();
    for field in of(cmd) {
        let Some(value) = bytes.get(field.offset..field.offset + field.size) else {
            break;
        };
        if !is_plain(field, value) {
            words.push(format!("{} {}", field.name, value_in_words(field, value)));
        }
    }
    let known = of(cmd).last().map_or(0, |last| last.offset + last.size);
    if let Some(rest) = bytes.get(known..).filter(|rest| !rest.is_empty()) {
        words.push(format!("{rest:02x?}"));
    }
    format!("{{{}}}", words.join(", "))
}
