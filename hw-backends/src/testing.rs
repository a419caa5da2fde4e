//! A scripted device: a test says where it stands and what it refuses, and reads which calls it got.
//!
//! Not for cards that people use.

mod scrambler;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uapi::Errno;

use crate::dma::{Needs, Ring};
use crate::hardware::Hardware;
use crate::ops::{PcmOps, Pointer, Trigger, View};
use crate::params::Params;
use crate::units::{Nanos, Now};

pub use scrambler::{Scrambler, ScramblerScript};

/// A call as it arrived. `pointer`, `delay`, `hardware` and `next_event` are not recorded (they come at any time);
/// pointer calls are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the calls")]
pub enum Call {
    Open,
    Close,
    HwParams { params: Params, ring_changed: bool },
    HwFree,
    Prepare,
    Trigger(Trigger),
    SyncStop,
    Ack(View),
}

/// What a call can be made to fail by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the calls")]
pub enum Refuse {
    Open,
    HwParams,
    Prepare,
    Trigger(Trigger),
    Ack,
}

#[derive(Debug)]
struct State {
    hardware: Hardware,
    needs: Needs,
    pointer: Pointer,
    delay: i64,
    next_event: Option<Nanos>,
    calls: Vec<Call>,
    refusals: VecDeque<(Refuse, Errno)>,
    ring: Option<Ring>,
    view: View,
    pointer_calls: u64,
}

impl State {
    fn called(&mut self, call: Call, refuse: Option<Refuse>) -> Result<(), Errno> {
        self.calls.push(call);
        let found = refuse.and_then(|refuse| self.refusals.iter().position(|(r, _)| *r == refuse));
        match found.and_then(|i| self.refusals.remove(i)) {
            Some((_, errno)) => Err(errno),
            None => Ok(()),
        }
    }
}

/// The test's end of a scripted device. Clones are the same device.
#[derive(Clone, Debug)]
pub struct Script(Arc<Mutex<State>>);

/// The core's end.
#[derive(Debug)]
pub struct Scripted(Script);

impl Script {
    /// A device with these capabilities, standing at 0, without events.
    #[must_use]
    pub fn new(hardware: Hardware) -> (Script, Scripted) {
        let state = State {
            hardware,
            needs: Needs::default(),
            pointer: Pointer::At(0),
            delay: 0,
            next_event: None,
            calls: Vec::new(),
            refusals: VecDeque::new(),
            ring: None,
            view: View::default(),
            pointer_calls: 0,
        };
        let script = Script(Arc::new(Mutex::new(state)));
        (script.clone(), Scripted(script))
    }

    /// From now on the device stands here, frames since `prepare`. `prepare` sets it back to 0.
    pub fn set_position(&self, frames: u64) {
        self.state().pointer = Pointer::At(frames);
    }

    /// From now on the device reports an xrun (until `prepare`).
    pub fn set_xrun(&self) {
        self.state().pointer = Pointer::Xrun;
    }

    /// What `delay` answers, frames.
    pub fn set_delay(&self, frames: i64) {
        self.state().delay = frames;
    }

    /// What `next_event` answers.
    pub fn set_next_event(&self, at: Option<Nanos>) {
        self.state().next_event = at;
    }

    /// Other capabilities.
    pub fn set_hardware(&self, hardware: Hardware) {
        self.state().hardware = hardware;
    }

    /// Other needs of the ring.
    pub fn set_needs(&self, needs: Needs) {
        self.state().needs = needs;
    }

    /// The next such call fails, once for each time this was said.
    pub fn refuse(&self, what: Refuse, errno: Errno) {
        self.state().refusals.push_back((what, errno));
    }

    /// Calls since last asked, in order.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().calls)
    }

    /// How often `pointer` was asked, in all.
    #[must_use]
    pub fn pointer_calls(&self) -> u64 {
        self.state().pointer_calls
    }

    /// The ring, between `hw_params` and `hw_free`.
    #[must_use]
    pub fn ring(&self) -> Option<Ring> {
        self.state().ring.clone()
    }

    /// The view of the last `trigger`, `pointer` or `ack`.
    #[must_use]
    pub fn view(&self) -> View {
        self.state().view
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PcmOps for Scripted {
    fn hardware(&self) -> Hardware {
        self.0.state().hardware.clone()
    }

    fn needs(&self) -> Needs {
        self.0.state().needs
    }

    fn open(&mut self) -> Result<(), Errno> {
        self.0.state().called(Call::Open, Some(Refuse::Open))
    }

    fn close(&mut self) {
        let _ = self.0.state().called(Call::Close, None);
    }

    fn hw_params(&mut self, params: &Params, ring: &Ring, ring_changed: bool) -> Result<(), Errno> {
        let mut state = self.0.state();
        state.called(
            Call::HwParams {
                params: *params,
                ring_changed,
            },
            Some(Refuse::HwParams),
        )?;
        state.ring = Some(ring.clone());
        Ok(())
    }

    fn hw_free(&mut self) {
        let mut state = self.0.state();
        let _ = state.called(Call::HwFree, None);
        state.ring = None;
    }

    fn prepare(&mut self) -> Result<(), Errno> {
        let mut state = self.0.state();
        state.called(Call::Prepare, Some(Refuse::Prepare))?;
        state.pointer = Pointer::At(0);
        Ok(())
    }

    fn trigger(&mut self, trigger: Trigger, view: &View, _now: &Now) -> Result<(), Errno> {
        let mut state = self.0.state();
        state.view = *view;
        state.called(Call::Trigger(trigger), Some(Refuse::Trigger(trigger)))
    }

    fn sync_stop(&mut self) {
        let _ = self.0.state().called(Call::SyncStop, None);
    }

    fn pointer(&mut self, view: &View, _now: &Now) -> Pointer {
        let mut state = self.0.state();
        state.view = *view;
        state.pointer_calls += 1;
        state.pointer
    }

    fn ack(&mut self, view: &View) -> Result<(), Errno> {
        let mut state = self.0.state();
        state.view = *view;
        state.called(Call::Ack(*view), Some(Refuse::Ack))
    }

    fn delay(&mut self, _now: &Now) -> i64 {
        self.0.state().delay
    }

    fn next_event(&self, _view: &View) -> Option<Nanos> {
        self.0.state().next_event
    }
}
