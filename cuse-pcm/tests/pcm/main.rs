//! The PCM core against what the kernel was measured to do, over a scripted device and virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "tests"
)]

mod bench;
mod configure;
mod drain;
mod explicit_sync;
mod group;
mod pages;
mod pointers;
mod random;
mod silence;
mod status;
mod transfer;
mod transition;
