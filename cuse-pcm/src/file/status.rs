//! A look at a card for people: its streams, and who has them open.

use hw_backends::params::Params;

use super::Files;
use crate::card::{PcmDevice, SubstreamId};
use crate::pcm::Snapshot;

/// A look at a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardLook {
    /// All substreams, those that are not open as well.
    pub streams: Vec<StreamLook>,
    /// The processes that have the control elements open, once for each file; 0 for one that is not known.
    pub control: Vec<u32>,
}

/// A look at a substream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLook {
    /// Which.
    pub id: SubstreamId,
    /// Where it is; `None` where it is not open.
    pub snapshot: Option<Snapshot>,
    /// How it was configured.
    pub params: Option<Params>,
    /// The processes that have it open, once for each file; 0 for one that is not known.
    pub owners: Vec<u32>,
}

impl Files {
    /// A look at the card, which changes nothing.
    #[must_use]
    pub fn look(&self) -> CardLook {
        let all = self.card.devices.iter().flat_map(PcmDevice::all);
        let streams = all.map(|(id, substream)| StreamLook {
            id,
            snapshot: substream.is_open().then(|| substream.snapshot()),
            params: substream.params().filter(|_| substream.is_open()).copied(),
            owners: self.table.owners(Some(&id)),
        });
        CardLook {
            streams: streams.collect(),
            control: self.table.owners(None),
        }
    }
}
