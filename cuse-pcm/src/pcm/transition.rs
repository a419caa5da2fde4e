//! Starting, stopping, pausing, suspending: the actions that move a device, and the calls that ask for them (§3).

use hw_backends::hardware::info;
use hw_backends::ops::Trigger;
use hw_backends::units::{Direction, Now};
use uapi::Errno;
use uapi::pcm::State;

use super::Substream;
use super::action::Action;
use super::state::running;
use super::sync::SyncPoint;

/// PREPARED to RUNNING.
pub(super) struct Start;

impl Action for Start {
    fn pre(&self, s: &Substream) -> Result<(), Errno> {
        if s.runtime.state() != State::Prepared {
            return Err(Errno::EBADFD);
        }
        if s.direction == Direction::Playback && !s.has_data() {
            Err(Errno::EPIPE)
        } else {
            Ok(())
        }
    }

    fn run(&self, s: &mut Substream, now: &Now) -> Result<(), Errno> {
        s.trigger(Trigger::Start, now)
    }

    fn undo(&self, s: &mut Substream, now: &Now) {
        s.unstart(now);
    }

    fn post(&self, s: &mut Substream, now: &Now) {
        s.started(State::Running, now);
    }
}

/// Anything but OPEN to `to`; the device stops.
pub(super) struct Stop {
    pub(super) to: State,
}

impl Action for Stop {
    fn pre(&self, s: &Substream) -> Result<(), Errno> {
        if s.runtime.state() == State::Open {
            Err(Errno::EBADFD)
        } else {
            Ok(())
        }
    }

    fn run(&self, s: &mut Substream, now: &Now) -> Result<(), Errno> {
        s.stop_device(now);
        Ok(())
    }

    fn post(&self, s: &mut Substream, now: &Now) {
        s.stopped(self.to, now);
    }
}

/// RUNNING to PAUSED (`push`) or back.
struct Pause {
    push: bool,
}

impl Pause {
    fn trigger(push: bool) -> Trigger {
        if push {
            Trigger::PausePush
        } else {
            Trigger::PauseRelease
        }
    }
}

impl Action for Pause {
    fn pre(&self, s: &Substream) -> Result<(), Errno> {
        if s.runtime.info & info::PAUSE == 0 {
            return Err(Errno::ENOSYS);
        }
        let from = if self.push {
            State::Running
        } else {
            State::Paused
        };
        if s.runtime.state() == from {
            Ok(())
        } else {
            Err(Errno::EBADFD)
        }
    }

    fn run(&self, s: &mut Substream, now: &Now) -> Result<(), Errno> {
        s.trigger(Pause::trigger(self.push), now)
    }

    fn undo(&self, s: &mut Substream, now: &Now) {
        let _ = s.trigger(Pause::trigger(!self.push), now);
    }

    fn post(&self, s: &mut Substream, now: &Now) {
        s.runtime.trigger_tstamp = s.runtime.clock(now);
        if self.push {
            s.runtime.life.commit(State::Paused);
            s.runtime.wake_pollers();
        } else {
            s.runtime.life.commit(State::Running);
        }
        // A blocked transfer has no time-out while the stream is paused: it looks again, either way.
        s.runtime.wake_transfers();
    }
}

/// Anything set up to SUSPENDED.
struct Suspend;

impl Action for Suspend {
    fn pre(&self, s: &Substream) -> Result<(), Errno> {
        match s.runtime.state() {
            State::Open | State::Setup | State::Suspended | State::Disconnected => {
                Err(Errno::EBUSY)
            }
            _ => Ok(()),
        }
    }

    fn run(&self, s: &mut Substream, now: &Now) -> Result<(), Errno> {
        if s.runtime.running(s.direction) {
            // Power goes down whatever the device thinks of it.
            let _ = s.trigger(Trigger::Suspend, now);
        }
        Ok(())
    }

    fn post(&self, s: &mut Substream, now: &Now) {
        s.runtime.trigger_tstamp = s.runtime.clock(now);
        s.runtime.life.commit(State::Suspended);
        s.runtime.wake_pollers();
    }
}

/// SUSPENDED to what was before.
struct Resume;

impl Action for Resume {
    fn pre(&self, s: &Substream) -> Result<(), Errno> {
        if s.runtime.state() != State::Suspended {
            return Err(Errno::EBADFD);
        }
        if s.runtime.info & info::RESUME == 0 {
            Err(Errno::ENOSYS)
        } else {
            Ok(())
        }
    }

    fn run(&self, s: &mut Substream, now: &Now) -> Result<(), Errno> {
        if running(s.runtime.life.before_suspend(), s.direction) {
            s.trigger(Trigger::Resume, now)?;
        }
        Ok(())
    }

    fn undo(&self, s: &mut Substream, now: &Now) {
        if running(s.runtime.life.before_suspend(), s.direction) {
            let _ = s.trigger(Trigger::Suspend, now);
        }
    }

    fn post(&self, s: &mut Substream, now: &Now) {
        s.runtime.trigger_tstamp = s.runtime.clock(now);
        s.runtime.life.commit(s.runtime.life.before_suspend());
    }
}

impl Substream {
    /// Tells the device.
    fn trigger(&mut self, trigger: Trigger, now: &Now) -> Result<(), Errno> {
        let view = self.view();
        self.device.trigger(trigger, &view, now)
    }

    /// Takes back a start.
    pub(super) fn unstart(&mut self, now: &Now) {
        let _ = self.trigger(Trigger::Stop, now);
        self.runtime.stopping = true;
    }

    /// Starts the device into a drain, and says so.
    pub(super) fn start_draining(&mut self, now: &Now) -> Result<(), Errno> {
        let view = self.view_as(true);
        self.device.trigger(Trigger::Start, &view, now)?;
        self.tell_draining(now)
    }

    /// Tells a device that wants to know (`DRAIN_TRIGGER`) that the client will add nothing.
    pub(super) fn tell_draining(&mut self, now: &Now) -> Result<(), Errno> {
        if self.hardware_info & info::DRAIN_TRIGGER == 0 {
            return Ok(());
        }
        let view = self.view_as(true);
        self.device.trigger(Trigger::Drain, &view, now)
    }

    /// The *run* step of a stop: only a moving device is told.
    pub(super) fn stop_device(&mut self, now: &Now) {
        if self.runtime.running(self.direction) {
            // A stream stops whatever the device thinks of it.
            let _ = self.trigger(Trigger::Stop, now);
        }
        self.runtime.stopping = true;
    }

    /// The *post* step of a start.
    pub(super) fn started(&mut self, to: State, now: &Now) {
        self.runtime.trigger_tstamp = self.runtime.clock(now);
        self.runtime.life.commit(to);
        self.silence_pass();
    }

    /// The *post* step of a stop.
    pub(super) fn stopped(&mut self, to: State, now: &Now) {
        // What was recorded can be read, in whatever way, although nothing moves any more.
        self.sync_for_client(SyncPoint::HwPtr);
        if self.runtime.state() != to {
            self.runtime.trigger_tstamp = self.runtime.clock(now);
            self.runtime.life.commit(to);
        }
        self.runtime.wake_pollers();
    }

    /// Waits until a device that was told to stop has stopped.
    pub(super) fn sync_stop(&mut self) {
        if std::mem::take(&mut self.runtime.stopping) {
            self.device.sync_stop();
        }
    }

    /// Whether a playback may start: something is queued, or it never stops by itself.
    fn has_data(&self) -> bool {
        let rt = &self.runtime;
        rt.software.stop_threshold >= rt.extent.boundary
            || rt.avail(self.direction) < rt.extent.buffer
    }

    /// Stops the group in `to`. Refused (and ignored) if a member is OPEN.
    pub(super) fn stop(&mut self, to: State, now: &Now) {
        let _ = self.act(&Stop { to }, now);
    }

    /// An under- or overrun was found.
    pub(super) fn declare_xrun(&mut self, now: &Now) {
        if self.runtime.software.tstamp {
            self.runtime.tstamp = self.runtime.clock(now);
        }
        self.runtime.xruns = self.runtime.xruns.saturating_add(1);
        self.stop(State::Xrun, now);
    }

    /// Releases a pause before something else is done.
    pub(super) fn release_pause(&mut self, now: &Now) {
        if self.runtime.state() == State::Paused {
            let _ = self.act(&Pause { push: false }, now);
        }
    }

    /// Starts the stream (as START, and as transfers do by themselves).
    pub(super) fn start_now(&mut self, now: &Now) -> Result<(), Errno> {
        self.act(&Start, now)
    }

    /// START.
    ///
    /// # Errors
    /// EBADFD: not PREPARED. EPIPE: a playback with nothing queued that would stop at once. The device's own.
    #[doc(alias = "SNDRV_PCM_IOCTL_START")]
    pub fn start(&mut self, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| s.start_now(now))
    }

    /// DROP: stops at once; a pause is released first.
    ///
    /// # Errors
    /// EBADFD: OPEN or DISCONNECTED.
    #[doc(alias = "SNDRV_PCM_IOCTL_DROP")]
    pub fn drop_frames(&mut self, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| {
            if matches!(s.runtime.state(), State::Open | State::Disconnected) {
                return Err(Errno::EBADFD);
            }
            s.release_pause(now);
            s.stop(State::Setup, now);
            Ok(())
        })
    }

    /// PAUSE.
    ///
    /// # Errors
    /// ENOSYS: the configured device cannot pause. EBADFD: not RUNNING (`push`), not PAUSED (release). The device's own.
    #[doc(alias = "SNDRV_PCM_IOCTL_PAUSE")]
    pub fn pause(&mut self, push: bool, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| s.act(&Pause { push }, now))
    }

    /// Power goes down: a stream that is set up is SUSPENDED.
    pub fn suspend(&mut self, now: &Now) {
        self.operation(now, |s| {
            let _ = s.act(&Suspend, now);
        });
    }

    /// RESUME: back to the state before the suspend.
    ///
    /// # Errors
    /// EBADFD: not SUSPENDED. ENOSYS: the device cannot resume. The device's own.
    #[doc(alias = "SNDRV_PCM_IOCTL_RESUME")]
    pub fn resume(&mut self, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| s.act(&Resume, now))
    }

    /// XRUN: declares one.
    ///
    /// # Errors
    /// EBADFD: neither RUNNING nor XRUN.
    #[doc(alias = "SNDRV_PCM_IOCTL_XRUN")]
    pub fn xrun(&mut self, now: &Now) -> Result<(), Errno> {
        self.operation(now, |s| match s.runtime.state() {
            State::Xrun => Ok(()),
            State::Running => {
                s.declare_xrun(now);
                Ok(())
            }
            _ => Err(Errno::EBADFD),
        })
    }

    /// The card is gone: DISCONNECTED, and everybody is woken (§3.6). One that runs takes its group with it, on other
    /// cards as well.
    pub fn disconnect(&mut self, now: &Now) {
        self.operation(now, |s| {
            if s.runtime.running(s.direction) {
                s.stop(State::Disconnected, now);
            }
            if s.runtime.running(s.direction) {
                s.stop_device(now);
            }
            s.stopped(State::Disconnected, now);
        });
    }
}
