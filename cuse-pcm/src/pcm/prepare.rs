//! PREPARE and RESET: the pointers start anew (§3.4, §6.8).

use hw_backends::units::Now;
use uapi::Errno;
use uapi::pcm::State;

use super::Substream;
use super::action::Action;
use super::hw_ptr::Cause;
use super::position::Position;
use super::silence::Silence;

/// Anything set up and standing to PREPARED.
struct Prepare {
    nonblock: Option<bool>,
}

impl Action for Prepare {
    fn pre(&self, s: &Substream) -> Result<(), Errno> {
        if matches!(s.runtime.state(), State::Open | State::Disconnected) {
            return Err(Errno::EBADFD);
        }
        if s.runtime.running(s.direction) {
            Err(Errno::EBUSY)
        } else {
            Ok(())
        }
    }

    fn run(&self, s: &mut Substream, _now: &Now) -> Result<(), Errno> {
        // The flag is taken over although the device may still refuse (§2.4).
        s.runtime.nonblock = self.nonblock.unwrap_or(s.runtime.nonblock);
        s.sync_stop();
        s.device.prepare()?;
        s.runtime.hw = Position::default();
        s.runtime.hw_wrap = 0;
        s.runtime.device_frames = 0;
        s.runtime.delay = 0;
        s.runtime.silence = Silence::restart(s.runtime.hw);
        Ok(())
    }

    fn post(&self, s: &mut Substream, _now: &Now) {
        s.runtime.appl = s.runtime.hw;
        s.restart_sync();
        s.runtime.life.commit(State::Prepared);
    }
}

/// The client's pointer comes to where the device is. No change of state.
struct Reset;

impl Action for Reset {
    fn pre(&self, s: &Substream) -> Result<(), Errno> {
        match s.runtime.state() {
            State::Running | State::Prepared | State::Paused | State::Suspended => Ok(()),
            _ => Err(Errno::EBADFD),
        }
    }

    fn run(&self, s: &mut Substream, now: &Now) -> Result<(), Errno> {
        let moving =
            s.runtime.running(s.direction) && s.update_pointer(Cause::Process, now).is_ok();
        let rt = &mut s.runtime;
        if moving {
            rt.hw = Position(rt.hw.in_ring(rt.extent.buffer));
        } else {
            // The device stays where it is in its ring: what it moved in the current round counts again.
            rt.hw = Position::default();
            rt.hw_wrap = 0;
            let round = rt.device_frames.checked_rem(rt.extent.buffer).unwrap_or(0);
            rt.device_frames = rt.device_frames.saturating_sub(round);
        }
        rt.silence = Silence::restart(rt.hw);
        Ok(())
    }

    fn post(&self, s: &mut Substream, _now: &Now) {
        s.runtime.appl = s.runtime.hw;
        s.restart_sync();
        s.silence_pass();
    }
}

impl Substream {
    /// PREPARE: both pointers 0, ready to start. `nonblock` is O_NONBLOCK of the calling file now, `None` if unknown; the
    /// stream's transfers follow it from here on.
    ///
    /// # Errors
    /// EBADFD: OPEN or DISCONNECTED. EBUSY: the device moves. The device's own; a paused or suspended stream is then
    /// SETUP, any other as it was.
    #[doc(alias = "SNDRV_PCM_IOCTL_PREPARE")]
    pub fn prepare(&mut self, nonblock: Option<bool>, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| {
            if matches!(s.runtime.state(), State::Paused | State::Suspended) {
                s.release_pause(now);
                s.stop(State::Setup, now);
            }
            s.act(&Prepare { nonblock }, now)
        })
    }

    /// RESET: forgets what is queued or unread.
    ///
    /// # Errors
    /// EBADFD: not PREPARED, RUNNING, PAUSED or SUSPENDED.
    #[doc(alias = "SNDRV_PCM_IOCTL_RESET")]
    pub fn reset(&mut self, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| {
            s.act(&Reset, now)?;
            if s.find_member(|member| member.state() == State::Xrun)
                .is_some()
            {
                // One was found to have run dry; it was looked at alone, the others follow.
                s.stop(State::Xrun, now);
            }
            Ok(())
        })
    }
}
