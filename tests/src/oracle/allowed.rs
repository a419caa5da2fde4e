//! The differences that are meant to be: `tests/oracle/allowed`.

use super::judge::Difference;
use super::side::Nodes;

/// The list as it stands in the repository.
pub const LIST: &str = include_str!("../../oracle/allowed");

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// nodes, driver, call, state, field, the kernel's value, ours; each may be or hold `*`.
    pub pattern: [String; 7],
    /// Why.
    pub reason: String,
}

/// The list, and how often each line was needed.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// The lines.
    pub entries: Vec<Entry>,
    /// Uses of each.
    pub uses: Vec<u64>,
}

impl Allowed {
    /// Reads a list: lines of seven words, a bar and the reason; empty lines and those that begin with `#` are comments.
    ///
    /// # Errors
    /// The line that is not one.
    pub fn parse(text: &str) -> Result<Allowed, String> {
        let mut entries = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (pattern, reason) = line
                .split_once('|')
                .ok_or_else(|| format!("no reason: {line}"))?;
            let words: Vec<String> = pattern.split_whitespace().map(str::to_owned).collect();
            let pattern = words
                .try_into()
                .map_err(|_| format!("not seven words: {line}"))?;
            let reason = reason.trim().to_owned();
            entries.push(Entry { pattern, reason });
        }
        let uses = vec![0; entries.len()];
        Ok(Allowed { entries, uses })
    }

    /// The line that allows a difference.
    #[must_use]
    pub fn find(&self, nodes: Nodes, driver: &str, difference: &Difference) -> Option<usize> {
        let nodes = match nodes {
            Nodes::Kernel => "kernel",
            Nodes::Cuse => "cuse",
            Nodes::Mount => "mount",
        };
        let values = [
            nodes,
            driver,
            &difference.call,
            difference.state,
            &difference.field,
            &difference.kernel,
            &difference.ours,
        ];
        self.entries.iter().position(|entry| {
            let pairs = entry.pattern.iter().zip(values);
            pairs
                .into_iter()
                .all(|(pattern, value)| matches(pattern, value))
        })
    }
}

/// Whether `text` is as `pattern` says; `*` in it stands for anything, `|` is not used, `,` separates choices.
fn matches(pattern: &str, text: &str) -> bool {
    pattern
        .split(',')
        .any(|choice| match choice.split_once('*') {
            None => choice == text,
            Some((begin, end)) => {
                text.len() >= begin.len() + end.len()
                    && text.starts_with(begin)
                    && text.ends_with(end)
            }
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_list_can_be_read_and_every_line_has_a_reason() {
        let allowed = Allowed::parse(LIST).unwrap();
        assert!(
            allowed
                .entries
                .iter()
                .all(|entry| entry.reason.len() >= "as above".len())
        );
        assert!(!allowed.entries.is_empty());
    }

    #[test]
    fn a_star_stands_for_anything_and_a_comma_for_or() {
        assert!(matches("a,b*", "bcd") && matches("a,b*", "a") && !matches("a,b*", "ab"));
        assert!(matches("*", "") && matches("x*y", "xy") && !matches("x*x", "x"));
    }
}
