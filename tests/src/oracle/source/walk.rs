//! Random walks, chosen while the kernel answers: most steps lead on to where streams run, every third is any call.

use uapi::pcm::{SwParams, table};

use super::calls::{EVENTS, FILE, NEVER, Setup, Subject, boundary, on, plain, sync_ptr};
use crate::oracle::call::{Call, Node};
use crate::oracle::fields::SYNC_PTR_OLD;
use crate::oracle::side::{Nodes, Outcome};
use crate::random::Random;

/// Calls of a walk, at most.
const LENGTH: u32 = 120;

/// Walks on one node.
#[derive(Debug)]
pub struct Walk {
    random: Random,
    subject: Subject,
    setup: Setup,
    calls: Vec<Call>,
    step: u32,
    length: u32,
    state: i32,
    flags: i32,
    /// The control page is mapped.
    mapped: bool,
}

impl Walk {
    /// The walks named `seed`.
    #[must_use]
    pub fn new(seed: u64, subject: Subject) -> Walk {
        Walk {
            random: Random::new(seed ^ 0x77),
            calls: subject.calls(&subject.setup),
            setup: subject.setup,
            subject,
            step: 0,
            length: 0,
            state: 0,
            flags: 0,
            mapped: false,
        }
    }

    /// A new walk begins.
    pub fn begin(&mut self) {
        self.step = 0;
        self.length = 10 + self.random.below(LENGTH);
        self.flags = libc::O_RDWR
            | if self.random.once_in(4) {
                0
            } else {
                libc::O_NONBLOCK
            };
        self.setup = self.subject.setup;
        self.mapped = false;
        if self.random.once_in(3) {
            // A ring of fewer periods, still long.
            let periods = self.setup.buffer / self.setup.period.max(1);
            if periods >= 4 && self.subject.node != Node::Control {
                self.setup.buffer = self.setup.period * (periods / 2);
            }
        }
    }

    /// The next call, after what the kernel gave to the last one.
    pub fn next(&mut self, last: Option<(&Call, &Outcome)>) -> Option<Call> {
        if self.step == self.length {
            return None;
        }
        self.step += 1;
        if self.step == 1 {
            return Some(Call::Open {
                slot: FILE,
                node: self.subject.node,
                flags: self.flags,
            });
        }
        if let Some(state) = last.and_then(|(_, outcome)| outcome.state_after) {
            self.state = state;
        }
        if self.random.once_in(3) {
            let index = self
                .random
                .below(u32::try_from(self.calls.len()).unwrap_or(1));
            let call = &self.calls[index as usize];
            // A drain that has nothing left ends sooner here: see the list.
            if self.state != 5 || !moves(call) {
                return Some(call.clone());
            }
        }
        Some(self.onward())
    }

    fn onward(&mut self) -> Call {
        match self.state {
            0 => on(table::HW_PARAMS, &self.setup.params()),
            1 => self.when_set_up(),
            2 => self.when_prepared(),
            3 => self.while_running(),
            4 => plain(self.random.pick(&[
                table::PREPARE,
                table::PREPARE,
                table::PREPARE,
                table::DROP,
            ])),
            6 => {
                let value = i64::from(!self.random.once_in(2));
                let pause =
                    super::calls::ioctl(table::PAUSE, crate::oracle::call::Arg::Value(value));
                if self.random.once_in(3) {
                    pause
                } else {
                    self.look()
                }
            }
            _ => {
                if self.random.once_in(4) {
                    plain(
                        self.random
                            .pick(&[table::DROP, table::PREPARE, table::DRAIN]),
                    )
                } else {
                    self.look()
                }
            }
        }
    }

    fn when_set_up(&mut self) -> Call {
        match self.random.below(6) {
            0..3 => plain(table::PREPARE),
            3 | 4 => {
                let p = self.software();
                on(table::SW_PARAMS, &p)
            }
            _ => self.map_or_look(),
        }
    }

    fn when_prepared(&mut self) -> Call {
        let period = self.setup.period;
        match self.random.below(10) {
            0..4 => {
                let frames =
                    self.random
                        .pick(&[1, period / 2, period, period + 1, self.setup.buffer / 4]);
                self.subject.transfer(&self.setup, u64::from(frames))
            }
            4..7 => plain(table::START),
            7 => {
                let p = self.software();
                on(table::SW_PARAMS, &p)
            }
            8 => self.map_or_look(),
            _ => self.look(),
        }
    }

    fn while_running(&mut self) -> Call {
        let period = self.setup.period;
        match self.random.below(16) {
            0..4 => {
                let frames = 1 + self.random.below(period);
                self.subject.transfer(&self.setup, u64::from(frames))
            }
            4 => Call::Sleep {
                micros: self.random.below(4000),
            },
            5 if self.subject.nodes == Nodes::Cuse => {
                super::calls::ioctl(table::PAUSE, crate::oracle::call::Arg::Value(1))
            }
            6 if self.random.once_in(2) => {
                plain(
                    self.random
                        .pick(&[table::XRUN, table::DROP, table::DRAIN, table::RESET]),
                )
            }
            7 => {
                let frames = u64::from(self.random.below(period));
                let cmd = self.random.pick(&[table::REWIND, table::FORWARD]);
                on(cmd, &frames)
            }
            _ => self.look(),
        }
    }

    fn look(&mut self) -> Call {
        match self.random.below(6) {
            0 => super::calls::ioctl(
                table::STATUS,
                crate::oracle::call::Arg::Bytes(vec![0xdd; 152]),
            ),
            1 => on(table::DELAY, &0i64),
            2 => sync_ptr(7, 0, 0),
            3 => sync_ptr(6, 0, 0),
            4 => plain(table::HWSYNC),
            _ => Call::Poll {
                slot: FILE,
                events: EVENTS,
            },
        }
    }

    /// On a mount: the two pages, and what is in them.
    fn map_or_look(&mut self) -> Call {
        if self.subject.nodes != Nodes::Mount {
            return self.look();
        }
        let map = u8::from(self.random.once_in(2));
        if self.mapped {
            return Call::Peek {
                map,
                offset: 0,
                length: 4096,
            };
        }
        self.mapped = map == 1;
        Call::Map {
            map,
            slot: FILE,
            offset: [0x8000_0000, 0x8100_0000][usize::from(map)],
            length: 4096,
            prot: libc::PROT_READ,
        }
    }

    fn software(&mut self) -> SwParams {
        let random = &mut self.random;
        let (period, buffer) = (u64::from(self.setup.period), u64::from(self.setup.buffer));
        let end = boundary(buffer);
        let mut p = self.setup.software();
        p.tstamp_mode = i32::from(random.once_in(2));
        p.avail_min = random.pick(&[1, period, period, buffer, buffer + 1]);
        p.start_threshold = random.pick(&[NEVER, NEVER, 1, period, buffer, end]);
        p.stop_threshold = random.pick(&[buffer, buffer, buffer, end, u64::MAX]);
        if random.once_in(3) {
            (p.silence_threshold, p.silence_size) =
                random.pick(&[(0, end), (period, period), (buffer, buffer), (buffer, 1)]);
        }
        p.proto = random.pick(&[0, 0x2_0012]);
        p.tstamp_type = random.below(3);
        p
    }
}

/// Whether a call may move the application pointer.
fn moves(call: &Call) -> bool {
    matches!(
        call,
        Call::Ioctl {
            cmd: table::SYNC_PTR | table::REWIND | table::FORWARD | SYNC_PTR_OLD,
            ..
        }
    )
}
