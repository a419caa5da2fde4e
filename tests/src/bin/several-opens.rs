//! What a client finds that opens a playback node several times, with O_NONBLOCK or all alike: `several-opens NODE` prints a
//! line for each fact. The node must have three free substreams.
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper fails loudly"
)]

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread;

use cuse_pcm_tests::client::{PcmClient, Setup, cmd};
use rustix::fs::{OFlags, fcntl_setfl};
use uapi::pcm::SwParams;
use uapi::pcm::table::LINK;
use zerocopy::FromZeros;

/// A ring of 200 ms: it is not empty again before the next call, nor waited for long.
const SETUP: Setup = Setup {
    access: 3,
    format: 2,
    channels: 2,
    rate: 48000,
    period: 2400,
    buffer: 9600,
};

fn main() -> io::Result<()> {
    let Some(node) = std::env::args().nth(1) else {
        panic!("usage: several-opens NODE");
    };
    let (waits, returns) = (open(&node, 0)?, open(&node, libc::O_NONBLOCK)?);
    both("as opened", &waits, &returns);
    prepare_both(&waits, &returns)?;
    fcntl_setfl(waits.file(), OFlags::RDWR | OFlags::NONBLOCK)?;
    fcntl_setfl(returns.file(), OFlags::RDWR)?;
    // Writing goes by the flag as it was at PREPARE.
    both("changed since", &waits, &returns);
    prepare_both(&waits, &returns)?;
    both("changed before", &waits, &returns);
    // Other threads of the same process.
    fcntl_setfl(waits.file(), OFlags::RDWR)?;
    fcntl_setfl(returns.file(), OFlags::RDWR | OFlags::NONBLOCK)?;
    thread::scope(|scope| {
        let preparing = scope.spawn(|| prepare_both(&waits, &returns));
        preparing.join().unwrap_or_else(|_| panic!("prepare"))
    })?;
    thread::scope(|scope| {
        scope
            .spawn(|| both("from a thread", &waits, &returns))
            .join()
    })
    .unwrap_or_else(|_| panic!("write"));
    drop((waits, returns));
    link_one_of_three(&node)
}

/// A prepared stream that does not stop when it runs dry: the machine may be slow.
fn open(node: &str, flags: i32) -> io::Result<PcmClient> {
    let pcm = PcmClient::open(Path::new(node), flags)?;
    pcm.set_up(&SETUP)?;
    let mut sw = SwParams::new_zeroed();
    sw.avail_min = u64::from(SETUP.period);
    sw.start_threshold = u64::from(SETUP.buffer);
    sw.stop_threshold = u64::MAX >> 1;
    pcm.call_on(cmd::SW_PARAMS, &mut sw)?;
    Ok(pcm)
}

/// Of three opens that are all alike the first one is linked with the third, which is then named by a second descriptor.
fn link_one_of_three(node: &str) -> io::Result<()> {
    let mut three = Vec::new();
    for _ in 0..3 {
        let pcm = open(node, 0)?;
        pcm.writei(&[0; 4800], 1200)?;
        three.push(pcm);
    }
    let again = three[2].file().try_clone()?;
    for (name, file) in [("third", three[2].file()), ("same", &again)] {
        let linked = three[0].call_value(LINK, file.as_raw_fd());
        println!(
            "link {name}: {}",
            linked.map_or_else(|e| errno(&e), |_| "done".to_owned())
        );
    }
    three[0].call(cmd::START)?;
    for pcm in &three {
        println!("state {}", pcm.status()?.state);
    }
    Ok(())
}

fn prepare_both(a: &PcmClient, b: &PcmClient) -> io::Result<()> {
    for pcm in [a, b] {
        pcm.call(cmd::DROP)?;
        pcm.call(cmd::PREPARE)?;
    }
    Ok(())
}

/// What writing more than there is room for, and draining, comes to on either.
fn both(when: &str, a: &PcmClient, b: &PcmClient) {
    for (name, pcm) in [("first", a), ("second", b)] {
        let all = u64::from(SETUP.buffer) * 3 / 2;
        let data = vec![0u8; SETUP.buffer as usize * 6];
        let written = match pcm.writei(&data, all) {
            Ok(frames) if frames == all => "all".to_owned(),
            Ok(_) => "what fits".to_owned(),
            Err(e) => errno(&e),
        };
        let drained = pcm
            .call(cmd::DRAIN)
            .map_or_else(|e| errno(&e), |_| "done".to_owned());
        println!("{when}, {name}: wrote {written}, drain {drained}");
    }
}

fn errno(e: &io::Error) -> String {
    format!("errno {}", e.raw_os_error().unwrap_or_default())
}
