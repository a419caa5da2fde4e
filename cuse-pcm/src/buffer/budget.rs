//! How much memory rings may take together: all of a card's, and all of a user's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use uapi::Errno;

/// How much all rings of a card may take together. Clones are the same budget.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    /// What the kernel allows each card (`max_alloc_per_card`), bytes.
    pub const DEFAULT: u64 = 32 << 20;

    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Budget {
        Budget(Arc::new(Account {
            limit,
            used: AtomicU64::new(0),
        }))
    }

    /// The limit, bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// Bytes in use, with what is set aside.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> Result<(), Errno> {
        let grown = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.0.limit);
        let updated = self
            .0
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        updated.map(drop).map_err(|_| Errno::ENOMEM)
    }

    fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self
            .0
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget::new(Budget::DEFAULT)
    }
}

/// What the users have taken, on all cards of the daemon. Clones are the same accounts.
#[derive(Clone, Debug, Default)]
pub struct Users(Arc<Mutex<BTreeMap<u32, u64>>>);

impl Users {
    /// Bytes in use by a user (a uid).
    #[must_use]
    pub fn used(&self, uid: u32) -> u64 {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(&uid).copied().unwrap_or(0)
    }

    fn take(&self, uid: u32, bytes: u64, limit: u64) -> Result<(), Errno> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = accounts.get(&uid).copied().unwrap_or(0);
        let sum = used
            .checked_add(bytes)
            .filter(|&sum| sum <= limit)
            .ok_or(Errno::ENOMEM)?;
        accounts.insert(uid, sum);
        Ok(())
    }

    fn give_back(&self, uid: u32, bytes: u64) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = accounts.get_mut(&uid) {
            *used = used.saturating_sub(bytes);
            if *used == 0 {
                accounts.remove(&uid);
            }
        }
    }
}

/// Memory that was counted; no longer when this is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    card: Option<(Budget, u64)>,
    user: Option<(Users, u32, u64)>,
}

/// Whose memory it is, and how much of it a user may have.
#[derive(Clone, Debug)]
pub(super) struct Payer {
    pub(super) users: Users,
    pub(super) uid: Option<u32>,
    /// Most bytes of a user, on all cards together.
    pub(super) limit: u64,
}

impl Charge {
    /// Counts `bytes` to a card, and (`payer`) to a user.
    ///
    /// # Errors
    /// ENOMEM: more than one of them may have. Nothing is counted then.
    pub(super) fn new(
        budget: &Budget,
        bytes: u64,
        payer: Option<(&Payer, u64)>,
    ) -> Result<Charge, Errno> {
        let mut charge = Charge {
            card: None,
            user: None,
        };
        budget.take(bytes)?;
        charge.card = Some((budget.clone(), bytes));
        if let Some((payer, bytes)) = payer {
            if let Some(uid) = payer.uid {
                payer.users.take(uid, bytes, payer.limit)?;
                charge.user = Some((payer.users.clone(), uid, bytes));
            }
        }
        Ok(charge)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some((budget, bytes)) = self.card.take() {
            budget.give_back(bytes);
        }
        if let Some((users, uid, bytes)) = self.user.take() {
            users.give_back(uid, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn payer(users: &Users, uid: u32) -> Payer {
        Payer {
            users: users.clone(),
            uid: Some(uid),
            limit: 100,
        }
    }

    #[test]
    fn a_users_memory_is_counted_over_all_cards() {
        let (users, one, two) = (Users::default(), Budget::new(1000), Budget::new(1000));
        let (alice, bob) = (payer(&users, 1), payer(&users, 2));
        let first = Charge::new(&one, 60, Some((&alice, 60))).unwrap();
        assert_eq!(
            Charge::new(&two, 60, Some((&alice, 60))).unwrap_err(),
            Errno::ENOMEM
        );
        assert_eq!((two.used(), users.used(1)), (0, 60), "nothing is left");
        let other = Charge::new(&two, 60, Some((&bob, 60))).unwrap();
        drop(first);
        assert_eq!((one.used(), users.used(1), users.used(2)), (0, 0, 60));
        assert!(Charge::new(&one, 100, Some((&alice, 100))).is_ok());
        drop(other);
        assert_eq!((two.used(), users.used(2)), (0, 0));
    }

    #[test]
    fn a_card_has_a_limit_whoever_pays() {
        let (users, card) = (Users::default(), Budget::new(50));
        let alice = payer(&users, 1);
        assert!(Charge::new(&card, 51, Some((&alice, 51))).is_err());
        assert_eq!(users.used(1), 0);
    }
}
