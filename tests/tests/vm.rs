//! The virtual machine itself: what a command run in it sees, and what comes back.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::process::Output;
use std::time::{Duration, Instant};

use cuse_pcm_tests::harness::{folder, words};
use cuse_pcm_tests::vm;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a script in the machine.
fn script(options: &[&str], script: &str) -> Output {
    vm::run(options, &["bash", "-c", script])
}

/// The first line of `name=...` that the script printed.
fn value(output: &Output, name: &str) -> String {
    let prefix = format!("{name}=");
    let found = text(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix(&prefix).map(str::to_owned));
    found.unwrap_or_else(|| panic!("no {name} in {}", words(output)))
}

#[test]
fn output_and_exit_status_come_back() {
    let output = script(&[], "seq 300000; echo err >/dev/stderr; sleep 100 & exit 7");
    assert_eq!(output.status.code(), Some(7), "{}", words(&output));
    assert_eq!(text(&output.stderr), "err\n");
    let expected: String = (1..=300_000).map(|n: u32| format!("{n}\n")).collect();
    let got = text(&output.stdout);
    assert!(got == expected, "{} of {} bytes", got.len(), expected.len());
}

#[test]
fn arguments_arrive_as_they_are() {
    let arguments = ["", "a b", "'\"$HOME\\", "two\nlines", "*"];
    let output = vm::run(&[], &[&["printf", "<%s>"], &arguments[..]].concat());
    let expected: String = arguments.iter().map(|a| format!("<{a}>")).collect();
    assert_eq!(text(&output.stdout), expected, "{}", words(&output));
}

#[test]
fn another_user_runs_it_in_group_audio() {
    let output = script(
        &["--user", "user"],
        "echo id=$(id -un) $(id -Gn); echo home=$HOME; touch $HOME/x; test -w /dev/snd/controlC0; echo snd=$?; \
         test -w /dev/cuse; echo cuse=$?",
    );
    assert_eq!(
        value(&output, "id"),
        "user user audio",
        "{}",
        words(&output)
    );
    assert_eq!(value(&output, "home"), "/home/user");
    assert_eq!(value(&output, "snd"), "0");
    assert_eq!(value(&output, "cuse"), "1");
}

#[test]
fn an_unknown_user_is_refused() {
    let output = vm::run(&["--user", "no-such-user"], &["true"]);
    assert_eq!(output.status.code(), Some(125), "{}", words(&output));
    assert!(text(&output.stderr).contains("no-such-user"));
}

#[test]
fn the_time_limit_ends_it() {
    let begun = Instant::now();
    let output = vm::run(&["--time-limit", "3"], &["sleep", "1000"]);
    assert_eq!(output.status.code(), Some(124), "{}", words(&output));
    assert!(text(&output.stderr).contains("3 s"), "{}", words(&output));
    // The machine's folder may have to be built first.
    assert!(begun.elapsed() < Duration::from_secs(200));
}

#[test]
fn a_kernel_that_dies_is_told() {
    let output = script(&[], "echo c >/proc/sysrq-trigger; sleep 100");
    assert_eq!(output.status.code(), Some(125), "{}", words(&output));
    assert!(text(&output.stderr).contains("sysrq"), "{}", words(&output));
}

#[test]
fn linux_6_12_has_what_the_tests_need() {
    let output = script(
        &[],
        "echo release=$(uname -r); aplay -l; test -c /dev/cuse -a -c /dev/fuse -a -c /dev/udmabuf; echo nodes=$?; \
         test -c /dev/dma_heap/system; echo heap=$?",
    );
    assert!(
        value(&output, "release").starts_with("6.12."),
        "{}",
        words(&output)
    );
    assert_eq!(value(&output, "nodes"), "0");
    assert_eq!(value(&output, "heap"), "0");
    let listed = text(&output.stdout);
    assert!(
        listed.contains("[Dummy]") && listed.contains("[Loopback]"),
        "{listed}"
    );
}

#[test]
fn a_shared_folder_is_written_from_inside() {
    let shared = folder();
    let path = shared.path().to_str().unwrap();
    std::fs::write(shared.path().join("in"), "from outside").unwrap();
    let output = script(
        &["--share", path, "--user", "user"],
        &format!("cat {path}/in && echo from inside >{path}/out"),
    );
    assert!(output.status.success(), "{}", words(&output));
    assert_eq!(text(&output.stdout), "from outside");
    let written = std::fs::read_to_string(shared.path().join("out")).unwrap();
    assert_eq!(written, "from inside\n");
}

#[test]
fn a_card_for_one_command_works_for_root_and_user() {
    let output = script(
        &[],
        "export HOME=/
        for user in 0 1000; do
            for list in 'aplay -l' 'arecord -l'; do
                setpriv --reuid=$user --regid=$user --init-groups cuse-pcm run --card 5 -- $list || exit 1
            done
            setpriv --reuid=$user --regid=$user --init-groups cuse-pcm run --free-run -- \
                aplay -q -M -t raw -f cd -s 44100 /dev/zero && echo played=$user || exit 1
        done",
    );
    assert!(output.status.success(), "{}", words(&output));
    let listed = text(&output.stdout);
    assert_eq!(listed.matches("card 5:").count(), 4, "{}", words(&output));
    for user in ["played=0\n", "played=1000\n"] {
        assert!(listed.contains(user), "{listed}");
    }
}
