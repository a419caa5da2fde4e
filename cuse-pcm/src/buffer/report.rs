//! What can be told of a buffer: who needs what of it, where its memory comes from and why, and who was refused.

use std::fmt;

use hw_backends::dma::{Constraint, Needs, Refusal};
use hw_backends::units::Now;
use serde::Serialize;

/// All that can be told of a substream's buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Size of the ring, bytes; none between HW_FREE and HW_PARAMS.
    pub ring_bytes: Option<u64>,
    /// Who needs what of the ring.
    pub parties: Vec<Party>,
    /// The memory that was allocated: one, or with explicit sync two.
    pub memory: Vec<MemoryReport>,
    /// The last attaches and allocations that were refused, the latest one last.
    pub refused: Vec<Refused>,
}

/// Somebody who touches the ring, and the needs that are not everybody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Party {
    /// Who.
    pub name: String,
    /// What for each constraint, in its words.
    pub needs: Vec<String>,
}

/// One piece of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemoryReport {
    /// What it is for: `ring`, or `device` for the device's own area.
    pub role: &'static str,
    /// Where it comes from.
    pub allocator: String,
    /// Bytes, in whole pages.
    pub bytes: u64,
    /// What brought it about.
    pub triggered_by: String,
    /// When, ns since 1970.
    pub allocated_at: u64,
    /// Cheaper places that it does not come from, and why.
    pub passed_over: Vec<PassedOver>,
    /// There is a dma-buf of it.
    pub exported: bool,
}

/// A place that memory could not come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Its name.
    pub allocator: String,
    /// The constraint that it does not meet; none if it had no memory.
    pub constraint: Option<&'static str>,
    /// In words.
    pub why: String,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Who was refused.
    pub party: String,
    /// The constraint that refused it; none if it was for want of memory.
    pub constraint: Option<&'static str>,
    /// In words.
    pub why: String,
    /// When, ns since 1970.
    pub at: u64,
}

impl Party {
    pub(super) fn new(name: &str, needs: &Needs) -> Party {
        Party {
            name: name.to_owned(),
            needs: words(needs),
        }
    }
}

impl PassedOver {
    pub(super) fn constraint(allocator: &str, refusal: &Refusal) -> PassedOver {
        PassedOver {
            allocator: allocator.to_owned(),
            constraint: Some(refusal.constraint.name()),
            why: refusal.to_string(),
        }
    }
}

impl Refused {
    pub(super) fn new(party: &str, refusal: Option<&Refusal>, why: String, now: &Now) -> Refused {
        Refused {
            party: party.to_owned(),
            constraint: refusal.map(|refusal| refusal.constraint.name()),
            why,
            at: now.realtime.0,
        }
    }
}

/// The needs that are not everybody's.
fn words(needs: &Needs) -> Vec<String> {
    let any = Needs::default();
    let mut words = Vec::new();
    let mut say = |different: bool, constraint: Constraint, value: Option<u64>| {
        if different {
            words.push(match value {
                Some(value) => format!("{}={value}", constraint.name()),
                None => constraint.name().to_owned(),
            });
        }
    };
    say(needs.shareable, Constraint::Shareable, None);
    say(needs.mappable, Constraint::Mappable, None);
    say(needs.exportable, Constraint::Exportable, None);
    let segments = needs.segments.map(u64::from);
    say(segments.is_some(), Constraint::Segments, segments);
    let longest = needs.segment_bytes;
    say(longest.is_some(), Constraint::SegmentBytes, longest);
    let alignment = needs.alignment;
    say(
        alignment != any.alignment,
        Constraint::Alignment,
        Some(alignment),
    );
    let total = needs.total_bytes;
    say(total.is_some(), Constraint::TotalBytes, total);
    let bits = needs.address_bits;
    say(
        bits != any.address_bits,
        Constraint::AddressBits,
        Some(u64::from(bits)),
    );
    say(needs.coherent, Constraint::Coherent, None);
    say(needs.huge_pages, Constraint::HugePages, None);
    words
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ring_bytes {
            Some(bytes) => writeln!(f, "ring: {bytes} bytes")?,
            None => writeln!(f, "ring: none")?,
        }
        for party in &self.parties {
            let needs = if party.needs.is_empty() {
                "nothing special".to_owned()
            } else {
                party.needs.join(", ")
            };
            writeln!(f, "  {} needs {needs}", party.name)?;
        }
        for memory in &self.memory {
            let MemoryReport {
                role,
                allocator,
                bytes,
                triggered_by,
                allocated_at,
                ..
            } = memory;
            let exported = if memory.exported { ", exported" } else { "" };
            let seconds = allocated_at / 1_000_000_000;
            writeln!(
                f,
                "  {role}: {bytes} bytes of {allocator}{exported}, by {triggered_by} at {seconds}"
            )?;
            for PassedOver { allocator, why, .. } in &memory.passed_over {
                writeln!(f, "    not {allocator}: {why}")?;
            }
        }
        for Refused { party, why, at, .. } in &self.refused {
            writeln!(f, "  refused {party}: {why} (at {})", at / 1_000_000_000)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_parties_memory_and_refusals() {
        let report = Report {
            ring_bytes: Some(4096),
            parties: vec![
                Party::new("device", &Needs::default()),
                Party::new(
                    "exporter",
                    &Needs {
                        shareable: true,
                        segments: Some(1),
                        ..Needs::default()
                    },
                ),
            ],
            memory: vec![MemoryReport {
                role: "ring",
                allocator: "memfd".to_owned(),
                bytes: 4096,
                triggered_by: "HW_PARAMS".to_owned(),
                allocated_at: 1_700_000_000_000_000_000,
                passed_over: vec![PassedOver {
                    allocator: "private".to_owned(),
                    constraint: Some("shareable"),
                    why: "shareable: it is not".to_owned(),
                }],
                exported: true,
            }],
            refused: vec![Refused::new(
                "attach",
                None,
                "no memory".to_owned(),
                &Now::default(),
            )],
        };
        assert_eq!(
            report.to_string(),
            "ring: 4096 bytes\n  device needs nothing special\n  exporter needs shareable, segments=1\n  \
             ring: 4096 bytes of memfd, exported, by HW_PARAMS at 1700000000\n    \
             not private: shareable: it is not\n  refused attach: no memory (at 0)\n"
        );
        let json = serde_json::to_value(&report).unwrap_or_default();
        let chosen = json.pointer("/memory/0/passed_over/0/constraint");
        assert_eq!(chosen, Some(&serde_json::Value::from("shareable")));
    }
}
