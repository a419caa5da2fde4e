//! What explicit sync costs.

use std::hint::black_box;
use std::io;

use cuse_pcm::buffer::Supply;
use cuse_pcm::pcm::Substream;
use hw_backends::dma::{Area, PrivateBacking};
use hw_backends::testing::Script;
use hw_backends::units::{Direction, Now};
use uapi::Errno;
use uapi::pcm::SyncPtr;
use zerocopy::FromZeros;

use super::measure::alternate;
use super::report::Row;
use crate::virtual_client::{Setup, hw_params, sw_params};

/// Bytes of a frame, and periods of a ring.
const FRAME: u32 = 2;
const PERIODS: u32 = 4;

/// A playback that the client fills by SYNC_PTR, one period after the other.
#[derive(Debug)]
struct Stream {
    s: Substream,
    device: Script,
    period: u64,
    appl: u64,
}

impl Stream {
    fn start(period: u32, explicit_sync: bool) -> Result<Stream, Errno> {
        let (device, end) = Script::new(hw_backends::null::hardware());
        let supply = Supply {
            explicit_sync,
            ..Supply::default()
        };
        let mut s = Substream::with_supply(Box::new(end), Direction::Playback, supply);
        let setup = Setup {
            period,
            buffer: period * PERIODS,
            ..Setup::default()
        };
        let now = Now::default();
        s.open(Box::<PrivateBacking>::default(), false, &now)?;
        s.hw_params(&mut hw_params(&setup), &now)?;
        s.sw_params(&mut sw_params(&setup), &now)?;
        s.prepare(None, &now)?;
        let mut stream = Stream {
            s,
            device,
            period: u64::from(period),
            appl: 0,
        };
        stream.sync(u64::from(period) * 2)?;
        stream.s.start(&now)?;
        Ok(stream)
    }

    /// The client has filled up to `appl`.
    fn sync(&mut self, appl: u64) -> Result<(), Errno> {
        let mut p = SyncPtr::new_zeroed();
        p.flags = SyncPtr::AVAIL_MIN | SyncPtr::HWSYNC;
        if appl < self.period * 3 {
            // Nothing moves yet.
            p.flags = SyncPtr::AVAIL_MIN;
        }
        p.control.appl_ptr = appl;
        self.appl = appl;
        self.s.sync_ptr(&mut p, &Now::default())
    }

    /// One more period is played, and one filled.
    fn period(&mut self) {
        self.device.set_position(self.appl - self.period);
        assert_eq!(self.sync(self.appl + self.period), Ok(()));
        self.device.take_calls();
    }
}

/// Explicit sync of a period, beyond what SYNC_PTR costs anyway, against one copy of the period.
///
/// # Errors
/// What setting up a stream gives.
pub fn explicit_sync() -> io::Result<Vec<Row>> {
    let failed = |errno: Errno| io::Error::from_raw_os_error(errno.0);
    let mut rows = Vec::new();
    for bytes in [4096, 65536] {
        let period = bytes / FRAME;
        let mut own = Stream::start(period, true).map_err(failed)?;
        let mut shared = Stream::start(period, false).map_err(failed)?;
        let (with, without) = alternate(1000, || own.period(), || shared.period());
        let ring = bytes as usize * PERIODS as usize;
        let area = || Area::anonymous(ring).map_err(failed);
        let (from, to) = (area()?, area()?);
        from.fill(0, ring, 1);
        to.fill(0, ring, 2);
        let mut at = 0;
        let mut copy = || {
            to.copy_from(at, &from, at, bytes as usize);
            at = black_box((at + bytes as usize) % ring);
        };
        let (memcpy, _) = alternate(1000, &mut copy, || ());
        rows.push(Row {
            name: format!("explicit sync of a period of {} KiB", bytes / 1024),
            unit: "µs",
            card: (with - without) * 1e6,
            floor: memcpy * 1e6,
            floor_is: "a copy of the period around a ring",
            goal: None,
        });
    }
    Ok(rows)
}
