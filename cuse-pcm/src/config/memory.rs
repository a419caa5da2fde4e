//! What the rings of a card may take, and what they are like.

use std::fmt;
use std::str::FromStr;

use hw_backends::dma::Pool;
use serde::{Deserialize, Serialize};

use crate::buffer::{Budget, Limits, Supply, Users};

/// A number of bytes: `65536`, or as text `"64k"`, `"32M"`, `"1G"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "SizeText")]
pub struct Size(pub u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum SizeText {
    Number(u64),
    Text(String),
}

impl TryFrom<SizeText> for Size {
    type Error = String;

    fn try_from(text: SizeText) -> Result<Size, String> {
        match text {
            SizeText::Number(bytes) => Ok(Size(bytes)),
            SizeText::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: u64 = match text.get(digits.len()..).unwrap_or_default() {
            "" => 1,
            "k" | "K" => 1 << 10,
            "m" | "M" => 1 << 20,
            "g" | "G" => 1 << 30,
            _ => 0,
        };
        let bytes = digits.parse::<u64>().ok();
        let bytes = bytes
            .and_then(|n| n.checked_mul(unit))
            .filter(|_| unit != 0);
        bytes
            .map(Size)
            .ok_or_else(|| format!("{text:?} is no size; write for example 65536, 64k or 32M"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

/// Limits against clients that take all memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryPlan {
    /// All rings of the card together; 32M where nothing is said, as in the kernel.
    pub card: Option<Size>,
    /// All rings of one user, on all cards together; where nothing is said, there is no such limit.
    pub user: Option<Size>,
}

impl MemoryPlan {
    pub(super) fn budget(&self) -> Budget {
        self.card
            .map_or_else(Budget::default, |size| Budget::new(size.0))
    }
}

/// The rings of a device's substreams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct BufferPlan {
    /// Set aside for each substream.
    pub preallocate: Option<Size>,
    /// Largest ring; where something is preallocated and nothing is said here, that is the largest.
    pub max: Option<Size>,
    /// The device works on an area of its own, and samples are copied at sync points.
    pub explicit_sync: bool,
    /// Mapped access is offered on nodes that cannot be mapped, too: for programs that map a dma-buf of the ring.
    pub dma_buf: bool,
}

impl BufferPlan {
    /// Is this sound? `substreams`: of both directions together.
    ///
    /// # Errors
    /// Says what is wrong.
    pub(super) fn check(&self, memory: &MemoryPlan, substreams: u64) -> Result<(), String> {
        const SMALLEST: u64 = 4096;
        for (size, what) in [(self.preallocate, "preallocate"), (self.max, "max")] {
            if size.is_some_and(|size| !(SMALLEST..=1 << 31).contains(&size.0)) {
                return Err(format!("{what} is to be {SMALLEST} bytes to 2G"));
            }
        }
        let (Some(preallocate), max) = (self.preallocate, self.max) else {
            return Ok(());
        };
        if max.is_some_and(|max| max.0 < preallocate.0) {
            return Err(format!("preallocate ({preallocate}) is more than max"));
        }
        let card = memory.budget().limit();
        let all = preallocate.0.saturating_mul(substreams);
        if all > card {
            return Err(format!(
                "{all} bytes are to be set aside for {substreams} substreams, and the card may have {card}"
            ));
        }
        Ok(())
    }

    fn limits(&self) -> Limits {
        let bytes = self.preallocate.map_or(0, |size| size.0);
        Limits {
            preallocated: u32::try_from(bytes).unwrap_or(u32::MAX),
            maximum: self.max.map_or(u64::MAX, |size| size.0),
        }
    }
}

/// What all cards of a daemon share. Clones are the same.
#[derive(Clone, Debug)]
pub struct Common {
    /// What each user has taken.
    pub users: Users,
    /// Where memory can be had.
    pub pool: Pool,
}

impl Common {
    /// With all memory that this machine has.
    #[must_use]
    pub fn of_this_machine() -> Common {
        Common {
            users: Users::default(),
            pool: Pool::of_this_machine(),
        }
    }

    /// What the substreams of a device are made of.
    pub(super) fn supply(&self, memory: &MemoryPlan, budget: &Budget, plan: &BufferPlan) -> Supply {
        Supply {
            limits: plan.limits(),
            budget: budget.clone(),
            users: self.users.clone(),
            user_limit: memory.user.map_or(u64::MAX, |size| size.0),
            pool: self.pool.clone(),
            explicit_sync: plan.explicit_sync,
            dma_buf: plan.dma_buf,
        }
    }
}

impl Default for Common {
    /// With what every machine has.
    fn default() -> Common {
        Common {
            users: Users::default(),
            pool: Pool::basic(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!("65536".parse(), Ok(Size(65536)));
        assert_eq!("64k".parse(), Ok(Size(65536)));
        assert_eq!("2G".parse(), Ok(Size(2 << 30)));
        for wrong in ["", "k", "64 k", "64kB", "-1", "99999999999G"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn more_than_the_card_has_cannot_be_set_aside() {
        let plan = BufferPlan {
            preallocate: Some(Size(1 << 20)),
            ..BufferPlan::default()
        };
        let memory = MemoryPlan::default();
        assert_eq!(plan.check(&memory, 32), Ok(()));
        assert!(
            plan.check(&memory, 33)
                .unwrap_err()
                .contains("33 substreams")
        );
        let small = BufferPlan {
            max: Some(Size(1 << 19)),
            ..plan
        };
        assert!(
            small
                .check(&memory, 1)
                .unwrap_err()
                .contains("more than max")
        );
        let tiny = BufferPlan {
            max: Some(Size(100)),
            ..BufferPlan::default()
        };
        assert!(tiny.check(&memory, 1).unwrap_err().contains("max is to be"));
    }
}
