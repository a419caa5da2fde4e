//! Counts of what was compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::allowed::Allowed;

/// The states, as columns.
const STATES: [&str; 8] = [
    "OPEN", "SETUP", "PREPARED", "RUNNING", "XRUN", "DRAINING", "PAUSED", "-",
];

/// Compared calls by name and state, and what came of them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    calls: BTreeMap<String, BTreeMap<&'static str, u64>>,
    differences: BTreeMap<String, u64>,
    /// Differences that did not come back when the script was played again: the clock made them.
    pub once: u64,
    /// Scripts played.
    pub scripts: u64,
}

impl Tally {
    /// One call was compared.
    pub fn count(&mut self, call: String, state: &'static str) {
        *self
            .calls
            .entry(call)
            .or_default()
            .entry(state)
            .or_default() += 1;
    }

    /// A difference outside the list was found.
    pub fn found(&mut self, call: &str) {
        *self.differences.entry(call.to_owned()).or_default() += 1;
    }

    /// Compared calls.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.calls.values().flat_map(BTreeMap::values).sum()
    }

    /// Compared calls of one name.
    #[must_use]
    pub fn calls_of(&self, call: &str) -> u64 {
        self.calls
            .get(call)
            .map_or(0, |states| states.values().sum())
    }

    /// Differences outside the list.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.differences.values().sum()
    }

    /// The table.
    #[must_use]
    pub fn table(&self, allowed: &Allowed) -> String {
        let mut text = format!("{:24}", "compared calls");
        for state in STATES {
            let _ = write!(text, "{state:>10}");
        }
        text.push_str("  differences\n");
        for (call, states) in &self.calls {
            let _ = write!(text, "{call:24}");
            for state in STATES {
                let _ = write!(text, "{:>10}", states.get(state).copied().unwrap_or(0));
            }
            let _ = writeln!(
                text,
                "{:>13}",
                self.differences.get(call).copied().unwrap_or(0)
            );
        }
        let refined = self.calls_of("HW_REFINE") + self.calls_of("HW_PARAMS");
        let _ = writeln!(
            text,
            "{} calls compared in {} scripts, {refined} of them HW_REFINE and HW_PARAMS; {} differences; {} that only \
             the clock made",
            self.total(),
            self.scripts,
            self.differences(),
            self.once
        );
        for (entry, uses) in allowed.entries.iter().zip(&allowed.uses) {
            if *uses > 0 {
                let _ = writeln!(
                    text,
                    "allowed {uses:>7} times: {} ({})",
                    entry.pattern.join(" "),
                    entry.reason
                );
            }
        }
        text
    }
}
