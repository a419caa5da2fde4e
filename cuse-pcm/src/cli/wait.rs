//! Stands in for a command while it runs: passes signals on, stops when it stops, ends as it ends.

use std::io;
use std::process::Child;

use rustix::process::{Pid, Signal as Number, WaitOptions, getpid, kill_process, waitpid};

use super::signals::{Signal, Signals, stops};

/// Waits for the command to end. Returns its exit status, 128 + the signal's number where one killed it.
///
/// # Errors
/// Where it cannot be waited for.
pub(super) fn until_ended(child: &Child, signals: &Signals) -> io::Result<u8> {
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(io::ErrorKind::InvalidInput)?;
    let mut job = Job::default();
    loop {
        let signal = signals.next()?;
        match signal.number {
            libc::SIGCHLD => {
                if let Some(status) = job.reap(pid)? {
                    return Ok(status);
                }
            }
            libc::SIGCONT => job = Job::default(),
            number if stops(number) => job.asked = true,
            _ => {}
        }
        if to_be_passed(signal, pid) {
            if let Some(number) = Number::from_named_raw(signal.number) {
                // It may just have ended; SIGCHLD tells.
                let _ = kill_process(pid, number);
            }
        }
        if job.asked && job.stopped {
            job = Job::default();
            kill_process(getpid(), Number::STOP)?;
        }
    }
}

/// Job control. We stop with the command only if we were asked to as well: a command that alone was stopped is
/// continued alone, and nobody would continue us.
#[derive(Clone, Copy, Debug, Default)]
struct Job {
    asked: bool,
    stopped: bool,
}

impl Job {
    /// Takes in what happened to the command; its exit status when it ended.
    fn reap(&mut self, pid: Pid) -> io::Result<Option<u8>> {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        while let Some((_, status)) = waitpid(Some(pid), options)? {
            if status.stopped() {
                self.stopped = true;
            } else if status.continued() {
                *self = Job::default();
            } else {
                let killed = status.terminating_signal().map(|signal| 128 + signal);
                let status = status.exit_status().or(killed).unwrap_or_default();
                return Ok(Some(u8::try_from(status).unwrap_or(u8::MAX)));
            }
        }
        Ok(None)
    }
}

/// The kernel signals the whole foreground job, the command included; a process only means us. What the command
/// itself sends is not sent back to it.
fn to_be_passed(signal: Signal, command: Pid) -> bool {
    signal.number != libc::SIGCHLD && !signal.from_kernel && signal.sender != command.as_raw_pid()
}
