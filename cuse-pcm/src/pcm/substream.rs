//! One substream: a device, its ring, and what a client sees of both.

use hw_backends::dma::Backing;
use hw_backends::hardware::{Hardware, info};
use hw_backends::ops::PcmOps;
use hw_backends::units::{Direction, Nanos, Now};
use uapi::Errno;
use uapi::pcm::{MmapControl, MmapStatus, State};

use super::Wakeups;
use super::group::Peers;
use super::hw_ptr::Cause;
use super::pages::SharedPages;
use super::position::Position;
use super::runtime::{Runtime, timespec};
use super::sync::SyncPoint;
use super::transition::Stop;
use crate::buffer::{Budget, Limits, ManagedBuffer, Report, Supply};

/// One substream of a PCM device.
#[derive(Debug)]
pub struct Substream {
    pub(super) device: Box<dyn PcmOps>,
    pub(super) direction: Direction,
    pub(super) buffer: ManagedBuffer,
    pub(super) runtime: Runtime,
    /// Whose memory the next open takes.
    opener: Option<u32>,
    /// The device has the ring.
    pub(super) configured: bool,
    /// Information flags of the device at open.
    pub(super) hardware_info: u32,
    pub(super) open: bool,
    /// The others of its group, while it acts.
    pub(super) peers: Peers,
    pages: SharedPages,
}

/// A look at a substream, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// State.
    pub state: State,
    /// Where the device was last seen, frames.
    pub hw_ptr: u64,
    /// Where the client is, frames.
    pub appl_ptr: u64,
    /// Frames that can be written or read; 0 before HW_PARAMS.
    pub avail: u64,
    /// Wake-up threshold, frames.
    pub avail_min: u64,
    /// Xruns of this open.
    pub xruns: u64,
}

impl Substream {
    /// A closed substream of `device`, with a card's memory to itself.
    #[must_use]
    pub fn new(device: Box<dyn PcmOps>, direction: Direction) -> Substream {
        Substream::with_buffer(device, direction, Limits::default(), Budget::default())
    }

    /// A closed substream of `device` whose ring keeps to `limits` and to the card's `budget`.
    #[must_use]
    pub fn with_buffer(
        device: Box<dyn PcmOps>,
        direction: Direction,
        limits: Limits,
        budget: Budget,
    ) -> Substream {
        let supply = Supply {
            limits,
            budget,
            ..Supply::default()
        };
        Substream::with_supply(device, direction, supply)
    }

    /// A closed substream of `device` whose ring is made of `supply`.
    #[must_use]
    pub fn with_supply(device: Box<dyn PcmOps>, direction: Direction, supply: Supply) -> Substream {
        Substream {
            device,
            direction,
            buffer: ManagedBuffer::new(supply),
            opener: None,
            runtime: Runtime::default(),
            configured: false,
            hardware_info: 0,
            open: false,
            peers: Peers::default(),
            pages: SharedPages::default(),
        }
    }

    /// Which way the sound goes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether a client has it open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The state; OPEN also while it is closed.
    #[must_use]
    pub fn state(&self) -> State {
        self.runtime.state()
    }

    /// Capabilities of the device now, as far as the node of this open can carry them.
    #[must_use]
    pub fn hardware(&self) -> Hardware {
        let mut hardware = self.device.hardware();
        if !self.buffer.carries_values() {
            hardware.info &= !info::PAUSE;
        }
        if self.buffer.explicit_sync() {
            hardware.info |= info::EXPLICIT_SYNC;
        }
        hardware
    }

    /// O_NONBLOCK as transfers see it: of the first open, or of the file that last prepared (§2.4).
    #[must_use]
    pub fn nonblock(&self) -> bool {
        self.runtime.nonblock
    }

    /// Opens it with a fresh runtime (§2.2). `nonblock` is O_NONBLOCK of this open.
    ///
    /// # Errors
    /// EBUSY: it is open. The device's own.
    pub fn open(
        &mut self,
        backing: Box<dyn Backing>,
        nonblock: bool,
        _now: &Now,
    ) -> Result<(), Errno> {
        if self.open {
            return Err(Errno::EBUSY);
        }
        self.device.open()?;
        self.buffer.attach(backing, self.opener);
        self.hardware_info = self.hardware().info;
        self.runtime = Runtime {
            nonblock,
            ..Runtime::default()
        };
        self.pages = SharedPages::new(self.buffer.pages());
        self.open = true;
        Ok(())
    }

    /// The user (a uid) who is going to open it: the ring counts as that one's memory.
    pub fn opened_by(&mut self, uid: u32) {
        self.opener = Some(uid);
    }

    /// What can be told of its buffer.
    #[must_use]
    pub fn buffer_report(&self) -> Report {
        self.buffer.report()
    }

    /// The last reference is closed: DROP, HW_FREE, and the device closes (§2.6).
    pub fn close(&mut self, now: &Now) {
        if !self.open {
            return;
        }
        self.operation(now, |s| {
            if s.runtime.state() != State::Disconnected {
                s.release_pause(now);
                s.stop(State::Setup, now);
            }
            if !matches!(
                s.runtime.state(),
                State::Open | State::Setup | State::Disconnected
            ) {
                // The group would not stop with it: a member is OPEN.
                let _ = s.act_alone(&Stop { to: State::Setup }, now);
            }
            if s.runtime.state() != State::Open {
                s.unconfigure();
            }
        });
        self.device.close();
        self.buffer.detach();
        self.pages = SharedPages::default();
        self.runtime = Runtime::default();
        self.open = false;
    }

    /// When, on the monotonic clock, the device's next period will have elapsed: to be told by
    /// [`elapsed`](Substream::elapsed) then. `None` while nothing moves.
    #[must_use]
    pub fn next_event(&self) -> Option<Nanos> {
        if self.runtime.running(self.direction) {
            self.device.next_event(&self.view())
        } else {
            None
        }
    }

    /// The device's deadline has come.
    pub fn elapsed(&mut self, now: &Now) {
        self.operation(now, |s| {
            if !s.runtime.running(s.direction) {
                return;
            }
            if s.pages.are_there() {
                // Its client may have changed frames that are queued.
                s.sync_queue(s.runtime.appl, SyncPoint::Pages);
            }
            let pollers = s.runtime.wakeups.pollers;
            // A stop has woken whom it concerns.
            let stopped = s.update_pointer(Cause::Interrupt, now).is_err();
            let quiet = s
                .runtime
                .params
                .is_some_and(|params| params.no_period_wakeup);
            if quiet && !stopped {
                // The device has to be moved on, but the client asked not to be woken for it.
                s.runtime.wakeups.pollers = pollers;
            }
        });
    }

    /// Whether somebody has to look again.
    #[must_use]
    pub fn stirs(&self) -> bool {
        self.runtime.wakeups != Wakeups::default()
    }

    /// Who has to look again since this was last asked.
    pub fn take_wakeups(&mut self) -> Wakeups {
        std::mem::take(&mut self.runtime.wakeups)
    }

    /// A look without touching anything.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let rt = &self.runtime;
        Snapshot {
            state: rt.state(),
            hw_ptr: rt.hw.0,
            appl_ptr: rt.appl.0,
            avail: if rt.params.is_some() {
                rt.avail(self.direction)
            } else {
                0
            },
            avail_min: rt.avail_min,
            xruns: rt.xruns,
        }
    }

    /// Does something between reading the control page and publishing the status page.
    pub(super) fn operation<T>(&mut self, now: &Now, what: impl FnOnce(&mut Substream) -> T) -> T {
        self.read_control(Some(now));
        let result = what(self);
        self.publish();
        result
    }

    /// Takes over what the client stored in its control page: any value (§6.7). A device that has to hear of every move
    /// is told, and may refuse; without `now` that is left to the next operation.
    pub(super) fn read_control(&mut self, now: Option<&Now>) {
        let Some(control) = self.pages.control() else {
            return;
        };
        self.runtime.avail_min = control.avail_min;
        let appl = Position(control.appl_ptr);
        let heard = self.hardware_info & info::SYNC_APPLPTR != 0;
        match now {
            Some(now) if heard => {
                // A refused move is taken back in the page when this operation publishes.
                let _ = self.apply_appl(appl, SyncPoint::Pages, now);
            }
            None if heard => {}
            _ if appl == self.runtime.appl => {}
            _ => {
                self.sync_queue(appl, SyncPoint::Pages);
                self.runtime.appl = appl;
            }
        }
    }

    pub(super) fn publish(&mut self) {
        if self.pages.are_there() {
            self.sync_for_client(SyncPoint::Pages);
        }
        let status = self.status_record();
        let control = MmapControl {
            appl_ptr: self.runtime.appl.0,
            avail_min: self.runtime.avail_min,
        };
        self.pages.publish(&status, &control);
    }

    /// The status page's record.
    pub(super) fn status_record(&self) -> MmapStatus {
        let rt = &self.runtime;
        MmapStatus {
            state: rt.state() as i32,
            pad1: 0,
            hw_ptr: rt.hw.0,
            tstamp: timespec(rt.tstamp),
            suspended_state: rt.life.before_suspend() as i32,
            pad2: 0,
            audio_tstamp: timespec(rt.audio_tstamp),
        }
    }
}
