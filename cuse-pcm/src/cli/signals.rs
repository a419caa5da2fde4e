//! Signals as data: blocked in every thread, taken one by one.
#![allow(
    unsafe_code,
    reason = "signal sets and siginfo are only to be had from libc"
)]

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The signals that are taken instead of acted upon.
const TAKEN: [i32; 12] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal {
    /// Its number.
    pub(super) number: i32,
    /// Sent by the kernel, for what happened at the terminal or to a child; else by a process.
    pub(super) from_kernel: bool,
    /// The process that sent it, where one did.
    pub(super) sender: i32,
}

/// The set of blocked signals.
pub(super) struct Signals(libc::sigset_t);

impl Signals {
    /// Blocks them, in this thread and those it starts: to be called before the first.
    ///
    /// # Errors
    /// None that the kernel is known to give.
    pub(super) fn block() -> io::Result<Signals> {
        let mut set = empty();
        for signal in TAKEN {
            // SAFETY: a valid set of our own, and a number from the table.
            unsafe { libc::sigaddset(&raw mut set, signal) };
        }
        change_mask(libc::SIG_BLOCK, &set)?;
        Ok(Signals(set))
    }

    /// Lets `command` start with no signal blocked.
    pub(super) fn unblock_for(command: &mut Command) {
        let none = empty();
        // SAFETY: the closure makes one async-signal-safe call and allocates nothing.
        unsafe { command.pre_exec(move || change_mask(libc::SIG_SETMASK, &none)) };
    }

    /// Waits for the next.
    ///
    /// # Errors
    /// None that the kernel is known to give (EINTR is waited out).
    pub(super) fn next(&self) -> io::Result<Signal> {
        loop {
            let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
            // SAFETY: reads the set and fills the info, which is ours.
            let number = unsafe { libc::sigwaitinfo(&raw const self.0, info.as_mut_ptr()) };
            if number > 0 {
                // SAFETY: zeroed, then filled by the kernel.
                let info = unsafe { info.assume_init() };
                // SAFETY: signals sent by a process carry its id there; for others it is some number, which
                // `from_kernel` tells to ignore.
                let sender = unsafe { info.si_pid() };
                return Ok(Signal {
                    number,
                    from_kernel: info.si_code > 0,
                    sender,
                });
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

fn empty() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set it is given, which is ours.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the line above.
    unsafe { set.assume_init() }
}

fn change_mask(how: i32, set: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: reads the set; the old mask is not asked for.
    match unsafe { libc::pthread_sigmask(how, set, std::ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Is this one of those that stop a job?
pub(super) fn stops(signal: i32) -> bool {
    matches!(signal, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}
