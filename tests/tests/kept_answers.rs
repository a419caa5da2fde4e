//! What the kernel answered to the oracle's scripts, and was kept, our files answer as well: every call in every state of
//! snd-dummy's playback and capture, and walks on its control node.
//!
//! `tests/oracle/keep` makes the files anew.
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

use cuse_pcm_tests::oracle::allowed::{Allowed, LIST};
use cuse_pcm_tests::oracle::call::{Arg, Call};
use cuse_pcm_tests::oracle::judge::compare_virtual;
use cuse_pcm_tests::oracle::kept::{self, Kept};
use cuse_pcm_tests::oracle::side::Nodes;
use cuse_pcm_tests::oracle::virtual_side::VirtualSide;
use flate2::read::GzDecoder;
use uapi::ioctl;

fn kept(name: &str) -> Vec<Kept> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("kernel-answers/{name}.gz"));
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    let mut all = kept::read(&bytes);
    all.retain(|(script, _)| !script.iter().any(fetches_to_nowhere));
    all
}

/// Whether a call only fetches something to an address with nothing behind it: a client that is made up here is refused
/// before the card hears of it.
fn fetches_to_nowhere(call: &Call) -> bool {
    matches!(call, Call::Ioctl { cmd, arg: Arg::Value(_), .. } if ioctl::dir(*cmd) == ioctl::READ)
}

/// Plays every script; the first few differences that are not on the list.
fn differences(kept: &[Kept]) -> (usize, String) {
    let allowed = Allowed::parse(LIST).unwrap();
    let (mut number, mut text) = (0, String::new());
    for (script, kernel) in kept {
        let ours = VirtualSide::play(script);
        let found = compare_virtual(script, kernel, &ours);
        let first = found
            .iter()
            .find(|difference| allowed.find(Nodes::Mount, "dummy", difference).is_none());
        if let Some(difference) = first {
            number += 1;
            if number <= 5 {
                for (call, outcome) in script.iter().zip(kernel) {
                    writeln!(text, "  {call} = {} {}", outcome.ret, outcome.errno).unwrap();
                }
                writeln!(text, "  {difference:?}\n").unwrap();
            }
        }
    }
    (number, text)
}

fn replay(name: &str, least: usize) {
    let kept = kept(name);
    assert!(kept.len() >= least, "only {} scripts in {name}", kept.len());
    let (number, text) = differences(&kept);
    assert_eq!(number, 0, "of {} scripts:\n{text}", kept.len());
}

#[test]
fn every_call_in_every_state() {
    replay("oracle-matrix", 3800);
}

#[test]
fn walks_on_a_control_node() {
    replay("oracle-control", 50);
}

#[test]
fn a_wrong_answer_is_found() {
    let mut kept = kept("oracle-control");
    let answered = kept
        .iter_mut()
        .flat_map(|(_, outcomes)| outcomes.iter_mut())
        .find(|outcome| outcome.bytes.len() > 100 && outcome.errno == 0);
    answered.unwrap().bytes[70] ^= 1;
    assert_eq!(differences(&kept).0, 1);
}
