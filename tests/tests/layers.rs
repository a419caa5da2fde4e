//! The shape of the source: imports go one way, files and functions stay small, `unsafe` stays where it is named.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};

use cuse_pcm_tests::rust_source::Source;

const CRATES: [&str; 3] = ["uapi", "hw_backends", "cuse_pcm"];

/// What each crate may import of the others.
const CRATE_ORDER: [(&str, &str, &[&str]); 3] = [
    ("uapi", "uapi/src", &[]),
    ("hw_backends", "hw-backends/src", &["uapi"]),
    ("cuse_pcm", "cuse-pcm/src", &["uapi", "hw_backends"]),
];

/// What each module of the card's crate may import of its neighbours. Those on top may import all.
const ON_TOP: [&str; 4] = ["server", "cli", "config", "main"];
const MODULE_ORDER: [(&str, &[&str]); 7] = [
    ("transport", &["request"]),
    ("request", &[]),
    ("file", &["request", "card", "pcm", "buffer"]),
    ("card", &["pcm", "buffer"]),
    ("pcm", &["buffer"]),
    ("buffer", &[]),
    ("container", &[]),
];

/// The only files with `unsafe`, apart from tests and what serves them.
const UNSAFE_FILES: [&str; 11] = [
    "cuse-pcm/src/cli/signals.rs",
    "cuse-pcm/src/container/namespace.rs",
    "cuse-pcm/src/server/signals.rs",
    "cuse-pcm/src/transport/client_memory.rs",
    "cuse-pcm/src/transport/guard.rs",
    "cuse-pcm/src/transport/page_cache.rs",
    "cuse-pcm/src/transport/passthrough.rs",
    // Of the tests: counts allocations.
    "hw-backends/src/bench.rs",
    "hw-backends/src/dma/area.rs",
    "hw-backends/src/existing/node.rs",
    "hw-backends/src/dma/devices.rs",
];

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 60;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests lie in the repository")
        .to_owned()
}

fn sources() -> Vec<Source> {
    let root = repository();
    let directories = CRATE_ORDER.iter().map(|(_, directory, _)| directory);
    let found: Vec<Source> = directories
        .flat_map(|directory| Source::below(&root, directory))
        .filter(|source| !is_tests(&source.path))
        .collect();
    assert!(found.len() > 30, "the sources were not found");
    found
}

/// A file of tests alone.
fn is_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// The imports of a file that go the wrong way.
fn upward(source: &Source) -> Vec<String> {
    let (krate, _, below) = CRATE_ORDER
        .iter()
        .find(|(_, directory, _)| source.path.starts_with(directory))
        .unwrap_or_else(|| panic!("{} belongs to no crate", source.path));
    let module = source.module();
    let mut wrong = Vec::new();
    for named in source.named(&CRATES) {
        let path = named.segments.join("::");
        let allowed = match named.krate.as_str() {
            "crate" if *krate == "cuse_pcm" => module_may_name(
                module.first().map(String::as_str),
                named.segments.first().map(String::as_str),
            ),
            "crate" => true,
            "cuse_pcm" if *krate == "cuse_pcm" => module == ["main"] || module.is_empty(),
            other => below.contains(&other),
        };
        if !allowed {
            wrong.push(format!(
                "{}:{} names {}::{path}",
                source.path, named.line, named.krate
            ));
        }
    }
    wrong
}

/// Whether one module of the card's crate may name another; the crate's root is on top of all.
fn module_may_name(from: Option<&str>, to: Option<&str>) -> bool {
    let Some(from) = from else { return true };
    if ON_TOP.contains(&from) || Some(from) == to {
        return true;
    }
    let Some((_, below)) = MODULE_ORDER.iter().find(|(name, _)| *name == from) else {
        return false;
    };
    to.is_some_and(|to| below.contains(&to))
}

fn none(wrong: &[String], what: &str) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

#[test]
fn no_import_goes_upward() {
    let wrong: Vec<String> = sources().iter().flat_map(upward).collect();
    none(&wrong, "imports against the order of the house");
}

#[test]
fn every_module_has_a_place_in_the_order() {
    let lib = repository().join("cuse-pcm/src/lib.rs");
    let source = Source::parse(
        "cuse-pcm/src/lib.rs",
        &std::fs::read_to_string(lib).expect("lib.rs"),
    );
    let names = source
        .tokens
        .windows(2)
        .filter(|pair| pair[0].text == "mod")
        .map(|pair| pair[1].text.as_str());
    let placed = |name: &str| {
        ON_TOP.contains(&name) || MODULE_ORDER.iter().any(|(module, _)| *module == name)
    };
    let strays: Vec<String> = names
        .filter(|name| !placed(name))
        .map(str::to_owned)
        .collect();
    none(&strays, "modules without a place in the order");
}

#[test]
fn made_up_upward_imports_are_found() {
    for (path, text) in [
        ("cuse-pcm/src/pcm/state.rs", "use crate::file::Files;"),
        (
            "cuse-pcm/src/pcm/state.rs",
            "use super::super::{buffer, card::Card};",
        ),
        (
            "cuse-pcm/src/pcm/state.rs",
            "fn f() { crate::transport::send(); }",
        ),
        ("cuse-pcm/src/pcm/state.rs", "use crate::*;"),
        (
            "cuse-pcm/src/pcm/state.rs",
            "mod tests { use crate::server::Server; }",
        ),
        ("cuse-pcm/src/transport/wire.rs", "use crate::card::Card;"),
        ("cuse-pcm/src/card.rs", "use crate::transport::Channel;"),
        ("cuse-pcm/src/buffer.rs", "use super::pcm;"),
        ("cuse-pcm/src/request.rs", "use crate::pcm::State;"),
        ("cuse-pcm/src/newcomer.rs", "use crate::pcm::State;"),
        ("cuse-pcm/src/file.rs", "use cuse_pcm::server;"),
        ("hw-backends/src/wav.rs", "use cuse_pcm::pcm;"),
        ("uapi/src/pcm.rs", "use hw_backends::units::Nanos;"),
    ] {
        assert_eq!(
            upward(&Source::parse(path, text)).len(),
            1,
            "{path}: {text}"
        );
    }
}

#[test]
fn downward_imports_are_left_alone() {
    for (path, text) in [
        (
            "cuse-pcm/src/pcm/rules.rs",
            "use super::mask; use crate::buffer::Ring; use uapi::pcm::Mask;",
        ),
        (
            "cuse-pcm/src/file/wait.rs",
            "use crate::{request::Reply, card, pcm::{self, State}, buffer};",
        ),
        ("cuse-pcm/src/server.rs", "use crate::{transport, file};"),
        (
            "cuse-pcm/src/main.rs",
            "fn main() { cuse_pcm::cli::main() }",
        ),
        (
            "cuse-pcm/src/pcm/rules.rs",
            "/// [`crate::file`]\nconst TEXT: &str = \"crate::file::x\";",
        ),
    ] {
        assert_eq!(
            upward(&Source::parse(path, text)),
            Vec::<String>::new(),
            "{path}: {text}"
        );
    }
}

#[test]
fn files_stay_small() {
    let long = |source: &Source| {
        let lines = source.lines_without_tests();
        (lines > FILE_LINES).then(|| format!("{}: {lines} lines", source.path))
    };
    none(
        &sources().iter().filter_map(long).collect::<Vec<_>>(),
        "files of more than 500 lines without their tests",
    );
}

#[test]
fn functions_stay_short() {
    let mut long = Vec::new();
    for source in sources() {
        for (name, line, lines) in source.functions() {
            if lines > FUNCTION_LINES {
                long.push(format!("{}:{line} {name}: {lines} lines", source.path));
            }
        }
    }
    none(&long, "functions of more than 60 lines");
}

#[test]
fn unsafe_stays_in_the_named_files() {
    let stray =
        |source: &Source| source.has("unsafe") && !UNSAFE_FILES.contains(&source.path.as_str());
    let strays: Vec<String> = sources()
        .into_iter()
        .filter(stray)
        .map(|source| source.path)
        .collect();
    none(&strays, "files with `unsafe` that are not on the list");
}
