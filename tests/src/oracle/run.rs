//! Plays scripts on both cards, compares, and makes sure of what differs.

use std::fmt::Write as _;

use super::allowed::Allowed;
use super::call::{Call, Node, Script};
use super::judge::{Difference, compare};
use super::names::errno_name;
use super::shrink::shrink;
use super::side::{Outcome, Side};
use super::tally::Tally;

/// How much later a call is tried that shows a difference after the stream ran, µs.
const LATER: [u32; 3] = [3_000, 20_000, 80_000];
/// Most plays to find the shortest script.
const SHRINK: usize = 150;

/// A kernel's card and ours, and what came of comparing them.
#[derive(Debug)]
pub struct Pair {
    /// The kernel's.
    pub kernel: Side,
    /// Ours.
    pub ours: Side,
    /// The kernel's driver: `dummy` or `aloop`.
    pub driver: String,
    /// What may differ.
    pub allowed: Allowed,
    /// What was counted.
    pub tally: Tally,
    /// Differences that were told.
    pub known: Vec<Difference>,
    /// The kernel's answers, to be kept; see [`super::kept`].
    pub keep: Option<Vec<u8>>,
}

/// What makes up the next call, after the last one and what the kernel gave to it.
pub type Next<'a> = dyn FnMut(Option<(&Call, &Outcome)>) -> Option<Call> + 'a;

/// A difference, made sure of.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it is.
    pub difference: Difference,
    /// The shortest script found that shows it.
    pub script: Script,
    /// What came back from the kernel's card in that script, and from ours.
    pub outcomes: [Vec<Outcome>; 2],
}

/// What a script that begins like this relies on.
fn begin(side: &mut Side, first: Option<&Call>) {
    let is_control = matches!(
        first,
        Some(Call::Open {
            node: Node::Control,
            ..
        })
    );
    if is_control {
        side.begin_elements();
    }
}

/// Plays a script on one side, from nothing open to nothing open.
pub fn play(side: &mut Side, script: &Script) -> Vec<Outcome> {
    side.reset();
    begin(side, script.first());
    let outcomes = script.iter().map(|call| side.play(call)).collect();
    side.reset();
    outcomes
}

impl Pair {
    /// Plays a script on both and compares.
    ///
    /// # Errors
    /// A difference outside the list that comes back each time.
    pub fn check(&mut self, script: &Script) -> Result<(), Box<Finding>> {
        let kernel = play(&mut self.kernel, script);
        self.compare_with(script, &kernel)
    }

    /// Makes up a script call by call while it is played on the kernel's card, then plays it on ours and compares.
    ///
    /// # Errors
    /// As [`Pair::check`].
    pub fn walk(&mut self, next: &mut Next<'_>) -> Result<(), Box<Finding>> {
        let (mut script, mut outcomes) = (Script::new(), Vec::<Outcome>::new());
        self.kernel.reset();
        while let Some(call) = next(script.last().zip(outcomes.last())) {
            if script.is_empty() {
                begin(&mut self.kernel, Some(&call));
            }
            outcomes.push(self.kernel.play(&call));
            script.push(call);
        }
        self.kernel.reset();
        self.compare_with(&script, &outcomes)
    }

    /// Plays a script on our card and compares with what the kernel gave.
    ///
    /// # Errors
    /// As [`Pair::check`].
    pub fn compare_with(
        &mut self,
        script: &Script,
        kernel: &[Outcome],
    ) -> Result<(), Box<Finding>> {
        let ours = play(&mut self.ours, script);
        self.tally.scripts += 1;
        let has_pages = script.iter().any(|call| matches!(call, Call::Map { .. }));
        if let (Some(file), false) = (&mut self.keep, has_pages) {
            super::kept::write(file, script, kernel);
        }
        for (call, outcome) in script.iter().zip(kernel) {
            let state = outcome.state.map_or("-", super::names::state_name);
            self.tally.count(call.name(), state);
        }
        let found = self.outside_the_list(compare(script, kernel, &ours), true);
        for difference in &found {
            if self.is_known(difference) {
                self.tally.found(&difference.call);
            }
        }
        let Some(first) = found
            .into_iter()
            .find(|difference| !self.is_known(difference))
        else {
            return Ok(());
        };
        if !self.comes_back(script, &first, &LATER) {
            self.tally.once += 1;
            return Ok(());
        }
        self.tally.found(&first.call);
        self.known.push(first.clone());
        let mut shows = |candidate: &Script| self.comes_back(candidate, &first, &LATER[1..2]);
        let script = shrink(script, SHRINK, &mut shows);
        let outcomes = [
            play(&mut self.kernel, &script),
            play(&mut self.ours, &script),
        ];
        let found = self.outside_the_list(compare(&script, &outcomes[0], &outcomes[1]), false);
        let difference = found
            .into_iter()
            .find(|d| d.is_like(&first))
            .unwrap_or(first);
        Err(Box::new(Finding {
            difference,
            script,
            outcomes,
        }))
    }

    /// Whether a difference is there again, also when more time passes before the call that shows it, or before every
    /// call: what the one card does at once and the other a little later is no difference.
    fn comes_back(&mut self, script: &Script, difference: &Difference, waits: &[u32]) -> bool {
        let Some(index) = self.shows(script, difference) else {
            return false;
        };
        let waits = if difference.timed { waits } else { &[] };
        waits.iter().all(|&micros| {
            let sleep = Call::Sleep { micros };
            let mut later = script.clone();
            later.insert(index, sleep.clone());
            let slow = script.iter().flat_map(|call| [sleep.clone(), call.clone()]);
            let slow: Script = slow.skip(1).collect();
            self.shows(&later, difference).is_some() && self.shows(&slow, difference).is_some()
        })
    }

    /// Which call of a script shows a difference like this one.
    fn shows(&mut self, script: &Script, wanted: &Difference) -> Option<usize> {
        let kernel = play(&mut self.kernel, script);
        let ours = play(&mut self.ours, script);
        let found = self.outside_the_list(compare(script, &kernel, &ours), false);
        let like = found.iter().find(|difference| difference.is_like(wanted));
        like.map(|difference| difference.index)
    }

    fn is_known(&self, difference: &Difference) -> bool {
        self.known.iter().any(|known| known.is_like(difference))
    }

    /// What is not allowed; what is may be counted.
    fn outside_the_list(&mut self, found: Vec<Difference>, count: bool) -> Vec<Difference> {
        let (nodes, driver) = (self.ours.nodes, self.driver.clone());
        let allowed = &mut self.allowed;
        let mut outside = Vec::new();
        for difference in found {
            match allowed.find(nodes, &driver, &difference) {
                Some(line) if count => allowed.uses[line] += 1,
                Some(_) => {}
                None => outside.push(difference),
            }
        }
        outside
    }
}

impl Finding {
    /// The script, and what differs at its end.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut text = String::new();
        let [kernel, ours] = &self.outcomes;
        for (index, call) in self.script.iter().enumerate() {
            let word = |outcomes: &[Outcome]| match outcomes.get(index) {
                Some(outcome) if outcome.errno != 0 => errno_name(outcome.errno),
                Some(outcome) => outcome.ret.to_string(),
                None => "-".to_owned(),
            };
            let (kernel, ours) = (word(kernel), word(ours));
            let _ = writeln!(
                text,
                "    {call}  = {kernel}{}",
                if kernel == ours {
                    String::new()
                } else {
                    format!(" / {ours}")
                }
            );
        }
        let d = &self.difference;
        let _ = writeln!(
            text,
            "    {} of {} in {}: the kernel {}, ours {}{}",
            d.field,
            d.call,
            d.state,
            d.kernel,
            d.ours,
            if d.timed {
                " (after the stream ran)"
            } else {
                ""
            }
        );
        text
    }
}
