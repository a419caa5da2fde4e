//! What clients see of a card that is taken away: `removal-client PLAYBACK CAPTURE CONTROL` opens and waits in every way,
//! says `ready`, and when all waiting is over prints a line for each fact. A device of 8 substreams is needed.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helper fails loudly"
)]

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::thread::{JoinHandle, spawn};

use cuse_pcm_tests::client::{Mapped, PcmClient, STATUS_OFFSET, Setup, cmd};
use rustix::event::{PollFd, PollFlags, poll};
use uapi::control::table::SUBSCRIBE_EVENTS;
use uapi::pcm::SwParams;
use zerocopy::FromZeros as _;

/// The longest ring that snd-dummy has: 8 s in two periods. Nothing happens by itself while we wait.
const SETUP: Setup = Setup {
    access: 3,
    format: 1,
    channels: 1,
    rate: 8000,
    period: 32768,
    buffer: 65536,
};
static RING: [u8; 65536] = [0x80; 65536];
const FRAMES: u64 = 65536;

type Waiting = JoinHandle<(PcmClient, String)>;

fn main() -> io::Result<()> {
    let [playback, capture, control] = [1, 2, 3].map(|n| std::env::args().nth(n).unwrap());
    let waiting: Vec<(&str, Waiting)> = vec![
        ("write", wait(standing(&playback, true)?, write_one)),
        ("write in parts", wait(running(&playback)?, write_more)),
        ("drain", wait(running(&playback)?, drain)),
        (
            "poll OUT",
            wait(standing(&playback, true)?, |pcm| {
                polled(pcm, PollFlags::OUT)
            }),
        ),
        ("read", wait(standing(&capture, false)?, read_one)),
        (
            "poll IN|NVAL",
            wait(standing(&capture, false)?, |pcm| {
                polled(pcm, PollFlags::IN | PollFlags::NVAL)
            }),
        ),
        ("control read", wait(subscribed(&control)?, read_event)),
        (
            "control poll",
            wait(subscribed(&control)?, |pcm| polled(pcm, PollFlags::IN)),
        ),
    ];
    let mapped = running(&playback)?;
    let page = mapped.map(STATUS_OFFSET, 4096).ok();
    println!("ready");
    io::stdout().flush()?;
    let mut left = Vec::new();
    for (what, thread) in waiting {
        let (pcm, said) = thread.join().unwrap();
        println!("{what}: {said}");
        left.push(pcm);
    }
    if let Some(page) = page {
        println!("mapped state: {}", state(&page));
    }
    println!("start: {}", outcome(mapped.call(cmd::START)));
    println!("status: {}", outcome(mapped.status()));
    println!("write again: {}", outcome(left[0].writei(&RING, 1)));
    println!("write(2): {}", outcome(left[0].file().write(&RING)));
    println!("read(2): {}", outcome(left[4].file().read(&mut [0; 64])));
    println!("poll again: {}", polled(&left[3], PollFlags::OUT));
    println!("map: {}", outcome(mapped.map(STATUS_OFFSET, 4096)));
    println!(
        "subscribe: {}",
        outcome(left[6].call_on(SUBSCRIBE_EVENTS, &mut 1i32))
    );
    println!("unknown: {}", outcome(left[6].call(0x1234)));
    for (what, node) in [("open", &playback), ("open control", &control)] {
        println!(
            "{what}: {}",
            outcome(PcmClient::open(Path::new(node), libc::O_NONBLOCK))
        );
    }
    Ok(())
}

fn wait(pcm: PcmClient, what: impl FnOnce(&PcmClient) -> String + Send + 'static) -> Waiting {
    spawn(move || {
        let said = what(&pcm);
        (pcm, said)
    })
}

/// Prepared, and does not start by itself.
fn standing(node: &str, full: bool) -> io::Result<PcmClient> {
    let pcm = PcmClient::open(Path::new(node), 0)?;
    pcm.set_up(&SETUP)?;
    let mut sw = SwParams::new_zeroed();
    sw.avail_min = u64::from(SETUP.period);
    sw.start_threshold = i64::MAX.unsigned_abs();
    sw.stop_threshold = FRAMES;
    pcm.call_on(cmd::SW_PARAMS, &mut sw)?;
    if full {
        assert_eq!(pcm.writei(&RING, FRAMES)?, FRAMES);
    }
    Ok(pcm)
}

fn running(node: &str) -> io::Result<PcmClient> {
    let pcm = PcmClient::open(Path::new(node), 0)?;
    pcm.set_up(&SETUP)?;
    assert_eq!(pcm.writei(&RING, FRAMES)?, FRAMES);
    Ok(pcm)
}

fn subscribed(node: &str) -> io::Result<PcmClient> {
    let control = PcmClient::open(Path::new(node), 0)?;
    control.call_on(SUBSCRIBE_EVENTS, &mut 1i32)?;
    Ok(control)
}

fn write_one(pcm: &PcmClient) -> String {
    outcome(pcm.writei(&RING, 1))
}

/// All that fits is taken at once, the rest never.
fn write_more(pcm: &PcmClient) -> String {
    match pcm.writei(&RING, FRAMES) {
        Ok(frames) if frames < FRAMES => "some".to_owned(),
        other => outcome(other),
    }
}

fn read_one(pcm: &PcmClient) -> String {
    outcome(pcm.readi(&mut [0; 64], 1))
}

fn drain(pcm: &PcmClient) -> String {
    outcome(pcm.call(cmd::DRAIN))
}

fn read_event(control: &PcmClient) -> String {
    outcome(control.file().read(&mut [0; 72]))
}

fn polled(pcm: &PcmClient, events: PollFlags) -> String {
    let mut wanted = [PollFd::from_borrowed_fd(pcm.file().as_fd(), events)];
    match poll(&mut wanted, None) {
        Ok(_) => format!("{:?}", wanted[0].revents()),
        Err(errno) => format!("errno {}", errno.raw_os_error()),
    }
}

fn state(page: &Mapped) -> u64 {
    page.u64_at(0) & 0xffff_ffff
}

fn outcome<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("errno {}", error.raw_os_error().unwrap_or(0)),
    }
}
