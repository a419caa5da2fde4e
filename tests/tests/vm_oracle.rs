//! A slice of the comparison with the kernel, call by call, in the virtual machine; its seed is fresh and printed.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use cuse_pcm_tests::harness::words;
use cuse_pcm_tests::vm;

#[test]
#[ignore = "takes too long with debug programs; `make oracle` asks more, with others"]
fn a_client_of_ours_sees_what_a_client_of_the_kernels_card_sees() {
    let inside = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/inside");
    let output = vm::run(
        &["--own-time", "--cpus", "1", "--time-limit", "900"],
        &[inside.to_str().unwrap(), "--calls", "20000"],
    );
    // With its seed, for whoever has to look into it.
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", words(&output));
}
