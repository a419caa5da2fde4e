//! The benchmark of character devices runs in the virtual machine. What it measures is not judged: other programs run
//! beside it.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use cuse_pcm_tests::harness::{folder, words};
use cuse_pcm_tests::vm;
use serde_json::Value;

#[test]
fn round_trips_are_measured_beside_a_bare_server_and_a_kernel_driver() {
    let shared = folder();
    let path = shared.path().to_str().unwrap();
    let output = vm::run(
        &["--share", path, "--time-limit", "300", "--cpus", "1"],
        &["bench", "--devices", "--json", &format!("{path}/numbers")],
    );
    assert!(output.status.success(), "{}", words(&output));
    println!("{}", String::from_utf8_lossy(&output.stdout));
    let text = std::fs::read_to_string(shared.path().join("numbers")).unwrap();
    let numbers: Value = serde_json::from_str(&text).unwrap();
    let rows = numbers.as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|r| r["name"].as_str().unwrap()).collect();
    let expected = [
        "SYNC_PTR on CUSE",
        "SYNC_PTR on CUSE, beside snd-dummy",
        "STATUS on CUSE",
        "STATUS on CUSE, beside snd-dummy",
        "WRITEI, 4 KiB on CUSE",
        "WRITEI, 4 KiB on CUSE, beside snd-dummy",
    ];
    assert_eq!(names, expected);
    for row in rows {
        let number = |name: &str| row[name].as_f64().unwrap();
        // From a nanosecond to a second.
        let plausible = |us: f64| us > 1e-3 && us < 1e6;
        assert!(
            plausible(number("card")) && plausible(number("floor")),
            "{row}"
        );
        // A request that goes to another process and back takes longer than one that does not.
        if row["floor_is"].as_str().unwrap().contains("snd-dummy") {
            assert!(number("ratio") > 1.0, "{row}");
        }
    }
}
