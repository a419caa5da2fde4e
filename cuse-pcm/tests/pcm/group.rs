//! Members of a group that share pages with their clients.

use crate::bench::*;
use cuse_pcm::pcm::{State, Substream};
use hw_backends::hardware::{Hardware, info};
use hw_backends::testing::Refuse;
use hw_backends::units::Direction::Playback;
use uapi::Errno;

const APPL: usize = 0;

fn mapped(hardware: Hardware) -> (Bench, MappedBacking) {
    let backing = MappedBacking::new();
    let bench = Bench::open_with(Playback, hardware, Box::new(backing.clone()))
        .prepare(wanted(0, 1, BUFFER));
    (bench, backing)
}

/// Calls something of `one` while `other`, who joined first, is with it.
fn together<T>(one: &mut Bench, other: &mut Bench, call: impl FnOnce(&mut Substream) -> T) -> T {
    let other_s = std::mem::replace(&mut other.s, Substream::absent(Playback));
    one.s.gather(vec![other_s], 0, &at(0));
    let result = call(&mut one.s);
    other.s = one.s.scatter().pop().unwrap();
    result
}

fn shown(backing: &MappedBacking) -> u64 {
    MappedBacking::load(&backing.pages.status[0], 0) & 0xffff_ffff
}

#[test]
fn what_a_peers_client_stored_counts_and_its_page_follows() {
    let (mut one, _) = mapped(hardware());
    let (mut other, backing) = mapped(hardware());
    one.s.forward(1000, &at(0)).unwrap();
    let start = |one: &mut Bench, other: &mut Bench| together(one, other, |s| s.start(&at(0)));
    assert_eq!(start(&mut one, &mut other), Err(Errno::EPIPE));
    assert_eq!(shown(&backing), State::Prepared as u64);
    backing.store(1, APPL, 3000);
    assert_eq!(start(&mut one, &mut other), Ok(()));
    assert_eq!(shown(&backing), State::Running as u64);
    assert_eq!(other.device.view().appl, 3000);
    together(&mut one, &mut other, |s| s.drop_frames(&at(0))).unwrap();
    together(&mut one, &mut other, |s| s.prepare(None, &at(0))).unwrap();
    for page in &backing.pages.control {
        assert_eq!(MappedBacking::load(page, APPL), 0);
    }
}

#[test]
fn a_peer_that_will_not_hear_of_a_move_stops_the_group() {
    let mut listening = hardware();
    listening.info |= info::SYNC_APPLPTR;
    let (mut one, _) = mapped(hardware());
    let (mut other, backing) = mapped(listening);
    for bench in [&mut one, &mut other] {
        bench.s.forward(1000, &at(0)).unwrap();
        bench.s.start(&at(0)).unwrap();
    }
    backing.store(0, APPL, 5000);
    other.device.refuse(Refuse::Ack, Errno::EPIPE);
    let hwsync = together(&mut one, &mut other, |s| s.hwsync(&at(0)));
    assert_eq!(hwsync, Err(Errno::EPIPE));
    assert_eq!((one.state(), other.state()), (State::Xrun, State::Xrun));
    assert_eq!(MappedBacking::load(&backing.pages.control[1], APPL), 1000);
}
