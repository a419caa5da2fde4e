//! HW_REFINE and HW_PARAMS answer 4,000 recorded calls as the kernel did, byte for byte and errno for errno.
//!
//! The recording and its format: `kernel-answers/README.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use cuse_pcm::pcm::hw_params::{self, Space};
use cuse_pcm_tests::oracle_hardware;
use flate2::read::GzDecoder;
use uapi::Errno;
use uapi::pcm::HwParams;
use zerocopy::{FromBytes, IntoBytes};

const RECORD: usize = 1248;
const PARAMS: usize = size_of::<HwParams>();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    HwRefine,
    HwParams,
}

/// One recorded call.
struct Call {
    device: String,
    op: Op,
    before: HwParams,
    errno: i32,
    after: HwParams,
}

impl Call {
    fn parse(record: &[u8]) -> Call {
        let (device, rest) = record.split_at(24);
        let (op, rest) = rest.split_at(4);
        let (before, rest) = rest.split_at(PARAMS);
        let (errno, after) = rest.split_at(4);
        let end = device.iter().position(|&byte| byte == 0).unwrap_or(24);
        Call {
            device: String::from_utf8(device[..end].to_vec()).unwrap(),
            op: match u32::from_le_bytes(op.try_into().unwrap()) {
                0 => Op::HwRefine,
                1 => Op::HwParams,
                other => panic!("unknown operation {other}"),
            },
            before: HwParams::read_from_bytes(before).unwrap(),
            errno: i32::from_le_bytes(errno.try_into().unwrap()),
            after: HwParams::read_from_bytes(after).unwrap(),
        }
    }

    /// What this implementation makes of the call: errno and the caller's structure afterwards.
    fn replay(&self) -> (i32, HwParams) {
        let hardware = oracle_hardware::hardware(&self.device);
        let space = Space {
            hardware: &hardware,
            mappable: true,
            preallocated: None,
            buffer_bytes_limit: u32::MAX,
        };
        let mut copy = self.before;
        let result = match self.op {
            Op::HwRefine => hw_params::refine(&space, &mut copy),
            Op::HwParams => hw_params::choose(&space, &mut copy),
        };
        match result {
            Ok(()) => (0, copy),
            Err(Errno(errno)) => (errno, self.before),
        }
    }
}

fn recording() -> Vec<Call> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernel-answers/hw-refine-4000.bin.gz");
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(bytes.len(), 4000 * RECORD);
    bytes.chunks_exact(RECORD).map(Call::parse).collect()
}

/// The words in which two structures differ, and what is in them.
fn differences(expected: &HwParams, got: &HwParams) -> String {
    let words = expected.as_bytes().chunks(4).zip(got.as_bytes().chunks(4));
    let mut text = String::new();
    for (index, (expected, got)) in words.enumerate().filter(|(_, (a, b))| a != b) {
        let offset = index * 4;
        writeln!(
            text,
            "    offset {offset}: expected {expected:02x?}, got {got:02x?}"
        )
        .unwrap();
    }
    text
}

#[test]
fn all_recorded_calls_get_the_kernels_answer() {
    let mut mismatches = Vec::new();
    for (number, call) in recording().iter().enumerate() {
        let (errno, after) = call.replay();
        if errno != call.errno || after != call.after {
            mismatches.push(format!(
                "call {number}, {:?} on {}: expected errno {}, got {errno}\n{}",
                call.op,
                call.device,
                call.errno,
                differences(&call.after, &after)
            ));
        }
    }
    let some = mismatches.iter().take(5).cloned().collect::<String>();
    assert!(
        mismatches.is_empty(),
        "{} calls differ:\n{some}",
        mismatches.len()
    );
}

#[test]
fn the_recording_has_both_outcomes_of_both_calls() {
    let calls = recording();
    let count = |op, ok| {
        calls
            .iter()
            .filter(|c| c.op == op && (c.errno == 0) == ok)
            .count()
    };
    assert_eq!(
        [
            count(Op::HwRefine, true),
            count(Op::HwRefine, false),
            count(Op::HwParams, true),
            count(Op::HwParams, false)
        ],
        [1112, 907, 720, 1261]
    );
}
