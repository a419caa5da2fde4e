//! `bench [--json FILE]`: measures the card against its floors; prints a table, and writes the numbers to FILE.

use std::io;

use cuse_pcm_tests::bench::measure::{cpu_of_a_minute, many_streams, round_trips, throughput};
use cuse_pcm_tests::bench::report::{Row, json, table};

type Measure = fn() -> io::Result<Vec<Row>>;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parts: [(&str, Measure); 4] = [
        ("round trips", round_trips),
        ("throughput", throughput),
        ("CPU of a minute", cpu_of_a_minute),
        ("1, 8 and 64 streams", many_streams),
    ];
    let mut rows = Vec::new();
    for (what, measure) in parts {
        eprintln!("measuring {what} ...");
        rows.extend(measure()?);
    }
    print!("{}", table(&rows));
    if let [flag, file] = &arguments[..] {
        if flag == "--json" {
            std::fs::write(file, format!("{:#}\n", json(&rows)))?;
            eprintln!("numbers in {file}");
        }
    }
    Ok(())
}
