//! SW_PARAMS: thresholds, timestamps and silence (§5).

use hw_backends::units::Now;
use uapi::Errno;
use uapi::pcm::{State, SwParams};

use super::Substream;
use super::runtime::{Runtime, Software};

/// From this protocol version on, SW_PARAMS says the type of the timestamps.
const PROTO_TSTAMP_TYPE: u32 = 0x0002_000c;
/// The last type of timestamps, MONOTONIC_RAW.
const TSTAMP_TYPE_LAST: u32 = 2;

impl Substream {
    /// SW_PARAMS. `boundary` is filled when the parameters were accepted.
    ///
    /// # Errors
    /// EBADFD: OPEN or DISCONNECTED. EINVAL: a parameter, in the order of §5.1. EPIPE: accepted, and the new thresholds
    /// stop the running stream.
    #[doc(alias = "SNDRV_PCM_IOCTL_SW_PARAMS")]
    pub fn sw_params(&mut self, p: &mut SwParams, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| {
            if matches!(s.runtime.state(), State::Open | State::Disconnected) {
                return Err(Errno::EBADFD);
            }
            check(p, &s.runtime)?;
            store(p, &mut s.runtime);
            p.boundary = s.runtime.extent.boundary;
            if !s.runtime.running(s.direction) {
                return Ok(());
            }
            s.silence_pass();
            s.check_state(now)
        })
    }

    /// TTSTAMP: the clock of the timestamps, in any state.
    ///
    /// # Errors
    /// EINVAL: not 0 (REALTIME), 1 (MONOTONIC) or 2 (MONOTONIC_RAW).
    #[doc(alias = "SNDRV_PCM_IOCTL_TTSTAMP")]
    pub fn ttstamp(&mut self, kind: i32) -> Result<(), Errno> {
        match u32::try_from(kind) {
            Ok(kind) if kind <= TSTAMP_TYPE_LAST => {
                self.runtime.tstamp_type = kind;
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

fn check(p: &SwParams, rt: &Runtime) -> Result<(), Errno> {
    let tstamps = matches!(p.tstamp_mode, 0 | 1)
        && (p.proto < PROTO_TSTAMP_TYPE || p.tstamp_type <= TSTAMP_TYPE_LAST);
    let silence = if p.silence_size >= rt.extent.boundary {
        p.silence_threshold == 0
    } else {
        p.silence_size <= p.silence_threshold && p.silence_threshold <= rt.extent.buffer
    };
    if tstamps && p.avail_min != 0 && silence {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

fn store(p: &SwParams, rt: &mut Runtime) {
    if p.proto >= PROTO_TSTAMP_TYPE {
        rt.tstamp_type = p.tstamp_type;
    }
    rt.avail_min = p.avail_min;
    rt.software = Software {
        tstamp: p.tstamp_mode == 1,
        start_threshold: p.start_threshold,
        stop_threshold: p.stop_threshold,
        silence_threshold: p.silence_threshold,
        silence_size: p.silence_size,
    };
}
