//! Compares what came back from the kernel's card with what came back from ours.
//!
//! Until a stream has run, everything is decided by the calls and has to be the same, but for times and the card's
//! number. Once it has run, positions follow the clock, and the two cards are asked at different times: then a position
//! may differ by what the device moves in the longer of both times since the start, and by [`GRAIN`]. A PREPARE makes
//! positions exact again.

use uapi::pcm::table;

use super::call::{Arg, Call, Node, Script};
use super::fields::{self, CONTROL_PAGE, Field, Kind, STATUS_PAGE, number, value_in_words};
use super::names::{errno_name, state_name};
use super::side::{Outcome, SLOTS};

/// How coarse a device's clock may be, ns: two timer ticks of the oracle's kernel.
pub const GRAIN: u64 = 8_000_000;

/// One thing that came back differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which call.
    pub index: usize,
    /// The call's name.
    pub call: String,
    /// The stream's state before the call.
    pub state: &'static str,
    /// What differs: `errno`, `return`, `data`, or a field.
    pub field: String,
    /// On the kernel's card.
    pub kernel: String,
    /// On ours.
    pub ours: String,
    /// The stream had run: the clock may have decided.
    pub timed: bool,
}

impl Difference {
    /// Whether this is the same difference, wherever it stands.
    #[must_use]
    pub fn is_like(&self, other: &Difference) -> bool {
        (&self.call, &self.field) == (&other.call, &other.field)
            && (self.field != "errno" || (&self.kernel, &self.ours) == (&other.kernel, &other.ours))
    }
}

/// A stream as far as it decides what may differ.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// It has run since PREPARE.
    ran: bool,
    /// `avail_max` was touched while it ran, and was not asked for since.
    avail_max: bool,
    /// When the run began, on both sides, ns.
    since: [u64; 2],
    rate: u64,
    buffer: u64,
    unsigned: bool,
    capture: bool,
    control: bool,
    /// It shares its stream with another file, or is linked: what one does, all do.
    joined: bool,
}

/// The offsets that are mapped, by slot of the mapping.
type Maps = [Option<(u8, u64)>; SLOTS];

/// Compares the outcomes of one script, just played.
#[must_use]
pub fn compare(script: &Script, kernel: &[Outcome], ours: &[Outcome]) -> Vec<Difference> {
    compare_by(Judge::default(), script, kernel, ours)
}

/// As [`compare`], where ours were played in virtual time: whether a time is right cannot be told.
#[must_use]
pub fn compare_virtual(script: &Script, kernel: &[Outcome], ours: &[Outcome]) -> Vec<Difference> {
    let judge = Judge {
        is_virtual: true,
        ..Judge::default()
    };
    compare_by(judge, script, kernel, ours)
}

fn compare_by(
    mut judge: Judge,
    script: &Script,
    kernel: &[Outcome],
    ours: &[Outcome],
) -> Vec<Difference> {
    let mut found = Vec::new();
    let all = script.iter().zip(kernel.iter().zip(ours));
    for (index, (call, (kernel, ours))) in all.enumerate() {
        judge.before(call, kernel, ours);
        judge.one(index, call, kernel, ours, &mut found);
        judge.after(call, kernel);
    }
    found
}

#[derive(Default)]
struct Judge {
    streams: [Stream; SLOTS],
    maps: Maps,
    started: [u64; 2],
    is_virtual: bool,
}

impl Judge {
    fn stream(&self, call: &Call) -> Stream {
        let slot = match *call {
            Call::Peek { map, .. } => self.maps[usize::from(map)].map(|(slot, _)| slot),
            _ => call.slot(),
        };
        slot.map_or_else(Stream::default, |slot| self.streams[usize::from(slot)])
    }

    fn before(&mut self, call: &Call, kernel: &Outcome, ours: &Outcome) {
        if self.started == [0; 2] {
            self.started = [kernel.before, ours.before];
        }
        let Some(slot) = call.slot() else { return };
        if let Call::Open { node, .. } = call {
            self.streams[usize::from(slot)] = Stream {
                capture: matches!(node, Node::Capture(_)),
                control: *node == Node::Control,
                ..Stream::default()
            };
        }
        let stream = &mut self.streams[usize::from(slot)];
        let runs = |state: Option<i32>| matches!(state, Some(3 | 5 | 6 | 7));
        if !stream.ran && (runs(kernel.state) || runs(kernel.state_after)) {
            (stream.ran, stream.avail_max) = (true, true);
            stream.since = [kernel.before, ours.before];
            if runs(kernel.state) {
                // It was started through another file.
                stream.since = self.started;
            }
        }
    }

    fn after(&mut self, call: &Call, kernel: &Outcome) {
        if let Call::Map {
            map, slot, offset, ..
        } = call
        {
            self.maps[usize::from(*map)] = (kernel.ret == 0).then_some((*slot, *offset));
        }
        let (Some(slot), Call::Ioctl { cmd, .. }) = (call.slot(), call) else {
            return;
        };
        let stream = &mut self.streams[usize::from(slot)];
        if kernel.ret != 0 {
            return;
        }
        match *cmd {
            table::PREPARE => stream.ran = stream.joined,
            table::STATUS | table::STATUS_EXT => stream.avail_max = stream.ran,
            table::LINK => stream.joined = true,
            table::HW_PARAMS if kernel.bytes.len() == 608 => {
                let word =
                    |at: usize| u64::try_from(number(&kernel.bytes[at..at + 4])).unwrap_or(0);
                (stream.rate, stream.buffer) = (word(296), word(368));
                let formats = number(&kernel.bytes[36..44]);
                // U8, U16, U24, U32, U20, U24_3..., DSD: silence is not zero.
                let signed: i64 =
                    1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7 | 3 << 10 | 0xf << 14 | 3 << 32;
                stream.unsigned = formats & !signed != 0;
            }
            _ => {}
        }
    }

    fn one(
        &self,
        index: usize,
        call: &Call,
        kernel: &Outcome,
        ours: &Outcome,
        found: &mut Vec<Difference>,
    ) {
        let stream = self.stream(call);
        let state = match kernel.state {
            Some(state) => state_name(state),
            None => "-",
        };
        let mut differ = |field: &str, kernel: String, ours: String| {
            found.push(Difference {
                index,
                call: call.name(),
                state,
                field: field.to_owned(),
                kernel: kernel.replace(' ', "_"),
                ours: ours.replace(' ', "_"),
                timed: stream.ran,
            });
        };
        if kernel.errno != ours.errno {
            let word = |outcome: &Outcome| match outcome.errno {
                0 => "ok".to_owned(),
                errno => errno_name(errno),
            };
            differ("errno", word(kernel), word(ours));
        }
        let bound = self.bound(&stream, &stream.since, kernel, ours);
        if kernel.ret != ours.ret && kernel.errno == ours.errno {
            let frame = 128;
            if !(stream.ran && kernel.ret.abs_diff(ours.ret) <= bound * frame) {
                differ("return", kernel.ret.to_string(), ours.ret.to_string());
            }
        }
        if kernel.bytes != ours.bytes {
            self.fields(call, &stream, bound, kernel, ours, &mut differ);
        }
        if kernel.data != ours.data {
            let (a, b) = (kernel.data.len(), ours.data.len());
            let short =
                |data: &[u8]| format!("{} bytes {}", data.len(), hex(&data[..data.len().min(16)]));
            let content = a == b && !(stream.unsigned && stream.capture);
            let length = a != b && !(stream.ran || stream.unsigned);
            if stream.control || content || length {
                differ("data", short(&kernel.data), short(&ours.data));
            }
        }
    }

    /// How far positions may differ, frames.
    fn bound(&self, stream: &Stream, since: &[u64; 2], kernel: &Outcome, ours: &Outcome) -> u64 {
        let [a, b] = *since;
        let longest = kernel
            .after
            .saturating_sub(a)
            .max(ours.after.saturating_sub(b));
        let nanos = u128::from(longest + GRAIN) * u128::from(stream.rate);
        u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX) + 1
    }

    fn fields(
        &self,
        call: &Call,
        stream: &Stream,
        bound: u64,
        kernel: &Outcome,
        ours: &Outcome,
        differ: &mut impl FnMut(&str, String, String),
    ) {
        let (known, shift) = self.layout(call);
        let mut covered = 0;
        for field in known {
            let place = (field.offset + shift)..(field.offset + shift + field.size);
            let (Some(a), Some(b)) = (
                kernel.bytes.get(place.clone()),
                ours.bytes.get(place.clone()),
            ) else {
                continue;
            };
            covered = place.end;
            if a != b && !self.may_differ(field, stream, bound, a, b, (kernel, ours)) {
                differ(
                    field.name,
                    value_in_words(field, a),
                    value_in_words(field, b),
                );
            }
        }
        let rest = |bytes: &[u8]| bytes.get(covered..).unwrap_or_default().to_vec();
        let (a, b) = (rest(&kernel.bytes), rest(&ours.bytes));
        if a != b {
            let short = |bytes: &[u8]| hex(&bytes[..bytes.len().min(64)]);
            differ("bytes", short(&a), short(&b));
        }
    }

    /// The fields of what a call gives back, and where the first one lies.
    fn layout(&self, call: &Call) -> (&'static [Field], usize) {
        match call {
            Call::Ioctl {
                cmd,
                arg:
                    Arg::Bytes(_)
                    | Arg::Xfer { .. }
                    | Arg::XferN { .. }
                    | Arg::Names { .. }
                    | Arg::List { .. },
                ..
            } => (fields::of(*cmd), 0),
            Call::Peek { map, offset: 0, .. } => match self.maps[usize::from(*map)] {
                Some((_, 0x8000_0000 | 0x8200_0000)) => (STATUS_PAGE, 0),
                Some((_, 0x8100_0000 | 0x8300_0000)) => (CONTROL_PAGE, 0),
                _ => (&[], 0),
            },
            _ => (&[], 0),
        }
    }

    fn may_differ(
        &self,
        field: &Field,
        stream: &Stream,
        bound: u64,
        kernel: &[u8],
        ours: &[u8],
        outcomes: (&Outcome, &Outcome),
    ) -> bool {
        let is_zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
        match field.kind {
            Kind::Exact => false,
            Kind::Card => true,
            Kind::Process => self.is_virtual && number(kernel) > 0 && number(ours) > 0,
            Kind::Trigger | Kind::Time => {
                is_zero(kernel) == is_zero(ours)
                    && (is_zero(ours) || self.is_virtual || self.is_recent(ours, outcomes.1))
            }
            Kind::Audio => {
                let apart = (nanos_of(kernel) - nanos_of(ours)).unsigned_abs();
                let frames = apart * u128::from(stream.rate) / 1_000_000_000;
                stream.ran && frames <= u128::from(bound)
            }
            Kind::Moving => {
                let (a, b) = (number(kernel), number(ours));
                // What was most stays from earlier runs.
                let earlier = field.name == "avail_max" && stream.avail_max;
                let bound = if earlier {
                    self.bound(stream, &self.started, outcomes.0, outcomes.1)
                } else {
                    bound
                };
                // An errno in a frame count is no position.
                let errnos = field.name == "result" && (a < 0 || b < 0);
                (stream.ran || earlier) && !errnos && self.apart(stream, a, b) <= bound
            }
        }
    }

    /// How far two positions are apart, on the circle that they move on.
    fn apart(&self, stream: &Stream, a: i64, b: i64) -> u64 {
        let direct = a.abs_diff(b);
        let mut boundary = stream.buffer.max(1);
        let most = i64::MAX as u64 - stream.buffer.min(i64::MAX as u64);
        while boundary <= most / 2 {
            boundary *= 2;
        }
        direct.min(boundary.abs_diff(direct))
    }

    /// Whether a time lies between the script's begin and the call's end, on any of the three clocks.
    fn is_recent(&self, bytes: &[u8], outcome: &Outcome) -> bool {
        let nanos = nanos_of(bytes);
        let since_start = i128::from(outcome.after - self.started[1].min(outcome.after));
        let monotonic = i128::from(outcome.after);
        [
            rustix::time::ClockId::Monotonic,
            rustix::time::ClockId::Realtime,
            rustix::time::ClockId::MonotonicRaw,
        ]
        .into_iter()
        .any(|clock| {
            let offset = offset_to_monotonic(clock);
            let age = monotonic + offset - nanos;
            // Clocks are steered: a tenth of a second is allowed for that.
            (-100_000_000..=since_start + 100_000_000).contains(&age)
        })
    }
}

/// Bytes as one word.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A time in seconds and nanoseconds, ns.
fn nanos_of(bytes: &[u8]) -> i128 {
    let (seconds, rest) = bytes.split_at(bytes.len() / 2);
    i128::from(number(seconds)) * 1_000_000_000 + i128::from(number(rest))
}

/// How far a clock is ahead of the monotonic one, ns.
fn offset_to_monotonic(clock: rustix::time::ClockId) -> i128 {
    let nanos = |clock| {
        let time = rustix::time::clock_gettime(clock);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    nanos(clock) - nanos(rustix::time::ClockId::Monotonic)
}
