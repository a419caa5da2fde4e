//! What a client finds at a playback node that is a character device: `device-client NODE` prints a line for each fact.
#![allow(clippy::panic, reason = "a test's helper fails loudly")]

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use cuse_pcm_tests::client::{PcmClient, STATUS_OFFSET, Setup, cmd};
use rustix::fs::OFlags;
use uapi::pcm::table::{LINK, PAUSE, UNLINK};

fn main() -> io::Result<()> {
    let Some(node) = std::env::args().nth(1) else {
        panic!("usage: device-client NODE");
    };
    let pcm = PcmClient::open(Path::new(&node), libc::O_NONBLOCK)?;
    // A second: a slow machine has time to ask.
    let setup = Setup {
        period: 4800,
        buffer: 48000,
        ..Setup::default()
    };
    let hw = pcm.set_up(&setup)?;
    println!("can pause: {}", hw.info & 0x0008_0000 != 0);
    println!("can be mapped: {}", hw.info & 0x0000_0003 != 0);
    println!("map: {}", word(pcm.map(STATUS_OFFSET, 4096)));
    let frames = u64::from(setup.buffer);
    let data = vec![0u8; setup.buffer as usize * 4];
    let write = |what| println!("{what}: {}", amount(pcm.writei(&data, frames), frames));
    write("fill");
    write("more");
    pause(&pcm)?;
    // As alsa-lib does it: the flag is cleared without a word to the device, and counts from PREPARE on.
    rustix::fs::fcntl_setfl(pcm.file(), OFlags::RDWR)?;
    pcm.call(cmd::DROP)?;
    pcm.call(cmd::PREPARE)?;
    let capture = PcmClient::open(Path::new(&node.replace("D0p", "D0c")), libc::O_NONBLOCK)?;
    capture.set_up(&setup)?;
    println!(
        "link: {}",
        word(pcm.call_value(LINK, capture.file().as_raw_fd()))
    );
    println!(
        "again: {}",
        word(pcm.call_value(LINK, capture.file().as_raw_fd()))
    );
    println!("unlink: {}", word(pcm.call(UNLINK)));
    write("fill");
    write("more");
    println!("drain: {}", word(pcm.call(cmd::DRAIN)));
    Ok(())
}

/// Pauses while it plays: the position stands still, and goes on.
fn pause(pcm: &PcmClient) -> io::Result<()> {
    println!("pause: {}", word(pcm.call_value(PAUSE, 1)));
    println!("again: {}", word(pcm.call_value(PAUSE, 1)));
    let before = pcm.status()?;
    sleep(Duration::from_millis(60));
    let after = pcm.status()?;
    println!("state: {}", after.state);
    println!("stands still: {}", before.hw_ptr == after.hw_ptr);
    println!("resume: {}", word(pcm.call_value(PAUSE, 0)));
    println!("state: {}", pcm.status()?.state);
    Ok(())
}

fn word<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(e) => format!("errno {}", e.raw_os_error().unwrap_or_default()),
    }
}

/// How much of a ring's worth was taken.
fn amount(written: io::Result<u64>, all: u64) -> String {
    match written {
        Ok(frames) if frames == all => "all".to_owned(),
        Ok(_) => "what fits".to_owned(),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => "what fits".to_owned(),
        Err(e) => word(Err::<(), _>(e)),
    }
}
