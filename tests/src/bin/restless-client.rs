//! A client that uses a node in ways chosen by a seed until somebody kills it: `restless-client NODE SEED`.
#![allow(clippy::panic, reason = "a test's helper fails loudly")]

use std::path::Path;

use cuse_pcm_tests::client::{CONTROL_OFFSET, PcmClient, STATUS_OFFSET, Setup, cmd};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(node), Some(seed)) = (
        arguments.next(),
        arguments.next().and_then(|s| s.parse::<u64>().ok()),
    ) else {
        panic!("usage: restless-client NODE SEED");
    };
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    loop {
        live(Path::new(&node), &mut random);
    }
}

fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

/// Opens the node, goes some way with it, leaves it.
fn live(node: &Path, random: &mut u64) {
    let nonblock = next(random) & 1 == 0;
    let Ok(pcm) = PcmClient::open(node, if nonblock { libc::O_NONBLOCK } else { 0 }) else {
        return;
    };
    let pages = (pcm.map(STATUS_OFFSET, 4096), pcm.map(CONTROL_OFFSET, 4096));
    let mmap = next(random) & 1 == 0;
    let setup = Setup {
        access: if mmap { 0 } else { 3 },
        ..Setup::default()
    };
    if pcm.set_up(&setup).is_err() {
        return;
    }
    let ring = mmap.then(|| pcm.map(0, setup.buffer as usize * 4));
    let mut data = vec![1u8; 4 * 480 * 4];
    for _ in 0..next(random) % 40 {
        let _ = match next(random) % 8 {
            0 => pcm.call(cmd::START).map(|_| 0),
            1 => pcm.call(cmd::DRAIN).map(|_| 0),
            2 => pcm
                .call(cmd::DROP)
                .and_then(|_| pcm.call(cmd::PREPARE))
                .map(|_| 0),
            3 => pcm.status().map(|s| s.hw_ptr),
            _ if node.to_string_lossy().ends_with('c') => pcm.readi(&mut data, next(random) % 1920),
            _ => pcm.writei(&data, next(random) % 1920),
        };
    }
    drop((pages, ring));
}
