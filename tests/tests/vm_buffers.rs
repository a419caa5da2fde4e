//! Memory that this machine may not have: huge pages, udmabuf, dma-heaps.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use cuse_pcm_tests::everywhere::Tests;
use cuse_pcm_tests::harness::words;
use cuse_pcm_tests::vm;

#[test]
fn every_allocator_fails_without_a_leak_and_rings_are_shared_as_dma_bufs() {
    let program = |name| {
        let tests = Tests { name, except: &[] };
        tests.program().to_str().unwrap().to_owned()
    };
    let script = format!(
        "echo 40 >/proc/sys/vm/nr_hugepages
        {} --nocapture && {} --include-ignored --test-threads=1",
        program("leaks"),
        program("dmabuf")
    );
    let output = vm::run(&[], &["bash", "-c", &script]);
    assert!(output.status.success(), "{}", words(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for allocator in [
        "private",
        "memfd",
        "hugetlb memfd",
        "udmabuf",
        "dma_heap/system",
    ] {
        assert!(
            said.contains(&format!("{allocator}: ")),
            "{allocator} {said}"
        );
    }
    assert!(said.contains("what_one_pcm_exported"), "{said}");
}
