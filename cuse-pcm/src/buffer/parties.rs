//! Who touches a buffer, and who was not allowed to.

use std::collections::VecDeque;

use hw_backends::dma::{Merged, Needs, Refusal, Traits};
use hw_backends::units::Now;

use super::report::{Party, Refused};

/// How many refusals are remembered.
const REMEMBERED: usize = 8;

/// The parties to one buffer.
#[derive(Debug, Default)]
pub(super) struct Parties {
    listed: Vec<Party>,
    /// Those of them that came by themselves.
    joined: Vec<(String, Needs)>,
    refused: VecDeque<Refused>,
}

impl Parties {
    /// A ring is going to be made for `fixed`, and those who joined: their needs together. `own`: the device's, if it
    /// gets a ring of its own.
    pub(super) fn settle(&mut self, fixed: &[(&str, Needs)], own: Option<&Needs>) -> Merged {
        let merged = self.needs(fixed);
        let all = self.all(fixed);
        let mut listed: Vec<Party> = all
            .iter()
            .map(|(name, needs)| Party::new(name, needs))
            .collect();
        listed.extend(own.map(|needs| Party::new("device (in its own area)", needs)));
        self.listed = listed;
        merged
    }

    /// The needs of `fixed`, and of those who joined, together.
    pub(super) fn needs(&self, fixed: &[(&str, Needs)]) -> Merged {
        Merged::of(self.all(fixed).into_iter().map(|(_, needs)| needs))
    }

    fn all<'a>(&'a self, fixed: &'a [(&str, Needs)]) -> Vec<(&'a str, &'a Needs)> {
        let fixed = fixed.iter().map(|(name, needs)| (*name, needs));
        let joined = self.joined.iter();
        let joined = joined.map(|(name, needs)| (name.as_str(), needs));
        fixed.chain(joined).collect()
    }

    /// One more. `ring`: what the ring has, and its size, if there is one.
    ///
    /// # Errors
    /// The constraint that refuses it.
    pub(super) fn join(
        &mut self,
        name: &str,
        needs: &Needs,
        ring: Option<(&Traits, u64)>,
        now: &Now,
    ) -> Result<(), Refusal> {
        if let Some((traits, bytes)) = ring {
            Merged::of([needs])
                .met_by(traits, bytes)
                .inspect_err(|refusal| {
                    log::info!("{name} cannot use the ring: {refusal}");
                    let why = refusal.to_string();
                    self.refuse(Refused::new(name, Some(refusal), why, now));
                })?;
            self.listed.push(Party::new(name, needs));
        }
        self.joined.push((name.to_owned(), *needs));
        Ok(())
    }

    /// One that joined leaves.
    pub(super) fn leave(&mut self, name: &str) {
        if let Some(at) = self.listed.iter().rposition(|party| party.name == name) {
            self.listed.remove(at);
        }
        if let Some(at) = self.joined.iter().rposition(|(joined, _)| joined == name) {
            self.joined.remove(at);
        }
    }

    pub(super) fn refuse(&mut self, refused: Refused) {
        if self.refused.len() == REMEMBERED {
            self.refused.pop_front();
        }
        self.refused.push_back(refused);
    }

    /// All leave; what was refused stays known.
    pub(super) fn clear(&mut self) {
        self.listed.clear();
        self.joined.clear();
    }

    pub(super) fn listed(&self) -> Vec<Party> {
        self.listed.clone()
    }

    pub(super) fn refused(&self) -> Vec<Refused> {
        self.refused.iter().cloned().collect()
    }
}
