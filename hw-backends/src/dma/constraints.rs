//! What the parties to a buffer need of its memory, what memory has, and which memory therefore serves.
//!
//! Pure: no memory is touched here.

use std::fmt;

/// What one party needs. The default needs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Another process can be given a descriptor of it.
    pub shareable: bool,
    /// A client can map it through its node.
    pub mappable: bool,
    /// Its descriptor is a dma-buf.
    pub exportable: bool,
    /// Most stretches of physical memory that the party can deal with; `Some(1)` is contiguous memory.
    pub segments: Option<u32>,
    /// Longest such stretch, bytes; a longer one counts as several.
    pub segment_bytes: Option<u64>,
    /// What the address of every stretch is a multiple of, bytes; a power of two.
    pub alignment: u64,
    /// Most bytes in all.
    pub total_bytes: Option<u64>,
    /// All physical addresses lie below 2 to this power.
    pub address_bits: u32,
    /// Everybody sees what the others wrote without a sync.
    pub coherent: bool,
    /// It is made of huge pages.
    pub huge_pages: bool,
}

impl Default for Needs {
    fn default() -> Needs {
        Needs {
            shareable: false,
            mappable: false,
            exportable: false,
            segments: None,
            segment_bytes: None,
            alignment: 1,
            total_bytes: None,
            address_bits: 64,
            coherent: false,
            huge_pages: false,
        }
    }
}

/// One of the things that can be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named as the fields of Needs")]
pub enum Constraint {
    Shareable,
    Mappable,
    Exportable,
    Segments,
    SegmentBytes,
    Alignment,
    TotalBytes,
    AddressBits,
    Coherent,
    HugePages,
}

impl Constraint {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Constraint::Shareable => "shareable",
            Constraint::Mappable => "mappable",
            Constraint::Exportable => "exportable",
            Constraint::Segments => "segments",
            Constraint::SegmentBytes => "segment_bytes",
            Constraint::Alignment => "alignment",
            Constraint::TotalBytes => "total_bytes",
            Constraint::AddressBits => "address_bits",
            Constraint::Coherent => "coherent",
            Constraint::HugePages => "huge_pages",
        }
    }
}

/// What memory has, whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// See [`Needs::shareable`].
    pub shareable: bool,
    /// See [`Needs::mappable`].
    pub mappable: bool,
    /// See [`Needs::exportable`].
    pub exportable: bool,
    /// It consists of stretches of physical memory of at least this many bytes (the last one may be shorter);
    /// `u64::MAX` for one stretch.
    pub run_bytes: u64,
    /// What their addresses are multiples of, bytes; a power of two.
    pub alignment: u64,
    /// Their addresses lie below 2 to this power; 64 where nothing is known.
    pub address_bits: u32,
    /// See [`Needs::coherent`].
    pub coherent: bool,
    /// See [`Needs::huge_pages`].
    pub huge_pages: bool,
    /// Most bytes that can be had.
    pub most_bytes: u64,
}

impl Traits {
    /// Ordinary pages, known to nobody else.
    pub const PAGES: Traits = Traits {
        shareable: false,
        mappable: false,
        exportable: false,
        run_bytes: super::area::PAGE as u64,
        alignment: super::area::PAGE as u64,
        address_bits: 64,
        coherent: true,
        huge_pages: false,
        most_bytes: u64::MAX,
    };

    /// Stretches that `size` bytes take, each at most `longest` bytes.
    fn segments(&self, size: u64, longest: u64) -> u64 {
        let run = self.run_bytes.max(1);
        let whole = (size / run).saturating_mul(run.div_ceil(longest));
        whole.saturating_add((size % run).div_ceil(longest))
    }
}

/// A constraint that memory does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub constraint: Constraint,
    /// What is needed: the number of the field, 1 for a yes.
    pub needs: u64,
    /// What there is: likewise.
    pub has: u64,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { needs, has, .. } = self;
        let name = self.constraint.name();
        match self.constraint {
            Constraint::Segments => write!(f, "{name}: at most {needs}, not {has}"),
            Constraint::SegmentBytes => {
                write!(f, "{name}: {needs} are less than the alignment of {has}")
            }
            Constraint::Alignment => write!(f, "{name}: {needs} bytes, not {has}"),
            Constraint::TotalBytes => write!(f, "{name}: at most {has}, not {needs}"),
            Constraint::AddressBits => write!(f, "{name}: at most {needs}, not {has}"),
            _ => write!(f, "{name}: it is not"),
        }
    }
}

/// How one party can take scattered memory. These three belong together: what is one stretch for one party may be several
/// for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scatter {
    segments: u64,
    longest: u64,
    alignment: u64,
}

impl Scatter {
    fn of(needs: &Needs) -> Option<Scatter> {
        let scatter = Scatter {
            segments: needs.segments.map_or(u64::MAX, u64::from),
            longest: needs.segment_bytes.unwrap_or(u64::MAX),
            alignment: needs.alignment,
        };
        let any = Scatter {
            segments: u64::MAX,
            longest: u64::MAX,
            alignment: 1,
        };
        (scatter != any).then_some(scatter)
    }

    fn met_by(&self, traits: &Traits, size: u64) -> Result<(), Refusal> {
        let refused = |constraint, needs, has| {
            Err(Refusal {
                constraint,
                needs,
                has,
            })
        };
        if !self.alignment.is_power_of_two() || traits.alignment < self.alignment {
            return refused(Constraint::Alignment, self.alignment, traits.alignment);
        }
        // Every piece begins at a multiple of the alignment.
        let longest = self.longest & !(self.alignment - 1);
        if longest == 0 {
            return refused(Constraint::SegmentBytes, self.longest, self.alignment);
        }
        let segments = traits.segments(size, longest);
        if segments > self.segments {
            return refused(Constraint::Segments, self.segments, segments);
        }
        Ok(())
    }
}

/// The needs of all parties, as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// All but how memory may be scattered.
    all: Needs,
    scatter: Vec<Scatter>,
}

impl Merged {
    /// The needs of `parties` together.
    #[must_use]
    pub fn of<'a>(parties: impl IntoIterator<Item = &'a Needs>) -> Merged {
        let mut merged = Merged::default();
        for needs in parties {
            merged.join(needs);
        }
        merged
    }

    /// One more party.
    pub fn join(&mut self, needs: &Needs) {
        let all = &mut self.all;
        all.shareable |= needs.shareable;
        all.mappable |= needs.mappable;
        all.exportable |= needs.exportable;
        all.coherent |= needs.coherent;
        all.huge_pages |= needs.huge_pages;
        all.address_bits = all.address_bits.min(needs.address_bits);
        all.total_bytes = match (all.total_bytes, needs.total_bytes) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.scatter
            .extend(Scatter::of(needs).filter(|scatter| !self.scatter.contains(scatter)));
    }

    /// Whether `size` bytes of memory with `traits` serve everybody.
    ///
    /// # Errors
    /// The first constraint, in the order of the fields of [`Needs`], that is not met.
    pub fn met_by(&self, traits: &Traits, size: u64) -> Result<(), Refusal> {
        let all = &self.all;
        let yes = |needs: bool, has: bool, constraint| match (needs, has) {
            (true, false) => Err(Refusal {
                constraint,
                needs: 1,
                has: 0,
            }),
            _ => Ok(()),
        };
        yes(all.shareable, traits.shareable, Constraint::Shareable)?;
        yes(all.mappable, traits.mappable, Constraint::Mappable)?;
        yes(all.exportable, traits.exportable, Constraint::Exportable)?;
        for scatter in &self.scatter {
            scatter.met_by(traits, size)?;
        }
        let most = all.total_bytes.unwrap_or(u64::MAX).min(traits.most_bytes);
        if size > most {
            return Err(Refusal {
                constraint: Constraint::TotalBytes,
                needs: size,
                has: most,
            });
        }
        if traits.address_bits > all.address_bits {
            return Err(Refusal {
                constraint: Constraint::AddressBits,
                needs: u64::from(all.address_bits),
                has: u64::from(traits.address_bits),
            });
        }
        yes(all.coherent, traits.coherent, Constraint::Coherent)?;
        yes(all.huge_pages, traits.huge_pages, Constraint::HugePages)
    }

    /// The first of `offers` (the cheapest one comes first) that serves everybody, and why each one before it does not.
    pub fn choose<'a>(
        &self,
        offers: impl IntoIterator<Item = &'a Traits>,
        size: u64,
    ) -> (Option<usize>, Vec<Refusal>) {
        let mut refused = Vec::new();
        for (at, traits) in offers.into_iter().enumerate() {
            match self.met_by(traits, size) {
                Ok(()) => return (Some(at), refused),
                Err(refusal) => refused.push(refusal),
            }
        }
        (None, refused)
    }
}

#[cfg(test)]
mod tests;
