//! Compares a kernel's card with ours, call by call: `oracle --help`.
#![allow(clippy::panic, reason = "a test's helper fails loudly")]

use std::process::ExitCode;

fn main() -> ExitCode {
    cuse_pcm_tests::oracle::command::main()
}
