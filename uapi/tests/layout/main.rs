//! Sizes, alignments, offsets and numbers against the system's C headers. Needs gcc and the kernel's headers, and fails
//! without them. What the installed headers are too old for is pinned by `known_answers`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod compiler;
mod control;
mod fuse;
mod pcm;
mod timer;

use compiler::{Checks, Client};
use uapi::ioctl::Row;

/// The numbers of a table: each is the header's `prefix` + the row's name, without the endings that tell 32-bit clients
/// apart. Of `newer`, headers may know nothing.
fn numbers(checks: &mut Checks, prefix: &str, rows: &[Row], newer: &[&str]) {
    for row in rows {
        let stem = row
            .name
            .trim_end_matches("_T32")
            .trim_end_matches("_T64")
            .trim_end_matches("_ALIGNED");
        let name = format!("{prefix}{stem}");
        if newer.contains(&row.name) {
            checks.constant_if_defined(&name, i128::from(row.cmd));
        } else {
            checks.holds(&format!("(unsigned)({name}) == {:#x}u", row.cmd));
        }
    }
}

#[test]
fn a_wrong_size_is_noticed() {
    let mut checks = Checks::new(Client::Native);
    checks.whole("struct snd_pcm_status", 151, 8);
    assert!(
        checks
            .judge()
            .unwrap_err()
            .contains("sizeof(struct snd_pcm_status) == 151")
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn each_kind_of_32_bit_client_has_layouts_of_its_own() {
    for (client, size) in [(Client::T32, 108), (Client::T64, 128), (Client::X32, 128)] {
        let mut checks = Checks::new(client);
        checks.holds(&format!("sizeof(struct snd_pcm_status) == {size}"));
        checks.assert();
        checks.holds("sizeof(struct snd_pcm_status) == 152");
        assert!(checks.judge().is_err(), "{client:?}");
    }
}
