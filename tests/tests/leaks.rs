//! Allocation that fails at any step leaves neither a descriptor nor a mapping behind.
//!
//! A process of its own, and one test: it counts what the process has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

use hw_backends::dma::{Allocator, ExportError, Pool, steps};
use uapi::Errno;

/// Large enough to be told from what the test itself takes.
const BYTES: usize = (16 << 20) + 4;

/// What this process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    /// Mapped memory, in rings of the test's size.
    rings: usize,
}

fn held() -> Held {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let mapped: usize = pages.split(' ').next().unwrap().parse().unwrap();
    Held {
        descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        rings: mapped * 4096 / BYTES,
    }
}

/// Fails each step of an allocation in turn; how many steps there are.
fn every_step(allocator: &dyn Allocator) -> u32 {
    let before = held();
    for step in 0.. {
        steps::fail_at(Some(step));
        let result = allocator.allocate(BYTES);
        let reached = !steps::pending();
        steps::fail_at(None);
        match result {
            Err(errno) if reached => assert_eq!(errno, Errno::ENOMEM, "{}", allocator.name()),
            Err(errno) => panic!("{} gives {errno} by itself", allocator.name()),
            Ok(memory) => {
                let name = allocator.name();
                assert!(!reached, "{name}: step {step} failed unnoticed");
                assert_eq!(held().rings, before.rings + 1, "{name} maps it once");
                let mut first = [1; 4];
                memory.area().read(0, &mut first);
                assert_eq!(first, [0; 4]);
                assert_eq!(memory.area().write(BYTES - 4, b"last"), 4);
                drop(memory);
                assert_eq!(held(), before, "{name} after use");
                return step;
            }
        }
        assert_eq!(held(), before, "{} at step {step}", allocator.name());
    }
    0
}

/// Fails each step of making a dma-buf of a memfd.
fn every_step_of_wrapping(allocator: &dyn Allocator) {
    let before = held();
    for step in 0..2 {
        let mut memory = allocator.allocate(BYTES).unwrap();
        steps::fail_at(Some(step));
        let failed = memory.export().unwrap_err();
        steps::fail_at(None);
        assert_eq!(failed, ExportError::Failed(Errno::ENOMEM));
        assert!(!memory.exported());
        memory.export().expect("at the second attempt");
        drop(memory);
        assert_eq!(held(), before, "{} at step {step}", allocator.name());
    }
}

#[test]
fn no_failure_on_the_way_to_memory_leaks() {
    let pool = Pool::of_this_machine();
    for allocator in pool.allocators() {
        let steps = every_step(allocator);
        println!("{}: {steps} steps", allocator.name());
        assert!(steps > 0, "{} asks before no step", allocator.name());
        if pool.wraps() && allocator.name() == "memfd" {
            every_step_of_wrapping(allocator);
        }
    }
    assert!(pool.allocators().count() >= 2);
}
