//! The integration tests of this machine once more, in the virtual machine: on character devices and on passthrough
//! mounts of Linux 6.12, as root and as a user of group audio.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::Write;
use std::path::Path;

use cuse_pcm_tests::c_client;
use cuse_pcm_tests::everywhere::{ELSEWHERE, TESTS};
use cuse_pcm_tests::place::{self, PLACE, PLACES, Place};
use cuse_pcm_tests::vm;

/// Runs a test program. An emulated processor on a busy machine may be late for a deadline of real time: what fails runs
/// once more, by itself, and has to pass then.
const TESTS_OF: &str = "
failed=0
tests_of() {
    echo \"== $1\"; shift
    \"$@\" 2>&1 | tee /tmp/log
    [ ${PIPESTATUS[0]} = 0 ] && return
    again=$(sed -n '/^failures:$/,/^test result/s/^    \\([a-z_0-9]*\\)$/\\1/p' /tmp/log | sort -u)
    echo \"== once more: $again\"
    [ -n \"$again\" ] && \"$@\" $again 2>&1 || failed=1
}
";

/// A machine that runs all tests of a place, as a shell script.
fn script(name: &str, place: Place) -> String {
    // The number 0 shall be free for devices.
    let mut script = format!("export {PLACE}={name}; rmmod snd_aloop snd_dummy\n{TESTS_OF}");
    for tests in TESTS {
        let (program, options) = (tests.program(), tests.options(place).join(" "));
        let words = place::tester(place).join(" ");
        script += &format!(
            "tests_of {} {words} {} {options}\n",
            tests.name,
            program.display()
        );
    }
    script + "exit $failed"
}

/// Runs all of them at a place, and shows what became of each.
fn run(name: &str) {
    let (_, place) = PLACES
        .into_iter()
        .find(|(known, _)| *known == name)
        .unwrap();
    c_client::make_all();
    let options = ["--time-limit", "1500", "--memory", "1536"];
    let output = vm::run(&options, &["bash", "-c", &script(name, place)]);
    let said = String::from_utf8_lossy(&output.stdout);
    let verdict = |line: &&str| line.starts_with("== ") || line.starts_with("test ");
    // Past the capture of a test's output.
    let mut shown = std::io::stderr().lock();
    for line in said.lines().filter(verdict) {
        let _ = writeln!(shown, "{name}: {line}");
    }
    assert!(
        output.status.success(),
        "{name}: {said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let ran = said
        .lines()
        .filter(|l| l.starts_with("test ") && l.ends_with("... ok"));
    assert!(ran.count() >= TESTS.len(), "{said}");
}

#[test]
fn on_devices_as_root() {
    run("cuse-root");
}

#[test]
fn on_devices_as_a_user_of_group_audio() {
    run("cuse-user");
}

#[test]
fn on_mounts_as_root() {
    run("mount-root");
}

#[test]
fn on_mounts_as_a_user_of_group_audio() {
    run("mount-user");
}

#[test]
fn every_test_of_nodes_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let main = if path.is_dir() {
            path.join("main.rs")
        } else {
            path.clone()
        };
        let text = std::fs::read_to_string(main).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let uses = text.contains("tests::served::")
            || text.contains("tests::harness::") && text.contains("Kind")
            || text.contains("mod node;");
        // Those begin with vm that run commands in the machine themselves.
        let uses = uses && !name.starts_with("vm");
        let known = TESTS.iter().any(|tests| tests.name == name)
            || ELSEWHERE.iter().any(|(other, _)| *other == name);
        assert!(
            !(name.starts_with("vm") && text.contains("#[ignore = \"boots a machine")),
            "{name} leaves a test out for no other reason than that it boots a machine"
        );
        assert!(
            !uses || known,
            "{name} uses nodes and is not in the list of src/everywhere.rs"
        );
        for tests in TESTS.iter().filter(|tests| tests.name == name) {
            for (test, _) in tests.except {
                assert!(
                    text.contains(&format!("fn {test}()")),
                    "{name} has no test {test}"
                );
            }
        }
    }
}
