//! The command line of the oracle.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::allowed::{Allowed, LIST};
use super::call::Node;
use super::run::Pair;
use super::side::{Nodes, Side};
use super::source;
use super::tally::Tally;

const USAGE: &str = "\
Usage: oracle PAIR... [--seed N] [--calls N] [--seconds N] [--sources a,b,...] [--findings N] [--keep FILE]

PAIR is NODES:DIRECTORY:CARD:KERNEL_CARD:DRIVER:DEVICES, e.g. mount:/tmp/snd:2:2:dummy:0,1 (card 2 in /tmp/snd is like
the kernel's card 2 in /dev/snd; its devices 0 and 1 are compared). NODES is cuse or mount, DRIVER dummy or aloop.
Compares N calls (default 20000), shared among pairs and sources alike, but for not longer than so many seconds (default
3600). --keep writes scripts and the kernel's answers into a file. Exit status: 0 no difference outside the list, 1 there are.";

/// What is asked for.
struct Options {
    pairs: Vec<PairSpec>,
    seed: u64,
    calls: u64,
    seconds: u64,
    sources: Vec<String>,
    findings: usize,
    keep: Option<PathBuf>,
}

struct PairSpec {
    nodes: Nodes,
    directory: PathBuf,
    card: u32,
    kernel_card: u32,
    driver: String,
    devices: Vec<u32>,
}

fn pair_spec(text: &str) -> Option<PairSpec> {
    let parts: Vec<&str> = text.split(':').collect();
    let [nodes, directory, card, kernel_card, driver, devices] = parts[..] else {
        return None;
    };
    let nodes = match nodes {
        "cuse" => Nodes::Cuse,
        "mount" => Nodes::Mount,
        _ => return None,
    };
    let devices: Option<Vec<u32>> = devices
        .split(',')
        .map(|number| number.parse().ok())
        .collect();
    Some(PairSpec {
        nodes,
        directory: directory.into(),
        card: card.parse().ok()?,
        kernel_card: kernel_card.parse().ok()?,
        driver: driver.to_owned(),
        devices: devices?,
    })
}

fn options() -> Option<Options> {
    let mut options = Options {
        pairs: Vec::new(),
        seed: fresh_seed(),
        calls: 20_000,
        seconds: 3600,
        sources: source::NAMES.iter().map(|&name| name.to_owned()).collect(),
        findings: 20,
        keep: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seed" => options.seed = words.next()?.parse().ok()?,
            "--keep" => options.keep = Some(words.next()?.into()),
            "--calls" => options.calls = words.next()?.parse().ok()?,
            "--seconds" => options.seconds = words.next()?.parse().ok()?,
            "--findings" => options.findings = words.next()?.parse().ok()?,
            "--sources" => options.sources = words.next()?.split(',').map(str::to_owned).collect(),
            pair => options.pairs.push(pair_spec(pair)?),
        }
    }
    (!options.pairs.is_empty()).then_some(options)
}

fn fresh_seed() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    (time.tv_nsec as u64 / 1000) ^ (time.tv_sec as u64) << 20
}

/// Runs what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    println!("oracle: seed {}, {} calls", options.seed, options.calls);
    let mut allowed = match Allowed::parse(LIST) {
        Ok(allowed) => allowed,
        Err(why) => {
            eprintln!("oracle: the list of allowed differences: {why}");
            return ExitCode::from(2);
        }
    };
    let mut tally = Tally::default();
    let mut known = Vec::new();
    let mut keep = options.keep.as_ref().map(|_| Vec::new());
    let turns: u32 = options
        .pairs
        .iter()
        .map(|pair| jobs(pair, &options.sources).len() as u32)
        .sum();
    let each = options.calls / u64::from(turns.max(1));
    let until = Instant::now() + Duration::from_secs(options.seconds);
    for spec in &options.pairs {
        let mut pair = Pair {
            kernel: Side::new(Path::new("/dev/snd"), spec.kernel_card, Nodes::Kernel),
            ours: Side::new(&spec.directory, spec.card, spec.nodes),
            driver: spec.driver.clone(),
            allowed,
            tally,
            known,
            keep,
        };
        for (source, node) in jobs(spec, &options.sources) {
            let who = format!(
                "{:?} {} {}: {source}",
                spec.nodes,
                spec.driver,
                node.name(spec.card)
            );
            let most = pair.tally.total() + each;
            let Some(mut scripts) = source::Source::new(&source, options.seed, node, &mut pair)
            else {
                println!("{who}: not possible");
                continue;
            };
            while pair.tally.total() < most
                && Instant::now() < until
                && pair.known.len() < options.findings
            {
                match scripts.next(&mut pair) {
                    None => break,
                    Some(Ok(())) => {}
                    Some(Err(finding)) => println!("DIFFERENCE on {who}:\n{}", finding.in_words()),
                }
            }
        }
        (allowed, tally, known, keep) = (pair.allowed, pair.tally, pair.known, pair.keep);
    }
    if let (Some(path), Some(bytes)) = (&options.keep, &keep) {
        if let Err(e) = std::fs::write(path, bytes) {
            eprintln!("oracle: cannot write {}: {e}", path.display());
        }
    }
    print!("{}", tally.table(&allowed));
    println!(
        "oracle: seed {}: {} differences outside the list",
        options.seed,
        known.len()
    );
    ExitCode::from(u8::from(!known.is_empty()))
}

/// The sources for one pair, with the node each is about.
fn jobs(pair: &PairSpec, sources: &[String]) -> Vec<(String, Node)> {
    let nodes = pair
        .devices
        .iter()
        .flat_map(|&device| [Node::Playback(device), Node::Capture(device)]);
    let mut jobs = Vec::new();
    for node in nodes {
        for source in sources.iter().filter(|source| !source::is_control(source)) {
            // What can be mapped here differs: everything that follows from it would.
            let comparable =
                source != "refine" || pair.driver != "aloop" || pair.nodes == Nodes::Mount;
            if comparable {
                jobs.push((source.clone(), node));
            }
        }
    }
    for source in sources.iter().filter(|source| source::is_control(source)) {
        jobs.push((source.clone(), Node::Control));
    }
    jobs
}
