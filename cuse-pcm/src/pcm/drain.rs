//! Playing out what is queued (§6.10).

use hw_backends::units::{Direction, Nanos, Now};
use uapi::Errno;
use uapi::pcm::State;

use super::Substream;
use super::action::Action;
use super::position::signed;
use super::transition::Stop;

/// How a drain goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Nothing is left to wait for.
    Done,
    /// To be asked again after every wake-up, or when `timeout` (a length; `None` is for ever) passed without one.
    Wait {
        /// Longest sleep.
        timeout: Option<Nanos>,
    },
}

/// The beginning of a drain: whatever is underway is to end.
struct DrainInit;

/// What the beginning of a drain does to a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// Started, to play out.
    Start,
    /// Goes on, to play out.
    PlayOut,
    /// Stopped; `State` tells whether frames are left to be read.
    Stop(State),
    /// Nothing to end.
    SetUp,
    /// Left alone.
    Leave,
}

impl DrainInit {
    fn beginning(s: &Substream) -> Beginning {
        let rt = &s.runtime;
        let avail = rt.avail(s.direction);
        match (s.direction, rt.state()) {
            (Direction::Playback, State::Prepared) if avail >= rt.extent.buffer => Beginning::SetUp,
            (Direction::Playback, State::Prepared) => Beginning::Start,
            (Direction::Playback, State::Running) => Beginning::PlayOut,
            (Direction::Playback, State::Xrun) => Beginning::SetUp,
            (Direction::Capture, State::Running) if signed(avail) > 0 => {
                Beginning::Stop(State::Draining)
            }
            (Direction::Capture, State::Running) => Beginning::Stop(State::Setup),
            _ => Beginning::Leave,
        }
    }
}

impl Action for DrainInit {
    fn pre(&self, s: &Substream) -> Result<(), Errno> {
        match s.runtime.state() {
            State::Open | State::Disconnected | State::Suspended => Err(Errno::EBADFD),
            _ => Ok(()),
        }
    }

    fn run(&self, s: &mut Substream, now: &Now) -> Result<(), Errno> {
        match DrainInit::beginning(s) {
            Beginning::Start => s.start_draining(now),
            Beginning::PlayOut => s.tell_draining(now),
            Beginning::Stop(_) => {
                s.stop_device(now);
                Ok(())
            }
            Beginning::SetUp | Beginning::Leave => Ok(()),
        }
    }

    fn undo(&self, s: &mut Substream, now: &Now) {
        match DrainInit::beginning(s) {
            Beginning::Start => s.unstart(now),
            // A capture that was stopped cannot go on where it was: it is what it became.
            Beginning::Stop(to) => s.stopped(to, now),
            Beginning::PlayOut | Beginning::SetUp | Beginning::Leave => {}
        }
    }

    fn post(&self, s: &mut Substream, now: &Now) {
        match DrainInit::beginning(s) {
            Beginning::Start => s.started(State::Draining, now),
            Beginning::PlayOut => s.runtime.life.commit(State::Draining),
            Beginning::Stop(to) => s.stopped(to, now),
            Beginning::SetUp => s.runtime.life.commit(State::Setup),
            Beginning::Leave => {}
        }
    }
}

impl Substream {
    /// DRAIN: begins to play out (playback), or stops and leaves what was recorded (capture). `nonblock` is O_NONBLOCK of
    /// the calling file now.
    ///
    /// # Errors
    /// EBADFD: OPEN, SUSPENDED or DISCONNECTED. EAGAIN: `nonblock`, even when nothing is left to wait for. The device's own.
    #[doc(alias = "SNDRV_PCM_IOCTL_DRAIN")]
    pub fn drain(&mut self, nonblock: bool, now: &Now) -> Result<Drain, Errno> {
        self.operation(now, |s| {
            if matches!(
                s.runtime.state(),
                State::Open | State::Disconnected | State::Suspended
            ) {
                return Err(Errno::EBADFD);
            }
            s.release_pause(now);
            s.act(&DrainInit, now)?;
            if nonblock {
                return Err(Errno::EAGAIN);
            }
            Ok(match s.playing_out() {
                Some((_, timeout)) => Drain::Wait { timeout },
                None => Drain::Done,
            })
        })
    }

    /// How a waiting drain stands, after a wake-up, or (`timed_out`) when there was none for as long as was said; `None`
    /// is to wait on, for as long again.
    ///
    /// The result may be EIO or ESTRPIPE: nothing happened in that time; the stream is stopped then.
    pub fn drain_state(&mut self, timed_out: bool, now: &Now) -> Option<Result<(), Errno>> {
        self.operation(now, |s| {
            if timed_out && s.runtime.state() == State::Suspended {
                return Some(Err(Errno::ESTRPIPE));
            }
            if s.playing_out().is_none() {
                return Some(Ok(()));
            }
            if !timed_out {
                return None;
            }
            s.stop(State::Setup, now);
            Some(Err(Errno::EIO))
        })
    }

    /// The last frame was played: only this stream of its group stops.
    pub(super) fn drain_done(&mut self, now: &Now) {
        let _ = self.act_alone(&Stop { to: State::Setup }, now);
    }

    /// The member of the group that a waiting drain sleeps on, by its place in the order of joining, and how long it
    /// sleeps at most; `None` when no member plays out.
    #[must_use]
    pub fn playing_out(&self) -> Option<(usize, Option<Nanos>)> {
        let playing = |s: &Substream| {
            s.direction == Direction::Playback && s.runtime.state() == State::Draining
        };
        let (at, member) = self.find_member(playing)?;
        Some((at, member.runtime.patience()))
    }
}
