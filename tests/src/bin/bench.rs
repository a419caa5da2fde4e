//! `bench [--devices] [--json FILE]`: measures the card against its floors; prints a table, and writes the numbers to FILE.
//!
//! Character devices are measured in the virtual machine, where that can be had, or here with `--devices`, and nothing
//! else then.

use std::io;
use std::process::Command;

use cuse_pcm_tests::bench::devices;
use cuse_pcm_tests::bench::measure::{cpu_of_a_minute, many_streams, round_trips, throughput};
use cuse_pcm_tests::bench::report::{Row, json, table};
use cuse_pcm_tests::bench::sync::explicit_sync;
use cuse_pcm_tests::harness::folder;
use cuse_pcm_tests::vm;
use serde_json::Value;

type Measure = fn() -> io::Result<Vec<Row>>;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let here_only = arguments.iter().any(|a| a == "--devices");
    let parts: &[(&str, Measure)] = if here_only {
        &[("round trips on devices", devices::round_trips)]
    } else {
        &[
            ("round trips", round_trips),
            ("throughput", throughput),
            ("CPU of a minute", cpu_of_a_minute),
            ("1, 8 and 64 streams", many_streams),
            ("explicit sync", explicit_sync),
        ]
    };
    let mut rows = Vec::new();
    for (what, measure) in parts {
        eprintln!("measuring {what} ...");
        rows.extend(measure()?);
    }
    print!("{}", table(&rows));
    let mut numbers = json(&rows);
    if !here_only {
        add(&mut numbers, in_the_machine()?);
    }
    if let Some(at) = arguments.iter().position(|a| a == "--json") {
        if let Some(file) = arguments.get(at + 1) {
            std::fs::write(file, format!("{numbers:#}\n"))?;
            eprintln!("numbers in {file}");
        }
    }
    Ok(())
}

fn add(numbers: &mut Value, more: Value) {
    if let (Value::Array(numbers), Value::Array(more)) = (numbers, more) {
        numbers.extend(more);
    }
}

/// Measures devices in the virtual machine; prints the table, and gives the numbers.
fn in_the_machine() -> io::Result<Value> {
    if Command::new("qemu-system-x86_64")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!(
            "not measured: devices, for there is no qemu-system-x86_64 (tools/setup vm brings it)"
        );
        return Ok(Value::Null);
    }
    eprintln!("measuring round trips on devices, in the virtual machine ...");
    let shared = folder();
    let file = shared.path().join("numbers");
    let (path, name) = (shared.path().to_string_lossy(), file.to_string_lossy());
    let ran = vm::run(
        &["--share", &path, "--time-limit", "300", "--cpus", "1"],
        &["bench", "--devices", "--json", &name],
    );
    if !ran.status.success() {
        eprintln!("not measured: {}", String::from_utf8_lossy(&ran.stderr));
        return Ok(Value::Null);
    }
    print!(
        "in the virtual machine\n{}",
        String::from_utf8_lossy(&ran.stdout)
    );
    let text = std::fs::read_to_string(file)?;
    Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
}
