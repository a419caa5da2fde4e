//! What a substream's ring may be made of: sizes, limits, and where memory comes from.

use hw_backends::dma::Pool;

use super::{Budget, Users};

/// Sizes set for a substream, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Set aside for this substream out of its card's memory. Taken at the first HW_PARAMS of an open and kept until its
    /// close. 0 for none.
    pub preallocated: u32,
    /// Largest ring; more gives ENOMEM. Where something is preallocated and nothing is said here, that is the largest.
    pub maximum: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            preallocated: 0,
            maximum: u64::MAX,
        }
    }
}

impl Limits {
    /// The bound of BUFFER_BYTES that follows, if there is one.
    #[must_use]
    pub fn bound(&self) -> Option<u32> {
        let said = u32::try_from(self.maximum).ok();
        match self.preallocated {
            0 => said,
            preallocated => Some(said.unwrap_or(preallocated)),
        }
    }
}

/// What a substream's memory comes from. Clones share the budget and the users' accounts.
#[derive(Clone, Debug)]
pub struct Supply {
    /// Its sizes.
    pub limits: Limits,
    /// The card's.
    pub budget: Budget,
    /// The users', on all cards.
    pub users: Users,
    /// Most bytes that a user may have on all cards together; `u64::MAX` for any.
    pub user_limit: u64,
    /// Where memory can be had.
    pub pool: Pool,
    /// The device gets a ring of its own, and samples are copied at sync points.
    pub explicit_sync: bool,
    /// Mapped access is offered where the node cannot be mapped, too, for clients that map an exported dma-buf.
    pub dma_buf: bool,
}

impl Default for Supply {
    fn default() -> Supply {
        Supply {
            limits: Limits::default(),
            budget: Budget::default(),
            users: Users::default(),
            user_limit: u64::MAX,
            pool: Pool::basic(),
            explicit_sync: false,
            dma_buf: false,
        }
    }
}
