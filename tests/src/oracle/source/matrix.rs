//! Every call in every state that a node can be brought into, blocking and not.

use uapi::pcm::table;

use super::calls::{EVENTS, FILE, Setup, Subject, ioctl, on, plain, sync_ptr};
use crate::oracle::call::{Arg, Call, Script};
use crate::oracle::side::Nodes;
use crate::random::Random;

/// The ways into a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Just opened.
    Open,
    /// Configured.
    Setup,
    /// Prepared, the ring empty.
    Empty,
    /// Prepared, with a quarter of the ring in use.
    Filled,
    /// Running.
    Running,
    /// Stopped by the XRUN ioctl.
    Xrun,
    /// Draining.
    Draining,
    /// Paused.
    Paused,
}

/// All of them.
pub const STATES: [State; 8] = [
    State::Open,
    State::Setup,
    State::Empty,
    State::Filled,
    State::Running,
    State::Xrun,
    State::Draining,
    State::Paused,
];

/// The whole matrix of one node, in an order that the seed names.
#[derive(Debug)]
pub struct Matrix {
    subject: Subject,
    calls: Vec<Call>,
    /// What is left: state, call, blocking.
    left: Vec<(State, usize, bool)>,
}

impl Matrix {
    /// All cells for a subject.
    #[must_use]
    pub fn new(seed: u64, subject: Subject) -> Matrix {
        let calls = subject.calls(&subject.setup);
        let mut left = Vec::new();
        for state in STATES {
            let reachable =
                state != State::Paused || (subject.pins && subject.nodes == Nodes::Cuse);
            for index in (0..calls.len()).filter(|_| reachable) {
                left.push((state, index, false));
                if may_wait(&calls[index]) {
                    left.push((state, index, true));
                }
            }
        }
        shuffle(&mut left, seed);
        Matrix {
            subject,
            calls,
            left,
        }
    }

    /// The script of the next cell.
    pub fn script(&mut self) -> Option<Script> {
        let (state, index, blocking) = self.left.pop()?;
        let call = self.calls.get(index)?;
        let flags = libc::O_RDWR | if blocking { 0 } else { libc::O_NONBLOCK };
        let mut script = vec![Call::Open {
            slot: FILE,
            node: self.subject.node,
            flags,
        }];
        bring(&mut script, &self.subject, state, flags);
        script.push(call.clone());
        observe(&mut script, call);
        Some(script)
    }
}

fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut random = Random::new(seed);
    for last in (1..items.len()).rev() {
        let other = random.below(u32::try_from(last + 1).unwrap_or(1)) as usize;
        items.swap(last, other);
    }
}

/// Whether O_NONBLOCK makes a difference to it.
fn may_wait(call: &Call) -> bool {
    match call {
        Call::Read { .. } | Call::Write { .. } => true,
        Call::Ioctl { cmd, arg, .. } => {
            *cmd == table::DRAIN || matches!(arg, Arg::Xfer { .. } | Arg::XferN { .. })
        }
        _ => false,
    }
}

/// The calls that lead from a fresh file into a state.
fn bring(script: &mut Script, subject: &Subject, state: State, flags: i32) {
    let setup: &Setup = &subject.setup;
    if state == State::Open {
        return;
    }
    script.push(on(table::HW_PARAMS, &setup.params()));
    script.push(on(table::SW_PARAMS, &setup.software()));
    if state == State::Setup {
        return;
    }
    script.push(plain(table::PREPARE));
    if subject.plays() && state != State::Empty {
        script.push(subject.transfer(setup, u64::from(setup.buffer / 4)));
    }
    if matches!(state, State::Empty | State::Filled) {
        return;
    }
    script.push(plain(table::START));
    match state {
        State::Xrun => script.push(plain(table::XRUN)),
        State::Paused => script.push(ioctl(table::PAUSE, Arg::Value(1))),
        State::Draining => {
            if !subject.plays() {
                let micros = u64::from(setup.period) * 1_200_000 / u64::from(setup.rate.max(1));
                let micros = u32::try_from(micros).unwrap_or(0) + 20_000;
                script.push(Call::Sleep { micros });
            }
            let slot = FILE;
            script.push(Call::SetFlags {
                slot,
                flags: flags | libc::O_NONBLOCK,
            });
            script.push(plain(table::DRAIN));
            script.push(Call::SetFlags { slot, flags });
        }
        _ => {}
    }
}

/// What is seen afterwards.
fn observe(script: &mut Script, call: &Call) {
    if let Call::Map { map, .. } = call {
        script.push(Call::Peek {
            map: *map,
            offset: 0,
            length: 4096,
        });
    }
    script.push(sync_ptr(6, 0, 0));
    script.push(Call::Poll {
        slot: FILE,
        events: EVENTS,
    });
    script.push(ioctl(table::STATUS, Arg::Bytes(vec![0xdd; 152])));
    script.push(on(table::DELAY, &0x5555i64));
}
