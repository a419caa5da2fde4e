//! `snd_pcm_link` of a real program, on character devices and on the kernel's own cards, on Linux 6.12 in the virtual
//! machine: `clients/links.c`.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
use std::process::Command;

use cuse_pcm_tests::harness::{folder, words};
use cuse_pcm_tests::vm;

/// What is linked: playback, capture, whether both can pause.
const PAIRS: [(&str, &str, bool); 7] = [
    // One card of ours, and two of one daemon.
    ("hw:7", "hw:7", true),
    ("hw:7", "hw:8", true),
    ("hw:8", "hw:7", true),
    // A card of ours as if it could not pause.
    ("hw:8", "hw:7", false),
    ("hw:Loopback,0,0", "hw:Loopback,0,1", true),
    ("hw:Dummy", "hw:Dummy", false),
    ("hw:Loopback,0,0", "hw:Dummy", false),
];

const PAUSE: &str = "\
pause: 0, states PAUSED and PAUSED
pause again: -77, states PAUSED and PAUSED
release: 0, states RUNNING and RUNNING
";

/// What the client says on every one of them; a pause comes between the two parts.
const SAID: [&str; 2] = [
    "\
link: 0, states PREPARED and PREPARED
link again: -114, states PREPARED and PREPARED
link the other way: -114, states PREPARED and PREPARED
start an empty one: -32, states PREPARED and PREPARED
start: 0, states RUNNING and RUNNING
their starts by the clock: within a period
their starts by what they moved: within a period
",
    "\
drop: 0, states SETUP and SETUP
prepare: 0, states PREPARED and PREPARED
unlink: 0, states PREPARED and PREPARED
unlink again: -114, states PREPARED and PREPARED
unlink the other: -114, states PREPARED and PREPARED
start alone: 0, states RUNNING and PREPARED
start: 0, states RUNNING and RUNNING
drain: 0, states SETUP and DRAINING
read the rest: -77, states SETUP and DRAINING
start: 0, states RUNNING and RUNNING
run dry: 0, states XRUN and XRUN
start: 0, states RUNNING and RUNNING
close one: the other is SETUP
unlink: -114
",
];

fn compile(program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/links.c");
    let compiled = Command::new("gcc")
        .args(["-std=gnu11", "-O1", "-Wall", "-Werror", "-o"])
        .args([program, &source])
        .arg("-lasound")
        .output()
        .expect("this test needs gcc (Debian: gcc, libc6-dev)");
    assert!(
        compiled.status.success(),
        "this test needs alsa-lib's headers (Debian: libasound2-dev):\n{}",
        words(&compiled)
    );
}

#[test]
fn linked_streams_start_stop_and_pause_as_one_on_one_card_and_across_cards() {
    let folder = folder();
    let program = folder.path().join("links");
    compile(&program);
    let runs: String = PAIRS
        .iter()
        .map(|(playback, capture, pauses)| {
            let pauses = if *pauses { "CAN_PAUSE=1" } else { "" };
            format!(
                "echo '== {playback} {capture}'; {pauses} timeout 120 {} {playback} {capture} 2>&1\n",
                program.display()
            )
        })
        .collect();
    let script = format!(
        "cd /tmp; export HOME=/
        for number in 7 8; do
            printf '[[card]]\\nnumber = %s\\nid = \"C%s\"\\n[[card.pcm]]\\nplayback = \"null\"\\ncapture = \"null\"\\n' $number $number
        done >cards.toml
        cuse-pcm serve --nodes cuse --config cards.toml >said & card=$!
        until grep -q ready: said; do kill -0 $card || exit 99; sleep 0.1; done
        {runs}
        kill $card; wait $card"
    );
    let share = folder.path().to_str().unwrap();
    let options = ["--share", share, "--time-limit", "600"];
    let output = vm::run(&options, &["bash", "-c", &script]);
    assert!(output.status.success(), "{}", words(&output));
    let expected: String = PAIRS
        .iter()
        .map(|(playback, capture, pauses)| {
            let pauses = if *pauses { PAUSE } else { "" };
            let [before, after] = SAID;
            format!("== {playback} {capture}\n{before}{pauses}{after}")
        })
        .collect();
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
