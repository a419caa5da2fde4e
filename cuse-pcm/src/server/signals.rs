//! Signals are for the program's main thread.
#![allow(unsafe_code, reason = "a signal mask is set through libc")]

/// Blocks every signal in the calling thread: one that it took might wait for ever for its handler to run.
pub(super) fn block() {
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: writes the set, which is large enough by its type.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: reads the set initialised above; no old set is asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut()) };
}
