//! The kernel's own tests of sound cards, `pcm-test` and `mixer-test`, on Linux 6.12 in the virtual machine: on two of
//! the kernel's cards, on cards of ours that are like these, and on one with the limits of its own; as character devices
//! alone and with mounted nodes bound over them. Prints what each said of each; what passes on the kernel's must not
//! fail on ours.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use cuse_pcm_tests::harness::words;
use cuse_pcm_tests::vm;

/// A card: its id in the machine, and the kernel's card whose limits it has (itself for the kernel's own).
#[derive(Clone, Copy, Debug)]
struct CardUnderTest {
    id: &'static str,
    model: Option<&'static str>,
}

/// As they stand side by side.
const CARDS: [CardUnderTest; 8] = [
    card("Dummy", Some("Dummy")),
    card("DummyCuse", Some("Dummy")),
    card("DummyBoth", Some("Dummy")),
    card("Loopback", Some("Loopback")),
    card("LoopCuse", Some("Loopback")),
    card("LoopBoth", Some("Loopback")),
    card("OwnCuse", None),
    card("OwnBoth", None),
];
const KERNEL: [&str; 2] = ["Dummy", "Loopback"];

const fn card(id: &'static str, model: Option<&'static str>) -> CardUnderTest {
    CardUnderTest { id, model }
}

/// What a test said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Pass,
    Fail,
    /// Fails because something took longer or shorter than it should.
    Late,
    Skip,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "FAIL",
            Outcome::Late => "late",
            Outcome::Skip => "skip",
        }
    }

    fn failed(self) -> bool {
        matches!(self, Outcome::Fail | Outcome::Late)
    }
}

/// What was said: by test (a row), by card (a column). A row of `mixer-test` has all elements of one kind.
type Table = BTreeMap<String, BTreeMap<String, Vec<Outcome>>>;

/// Serves the cards beside the kernel's; runs the tests on all of them at once.
const SCRIPT: &str = r#"
cd /tmp
modprobe -r snd-dummy snd-aloop &&
    modprobe snd-dummy index=0 pcm_substreams=1 && modprobe snd-aloop index=1 pcm_substreams=1 || exit
for kind in Cuse Both; do
    number=2
    [ $kind = Both ] && number=5
    cat >$kind.toml <<END
[[card]]
number = $number
id = "Dummy$kind"
like = "hw:0"
[[card]]
number = $((number + 1))
id = "Loop$kind"
like = "hw:1"
[[card.pcm]]
playback = "loopback"
capture = "loopback"
[[card.pcm]]
playback = "loopback"
capture = "loopback"
[[card]]
number = $((number + 2))
id = "Own$kind"
[[card.pcm]]
playback = "loopback"
capture = "loopback"
END
done
serve() {
    cuse-pcm serve --config $1.toml "${@:2}" >said.$1 &
    until grep -q ready: said.$1; do kill -0 $! || exit 99; sleep 0.1; done
}
serve Cuse --nodes cuse
serve Both --nodes both
cd "$0"
for test in pcm-test mixer-test; do
    ./$test 2>&1
    echo "status $test $?"
done
"#;

/// The folder of the built tests.
fn tests() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("vm/kselftest");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Everything that the tests printed.
fn said() -> String {
    let tests = tests();
    let options = [
        "--own-time",
        "--cpus",
        "1",
        "--share",
        &tests,
        "--time-limit",
        "1200",
    ];
    let output = vm::run(&options, &["bash", "-c", SCRIPT, &tests]);
    assert!(output.status.success(), "{}", words(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    for test in ["pcm-test", "mixer-test"] {
        let ended = said.contains(&format!("status {test} 0\n"));
        assert!(ended, "{test} did not end well\n{said}");
    }
    said
}

/// `ok 3 name`, `not ok 3 name`, `ok 3 # SKIP name`.
fn outcome(line: &str) -> Option<(Outcome, &str)> {
    let (passed, rest) = match (line.strip_prefix("ok "), line.strip_prefix("not ok ")) {
        (Some(rest), _) => (Outcome::Pass, rest),
        (_, Some(rest)) => (Outcome::Fail, rest),
        _ => return None,
    };
    let (_, name) = rest.split_once(' ')?;
    match name.strip_prefix("# SKIP ") {
        Some(name) => Some((Outcome::Skip, name)),
        None => Some((passed, name)),
    }
}

/// What kind of element one is by its name: volumes are alike, and so are switches.
fn kind(element: &str) -> &str {
    ["Volume", "Switch"]
        .into_iter()
        .find(|kind| element.ends_with(kind))
        .unwrap_or(element)
}

/// The row and the column of a test: of `pcm-test` the test, the device and the direction, of `mixer-test` the test and
/// the kind of element, which `elements` has by card and number.
fn place(name: &str, elements: &BTreeMap<String, String>) -> (String, String) {
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        [class, test, card, device, _, direction] => {
            let row = format!("{class}.{test} device {device} {direction}");
            (row, card.to_owned())
        }
        [test, card, number] => {
            let element = &elements[&format!("{card}.{number}")];
            (format!("{test} {}", kind(element)), card.to_owned())
        }
        _ => panic!("a test with the name {name}"),
    }
}

/// The elements of all cards, by card and number: `# Dummy.4 Master Volume`.
fn elements(said: &str) -> BTreeMap<String, String> {
    let named = said.lines().filter_map(|line| {
        let (place, name) = line.strip_prefix("# ")?.split_once(' ')?;
        let (card, number) = place.split_once('.')?;
        let ours = CARDS.iter().any(|known| known.id == card);
        let numbered = number.bytes().all(|digit| digit.is_ascii_digit());
        // "Dummy.0 - Dummy PCM" tells of a device.
        (ours && numbered && !name.starts_with("- ")).then(|| (place.to_owned(), name.to_owned()))
    });
    named.collect()
}

fn read(said: &str) -> Table {
    let elements = elements(said);
    let mut table = Table::new();
    let lines: Vec<&str> = said.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some((mut outcome, name)) = outcome(line) else {
            continue;
        };
        let why = lines.get(at + 1).copied().unwrap_or_default();
        if outcome == Outcome::Fail && why.contains("time mismatch") {
            outcome = Outcome::Late;
        }
        let (row, column) = place(name, &elements);
        let cell = table.entry(row).or_default().entry(column).or_default();
        cell.push(outcome);
    }
    table
}

fn cell(outcomes: &[Outcome]) -> String {
    match outcomes {
        [] => "-".to_owned(),
        [one] => one.word().to_owned(),
        several => {
            let kinds: BTreeSet<Outcome> = several.iter().copied().collect();
            let count = |kind| several.iter().filter(|one| **one == kind).count();
            let words = kinds
                .iter()
                .map(|kind| format!("{} {}", count(*kind), kind.word()));
            words.collect::<Vec<_>>().join(", ")
        }
    }
}

fn show(table: &Table) -> String {
    let mut text = String::new();
    let first = table.keys().map(String::len).max().unwrap_or(0);
    write!(text, "{:first$}", "").unwrap();
    for card in CARDS {
        write!(text, "  {:10}", card.id).unwrap();
    }
    for (row, cells) in table {
        write!(text, "\n{row:first$}").unwrap();
        for card in CARDS {
            let said = cells.get(card.id).map(Vec::as_slice).unwrap_or_default();
            write!(text, "  {:10}", cell(said)).unwrap();
        }
    }
    text.push('\n');
    text
}

/// Where a card of ours does not what the kernel's do: those whose limits it has, else any that has the like. A test
/// may fail on ours only where it passes on none of these; and one that passes there must not be skipped here.
fn worse(table: &Table) -> Vec<(String, &'static str, Vec<Outcome>)> {
    let mut worse = Vec::new();
    for (row, cells) in table {
        let of = |id: &str| cells.get(id).cloned().unwrap_or_default();
        for card in CARDS.iter().filter(|card| !KERNEL.contains(&card.id)) {
            let models: Vec<Outcome> = match card.model {
                Some(model) if cells.contains_key(model) => of(model),
                _ => KERNEL.iter().flat_map(|id| of(id)).collect(),
            };
            let passes = models.contains(&Outcome::Pass);
            let ours = of(card.id);
            let failed = ours.iter().any(|one| one.failed()) && (passes || models.is_empty());
            let skipped = ours.contains(&Outcome::Skip) && passes;
            if failed || skipped {
                worse.push((row.clone(), card.id, ours));
            }
        }
    }
    worse
}

/// What the test's output shows even where it succeeds.
fn print(text: &str) {
    std::io::stderr().lock().write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_passes_on_a_card_of_the_kernel_passes_on_ours() {
    let first = said();
    let table = read(&first);
    print(&format!("\nThe kernel's tests:\n{}", show(&table)));
    for card in CARDS {
        let tests = |named: fn(&str) -> bool| {
            let rows = table.iter().filter(|(row, _)| named(row));
            rows.filter_map(|(_, cells)| cells.get(card.id))
                .flatten()
                .count()
        };
        let (pcm, mixer) = (
            tests(|row| row.starts_with("default.")),
            tests(|row| row.starts_with("name ")),
        );
        assert!(
            pcm >= 14 && mixer >= 4,
            "{}: {pcm} tests of PCMs, {mixer} elements\n{first}",
            card.id
        );
    }
    let mut worse_ones = worse(&table);
    // Another program of this machine may have had the processor: once more, for what was late.
    if worse_ones
        .iter()
        .any(|(_, _, said)| said.contains(&Outcome::Late))
    {
        print("Once more, as some were late:\n");
        let second = read(&said());
        print(&show(&second));
        let again = worse(&second);
        worse_ones.retain(|(row, card, said)| {
            !said.contains(&Outcome::Late) || again.iter().any(|(r, c, _)| r == row && c == card)
        });
    }
    assert!(worse_ones.is_empty(), "{worse_ones:#?}\n{first}");
}

/// A volume on both kinds of cards, and a test of a PCM; `ours` is what ours says.
fn made_up(ours: &str) -> Table {
    let mut said = String::new();
    for card in ["Dummy", "OwnCuse"] {
        let verdict = if card == "Dummy" { "ok" } else { ours };
        write!(
            said,
            "# {card}.0 - PCM\n# {card}.1 Master Volume\n{verdict} 1 name.{card}.1\n\
             {verdict} 2 default.time1.{card}.0.0.CAPTURE\n# time mismatch: expected 2000ms got 2200\n\
             ok 3 # SKIP default.time7.{card}.0.0.CAPTURE\n"
        )
        .unwrap();
    }
    read(&said)
}

#[test]
fn a_failure_that_the_kernels_card_has_not_is_found() {
    let found = worse(&made_up("not ok"));
    let (capture, name) = ("default.time1 device 0 CAPTURE", "name Volume");
    assert_eq!(
        found,
        [
            (capture.to_owned(), "OwnCuse", vec![Outcome::Late]),
            (name.to_owned(), "OwnCuse", vec![Outcome::Fail]),
        ]
    );
    assert_eq!(worse(&made_up("ok")), []);
}

#[test]
fn a_test_that_is_skipped_on_ours_alone_is_found() {
    let mut table = made_up("ok");
    let row = table.get_mut("name Volume").unwrap();
    row.insert("OwnCuse".to_owned(), vec![Outcome::Skip]);
    let expected = ("name Volume".to_owned(), "OwnCuse", vec![Outcome::Skip]);
    assert_eq!(worse(&table), [expected]);
}
