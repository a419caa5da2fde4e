//! A signal that ends a call that waits.
#![allow(unsafe_code, reason = "signal handler and timer")]

use std::sync::Once;

extern "C" fn on_alarm(_: libc::c_int) {}

static ALARM: Once = Once::new();

/// A signal ends a call that waits.
pub(super) fn install_alarm() {
    ALARM.call_once(|| {
        let handler: extern "C" fn(libc::c_int) = on_alarm;
        // SAFETY: all zero bytes are a valid sigaction: no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as *const () as usize;
        // SAFETY: the handler does nothing; no SA_RESTART, so calls that wait end.
        unsafe { libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()) };
    });
}

/// The signal comes after so many microseconds, and then again and again; 0 for not at all.
pub(super) fn set_alarm(micros: u32) {
    let again = libc::timeval {
        tv_sec: 0,
        tv_usec: if micros == 0 { 0 } else { 50_000 },
    };
    let value = libc::itimerval {
        it_interval: again,
        it_value: libc::timeval {
            tv_sec: i64::from(micros / 1_000_000),
            tv_usec: i64::from(micros % 1_000_000),
        },
    };
    // SAFETY: a timer of this process, whose signal has a handler.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const value, std::ptr::null_mut()) };
}
