//! What `make install` puts where, and what the manual pages say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cuse_pcm_tests::harness::{folder, program, words};

/// `make TARGET` into `destination`; what it printed.
fn make(target: &str, destination: &Path) -> Output {
    let output = Command::new("make")
        .arg("--no-print-directory")
        .arg("-C")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .arg(target)
        .arg(format!("PROGRAM={}", program().display()))
        .arg(format!("DESTDIR={}", destination.display()))
        .arg("PREFIX=/usr")
        // Of the `make` that may have started this test.
        .env_remove("MAKEFLAGS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", words(&output));
    output
}

/// The files below a folder, and their permissions.
fn files(below: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let mode = path.metadata().unwrap().permissions().mode() & 0o777;
                let name = path.strip_prefix(below).unwrap().to_str().unwrap();
                found.push((name.to_owned(), mode));
            }
        }
    }
    found.sort();
    found
}

fn pages(below: &Path) -> Vec<PathBuf> {
    let all = files(below).into_iter().map(|(name, _)| below.join(name));
    all.filter(|path| path.to_str().unwrap().contains("/man/"))
        .collect()
}

/// The names of the commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = help(&[]);
    let list = help.split("Commands:\n").nth(1).unwrap();
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect()
}

fn help(command: &[&str]) -> String {
    let output = Command::new(program())
        .args(command)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", words(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_installed_is_taken_away_again_but_for_a_changed_configuration() {
    let root = folder();
    make("install", root.path());
    let installed = files(root.path());
    for (name, mode) in [
        ("etc/cuse-pcm.toml", 0o644),
        ("usr/bin/cuse-pcm", 0o755),
        ("usr/lib/systemd/system/cuse-pcm.service", 0o644),
        ("usr/lib/systemd/system/cuse-pcm-both.service", 0o644),
        ("usr/lib/udev/rules.d/70-cuse-pcm.rules", 0o644),
        ("usr/share/bash-completion/completions/cuse-pcm", 0o644),
        ("usr/share/man/man1/cuse-pcm.1", 0o644),
        ("usr/share/man/man5/cuse-pcm.toml.5", 0o644),
    ] {
        assert!(
            installed.contains(&(name.to_owned(), mode)),
            "{installed:?}"
        );
    }

    let config = root.path().join("etc/cuse-pcm.toml");
    fs::write(&config, "# mine").unwrap();
    make("install", root.path());
    assert_eq!(fs::read_to_string(&config).unwrap(), "# mine");
    make("uninstall", root.path());
    assert_eq!(
        files(root.path()),
        [("etc/cuse-pcm.toml".to_owned(), 0o644)]
    );

    fs::remove_file(&config).unwrap();
    make("install", root.path());
    make("uninstall", root.path());
    assert_eq!(files(root.path()), []);
}

#[test]
fn the_service_and_its_configuration_know_where_they_were_put() {
    let root = folder();
    make("install", root.path());
    let unit = root.path().join("usr/lib/systemd/system/cuse-pcm.service");
    let unit = fs::read_to_string(unit).unwrap();
    assert!(unit.contains("ExecStart=/usr/bin/cuse-pcm serve"), "{unit}");

    // The place is looked at when the configuration has been read.
    let config = root.path().join("etc/cuse-pcm.toml");
    let output = Command::new(program())
        .args(["serve", "--at", "/nowhere", "--config"])
        .arg(config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Cannot use the directory /nowhere"), "{said}");
}

#[test]
fn the_manual_pages_have_no_faults() {
    let root = folder();
    make("install", root.path());
    let pages = pages(root.path());
    assert_eq!(pages.len(), commands().len() + 2);
    let output = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .args(pages)
        .output()
        .expect("mandoc is to be installed");
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{}",
        words(&output)
    );
}

#[test]
fn every_option_and_command_is_in_the_manual() {
    let root = folder();
    make("install", root.path());
    let page = |name: &str| {
        let path = root.path().join(format!("usr/share/man/man1/{name}.1"));
        let text = fs::read_to_string(&path).unwrap();
        text.replace("\\-", "-")
            .replace("\\fB", "")
            .replace("\\fR", "")
    };
    for command in commands() {
        assert!(page("cuse-pcm").contains(&format!(".BR cuse-pcm-{command} (1)")));
        let text = page(&format!("cuse-pcm-{command}"));
        let help = help(&[&command]);
        let listed: Vec<&str> = help
            .lines()
            .filter(|line| line.trim_start().starts_with('-'))
            .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
            .map(|word| word.trim_end_matches('.'))
            .collect();
        assert!(listed.contains(&"--help"), "{help}");
        for option in listed {
            let there = text.lines().any(|line| {
                line.split([' ', ',']).any(|word| word == option) && line.starts_with('-')
            });
            assert!(there, "{option} is not in\n{text}");
        }
    }
}

#[test]
fn every_key_of_the_configuration_is_in_the_manual() {
    let page =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../cuse-pcm/src/cli/manual/cuse-pcm.toml.5");
    let page = fs::read_to_string(page).unwrap();
    // What the program says of a key that it does not know.
    let known = |text: &str| {
        let folder = folder();
        let config = folder.path().join("cards.toml");
        fs::write(&config, text).unwrap();
        let output = Command::new(program())
            .args(["serve", "--config"])
            .arg(config)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let list = said.split("expected ").nth(1).expect(&said).to_owned();
        let words = list.lines().next().unwrap_or_default().split('`');
        let keys: Vec<String> = words.skip(1).step_by(2).map(str::to_owned).collect();
        assert!(keys.len() > 1, "{said}");
        keys
    };
    let unknown = [
        ("", "[[card]]\nnumber = 0\nnone = 0\n"),
        ("memory.", "[[card]]\nnumber = 0\nmemory.none = 0\n"),
        ("", "[[card]]\nnumber = 0\n[[card.pcm]]\nnone = 0\n"),
        (
            "buffer.",
            "[[card]]\nnumber = 0\n[[card.pcm]]\nbuffer.none = 0\n",
        ),
    ];
    for (table, text) in unknown {
        for key in known(text) {
            let words = [
                format!("\"{table}{key} = "),
                format!("[[card.{key}]]"),
                // A table of its own.
                format!("\"{key}."),
            ];
            let documented = words.iter().any(|word| page.contains(word));
            assert!(documented, "{table}{key} is not in cuse-pcm.toml(5)");
        }
    }
}
