//! Where a ring's memory comes from, when it is kept, and what is left when that fails.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hw_backends::dma::{Allocator, Constraint, Pool, PrivateBacking};

use super::*;
use crate::buffer::{Budget, Users};

fn with(limits: Limits, budget: &Budget) -> ManagedBuffer {
    opened(Supply {
        limits,
        budget: budget.clone(),
        ..Supply::default()
    })
}

fn opened(supply: Supply) -> ManagedBuffer {
    let mut buffer = ManagedBuffer::new(supply);
    buffer.attach(Box::<PrivateBacking>::default(), Some(1000));
    buffer
}

fn demand(bytes: u64) -> Demand<'static> {
    Demand {
        bytes,
        device: Needs::default(),
        own: false,
        by: "HW_PARAMS",
        now: Now::default(),
    }
}

fn provide(buffer: &mut ManagedBuffer, bytes: u64) -> Result<(Ring, bool), Errno> {
    let rings = buffer.provide(&demand(bytes))?;
    Ok((rings.device, rings.changed))
}

#[test]
fn a_ring_that_fits_is_kept_and_zeroed_again() {
    let mut buffer = with(Limits::default(), &Budget::default());
    let (ring, changed) = provide(&mut buffer, 10_000).unwrap();
    assert!(changed);
    ring.area.fill(0, 10_000, 0xaa);
    let (again, changed) = provide(&mut buffer, 10_000).unwrap();
    assert!(!changed);
    let mut bytes = [1; 10_000];
    assert_eq!(again.area.read(0, &mut bytes), 10_000);
    assert!(bytes.iter().all(|&b| b == 0));
    assert_eq!(again.area.as_ptr(), ring.area.as_ptr());
}

#[test]
fn another_size_is_another_ring() {
    let mut buffer = with(Limits::default(), &Budget::default());
    let (large, _) = provide(&mut buffer, 8192).unwrap();
    let (small, changed) = provide(&mut buffer, 4096).unwrap();
    assert!(changed);
    assert_eq!(
        small.area.as_ptr(),
        large.area.as_ptr(),
        "the memory is kept"
    );
    assert!(provide(&mut buffer, 20_000).unwrap().1);
}

#[test]
fn freed_memory_counts_no_longer() {
    let budget = Budget::new(16384);
    let mut buffer = with(Limits::default(), &budget);
    assert!(provide(&mut buffer, 16384).is_ok());
    assert_eq!(budget.used(), 16384);
    buffer.free();
    assert_eq!(budget.used(), 0);
    assert!(buffer.ring().is_none());
    assert!(provide(&mut buffer, 16384).unwrap().1, "allocated anew");
    drop(buffer);
    assert_eq!(budget.used(), 0);
}

#[test]
fn beyond_the_cards_budget_is_enomem() {
    let budget = Budget::new(16384);
    let mut first = with(Limits::default(), &budget);
    let mut second = with(Limits::default(), &budget);
    assert!(provide(&mut first, 12288).is_ok());
    assert_eq!(provide(&mut second, 8192).unwrap_err(), Errno::ENOMEM);
    assert!(second.ring().is_none());
    let why = &second.report().refused[0].why;
    assert!(why.contains("private: no memory"), "{why}");
    assert!(provide(&mut second, 4096).is_ok());
}

#[test]
fn beyond_the_users_limit_is_enomem_on_any_card() {
    let users = Users::default();
    let supply = || Supply {
        budget: Budget::default(),
        users: users.clone(),
        user_limit: 16384,
        ..Supply::default()
    };
    let (mut first, mut second, mut other) = (opened(supply()), opened(supply()), opened(supply()));
    other.attach(Box::<PrivateBacking>::default(), Some(1001));
    assert!(provide(&mut first, 12288).is_ok());
    assert_eq!(provide(&mut second, 8192).unwrap_err(), Errno::ENOMEM);
    assert!(provide(&mut other, 16384).is_ok());
    first.detach();
    assert!(provide(&mut second, 16384).is_ok());
    drop((first, second, other));
    assert_eq!((users.used(1000), users.used(1001)), (0, 0));
}

#[test]
fn beyond_the_maximum_is_enomem() {
    let limits = Limits {
        preallocated: 0,
        maximum: 4096,
    };
    let mut buffer = with(limits, &Budget::default());
    assert_eq!(provide(&mut buffer, 4097).unwrap_err(), Errno::ENOMEM);
    assert!(provide(&mut buffer, 4096).is_ok());
}

#[test]
fn preallocated_memory_is_set_aside_and_outlives_hw_free() {
    let budget = Budget::new(3 * 65536);
    let limits = Limits {
        preallocated: 65536,
        maximum: 65536,
    };
    let mut buffer = with(limits, &budget);
    assert_eq!(budget.used(), 65536, "before any HW_PARAMS");
    let mut other = with(Limits::default(), &budget);
    assert!(provide(&mut other, 2 * 65536).is_ok());
    let (ring, _) = provide(&mut buffer, 4096).unwrap();
    assert_eq!(budget.used(), 3 * 65536);
    buffer.free();
    let (again, changed) = provide(&mut buffer, 4096).unwrap();
    assert!(!changed);
    assert_eq!(again.area.as_ptr(), ring.area.as_ptr());
    buffer.detach();
    assert_eq!(budget.used(), 3 * 65536, "it stays set aside");
    drop((buffer, other));
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_ring_may_grow_beyond_what_is_preallocated_and_then_counts() {
    let budget = Budget::default();
    let limits = Limits {
        preallocated: 8192,
        maximum: 65536,
    };
    assert_eq!(limits.bound(), Some(65536));
    let mut buffer = with(limits, &budget);
    assert!(provide(&mut buffer, 4096).is_ok());
    let (_, changed) = provide(&mut buffer, 40960).unwrap();
    assert!(changed);
    assert_eq!(budget.used(), 40960);
    assert_eq!(provide(&mut buffer, 65537).unwrap_err(), Errno::ENOMEM);
    buffer.free();
    assert_eq!(budget.used(), 8192);
}

#[test]
fn without_an_open_there_is_no_node_but_memory() {
    let mut buffer = ManagedBuffer::default();
    assert!(buffer.pages().is_none() && !buffer.mappable());
    assert!(
        provide(&mut buffer, 1).is_ok(),
        "private memory of the pool"
    );
}

/// An allocator that counts what it gave and was given back, and fails when told to.
#[derive(Debug)]
struct Counted {
    name: &'static str,
    traits: Traits,
    given: Arc<AtomicUsize>,
    fails: bool,
}

impl Allocator for Counted {
    fn name(&self) -> &str {
        self.name
    }

    fn traits(&self) -> Traits {
        self.traits
    }

    fn allocate(&self, bytes: usize) -> Result<Memory, Errno> {
        if self.fails {
            return Err(Errno::ENOMEM);
        }
        self.given.fetch_add(1, Relaxed);
        Ok(Memory::private(Area::anonymous(bytes)?, self.traits))
    }
}

fn pool(places: &[(&'static str, Traits, bool)]) -> (Pool, Arc<AtomicUsize>) {
    let given = Arc::new(AtomicUsize::new(0));
    let place = |&(name, traits, fails)| {
        Box::new(Counted {
            name,
            traits,
            given: Arc::clone(&given),
            fails,
        }) as Box<dyn Allocator>
    };
    (Pool::new(places.iter().map(place).collect()), given)
}

const CONTIGUOUS: Traits = Traits {
    run_bytes: u64::MAX,
    ..Traits::PAGES
};

const ONE_SEGMENT: Needs = Needs {
    shareable: false,
    mappable: false,
    exportable: false,
    segments: Some(1),
    segment_bytes: None,
    alignment: 1,
    total_bytes: None,
    address_bits: 64,
    coherent: false,
    huge_pages: false,
};

#[test]
fn the_device_gets_the_cheapest_memory_that_serves_it_and_the_report_says_why() {
    let (pool, given) = pool(&[
        ("scattered", Traits::PAGES, false),
        ("empty", CONTIGUOUS, true),
        ("heap", CONTIGUOUS, false),
        ("dear", CONTIGUOUS, false),
    ]);
    let mut buffer = opened(Supply {
        pool,
        ..Supply::default()
    });
    let wanted = Demand {
        device: ONE_SEGMENT,
        ..demand(8192)
    };
    buffer.provide(&wanted).unwrap();
    assert_eq!(given.load(Relaxed), 1);
    let report = buffer.report();
    assert_eq!(report.memory[0].allocator, "heap");
    assert_eq!(report.parties[0].needs, ["segments=1"]);
    let passed: Vec<_> = (report.memory[0].passed_over.iter())
        .map(|place| (place.allocator.as_str(), place.constraint))
        .collect();
    assert_eq!(
        passed,
        [
            ("private", Some("segments")),
            ("scattered", Some("segments")),
            ("empty", None)
        ]
    );
    buffer.provide(&wanted).unwrap();
    assert_eq!(given.load(Relaxed), 1, "it is kept");
}

#[test]
fn a_need_that_nothing_meets_is_enomem_and_named() {
    let budget = Budget::default();
    let mut buffer = with(Limits::default(), &budget);
    let wanted = Demand {
        device: ONE_SEGMENT,
        ..demand(8192)
    };
    assert_eq!(buffer.provide(&wanted).unwrap_err(), Errno::ENOMEM);
    assert_eq!(budget.used(), 0);
    let refused = &buffer.report().refused[0];
    assert_eq!(refused.party, "HW_PARAMS");
    assert!(
        refused.why.contains("private: segments: at most 1, not 2"),
        "{}",
        refused.why
    );
}

#[test]
fn one_who_comes_late_is_checked_against_the_ring_as_it_is() {
    let mut buffer = with(Limits::default(), &Budget::default());
    provide(&mut buffer, 8192).unwrap();
    assert_eq!(
        buffer.join("viewer", &Needs::default(), &Now::default()),
        Ok(())
    );
    let refusal = buffer
        .join("dsp", &ONE_SEGMENT, &Now::default())
        .unwrap_err();
    assert_eq!(refusal.constraint, Constraint::Segments);
    let report = buffer.report();
    assert_eq!(report.refused[0].constraint, Some("segments"));
    let names: Vec<_> = report.parties.iter().map(|party| &party.name).collect();
    assert_eq!(names, ["device", "viewer"]);
    buffer.leave("viewer");
    assert_eq!(buffer.report().parties.len(), 1);
}

#[test]
fn one_who_comes_before_the_ring_is_served_by_it() {
    let (pool, _) = pool(&[("heap", CONTIGUOUS, false)]);
    let mut buffer = opened(Supply {
        pool,
        ..Supply::default()
    });
    buffer.join("dsp", &ONE_SEGMENT, &Now::default()).unwrap();
    provide(&mut buffer, 8192).unwrap();
    assert_eq!(buffer.report().memory[0].allocator, "heap");
    buffer.leave("dsp");
    buffer.free();
    provide(&mut buffer, 8192).unwrap();
    assert_eq!(buffer.report().memory[0].allocator, "private");
}

#[test]
fn a_ring_of_its_own_serves_the_device_and_the_other_one_the_clients() {
    let (pool, given) = pool(&[("heap", CONTIGUOUS, false)]);
    let budget = Budget::default();
    let mut buffer = opened(Supply {
        pool,
        budget: budget.clone(),
        ..Supply::default()
    });
    let wanted = Demand {
        device: ONE_SEGMENT,
        own: true,
        ..demand(8192)
    };
    let rings = buffer.provide(&wanted).unwrap();
    let ring = buffer.ring().unwrap();
    assert_ne!(rings.device.area.as_ptr(), ring.area.as_ptr());
    assert_eq!((budget.used(), given.load(Relaxed)), (16384, 1));
    let report = buffer.report();
    let made: Vec<_> = (report.memory.iter())
        .map(|memory| (memory.role, memory.allocator.as_str()))
        .collect();
    assert_eq!(made, [("ring", "private"), ("device", "heap")]);
    let coherent = Needs {
        coherent: true,
        ..Needs::default()
    };
    assert!(buffer.join("dsp", &coherent, &Now::default()).is_err());
    assert!(!buffer.provide(&wanted).unwrap().changed, "both are kept");
    buffer.free();
    assert_eq!(budget.used(), 0);
}

#[test]
fn whatever_fails_on_the_way_nothing_is_counted_or_kept() {
    let (none, given) = pool(&[]);
    let users = Users::default();
    // Of the two areas the second one is refused: by the pool, by the card, by the user.
    let cases = [
        (Budget::DEFAULT, u64::MAX),
        (12288, u64::MAX),
        (Budget::DEFAULT, 12288),
    ];
    for (card, user_limit) in cases {
        let budget = Budget::new(card);
        let pool = if card == Budget::DEFAULT && user_limit == u64::MAX {
            none.clone()
        } else {
            Pool::basic()
        };
        let mut buffer = opened(Supply {
            pool,
            budget: budget.clone(),
            users: users.clone(),
            user_limit,
            ..Supply::default()
        });
        let wanted = Demand {
            own: true,
            ..demand(8192)
        };
        assert_eq!(buffer.provide(&wanted).unwrap_err(), Errno::ENOMEM);
        assert_eq!((budget.used(), users.used(1000)), (0, 0));
        assert!(buffer.ring().is_none() && buffer.report().memory.is_empty());
        assert!(provide(&mut buffer, 8192).is_ok(), "one area there is");
    }
    assert_eq!(given.load(Relaxed), 0);
}

#[test]
fn a_ring_in_private_memory_cannot_be_exported_and_the_report_says_so() {
    let mut buffer = with(Limits::default(), &Budget::default());
    assert_eq!(
        buffer.export("EXPORT", &Now::default()).unwrap_err(),
        Errno::EBADFD
    );
    provide(&mut buffer, 8192).unwrap();
    assert_eq!(
        buffer.export("EXPORT", &Now::default()).unwrap_err(),
        Errno::ENODEV
    );
    assert_eq!(buffer.report().refused[0].constraint, Some("exportable"));
}
