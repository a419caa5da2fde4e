//! Runs commands in the virtual machine of `tests/vm`.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::harness::program;

/// One machine at a time: each takes a processor and some hundred megabytes.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs `command` in the virtual machine, with the programs of this build, and gives what it printed. `options` are
/// those of `tests/vm/run`.
///
/// # Panics
/// If `tests/vm/run` cannot be started.
#[must_use]
pub fn run(options: &[&str], command: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("vm/run");
    let programs = program();
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new(&script)
        .arg("--programs")
        .arg(programs.parent().unwrap_or(&programs))
        .args(options)
        .arg("--")
        .args(command)
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => output,
        Err(e) => panic!("Cannot start {}: {e}", script.display()),
    }
}
