//! The status and control pages shared with a client that maps them.
//!
//! Nothing is believed of what is in them but the two control values, each copied once. Of the two places where a client
//! can map each page (the old and the new offset), whichever it changed last counts.

use hw_backends::dma::{Area, Pages};
use uapi::compat::pcm::{MmapStatusT32, Timespec32};
use uapi::pcm::{MmapControl, MmapStatus, Timespec};
use zerocopy::IntoBytes;

/// Where a client has the control values in their page.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    /// Bytes of a position: 8, or 4 of a 32-bit client.
    width: usize,
}

impl Layout {
    fn of(pages: &Pages) -> Layout {
        Layout {
            width: if pages.narrow { 4 } else { 8 },
        }
    }

    /// With 64-bit time too: there the padding comes behind both.
    fn avail_min(self) -> usize {
        self.width
    }

    /// What of `value` is in the page.
    fn visible(self, value: u64) -> u64 {
        if self.width < 8 {
            value & u64::from(u32::MAX)
        } else {
            value
        }
    }

    fn load(self, page: &Area, offset: usize) -> u64 {
        let mut value = 0_u64.to_le_bytes();
        if let Some(bytes) = value.get_mut(..self.width) {
            page.read(offset, bytes);
        }
        u64::from_le_bytes(value)
    }

    fn store(self, page: &Area, offset: usize, value: u64) {
        if let Some(bytes) = value.to_le_bytes().get(..self.width) {
            page.write(offset, bytes);
        }
    }

    /// The value at `offset` of the page where it differs from `last`. The other page follows.
    fn newest(self, pages: &[Area; 2], offset: usize, last: u64) -> u64 {
        let [old, new] = pages;
        let known = self.visible(last);
        match (self.load(old, offset), self.load(new, offset)) {
            (a, b) if a == known && b == known => last,
            (a, _) if a != known => {
                self.store(new, offset, a);
                a
            }
            (_, b) => {
                self.store(old, offset, b);
                b
            }
        }
    }
}

/// Offset of the application's position in the control page.
const APPL_PTR: usize = 0;

/// The pages, and what was put into them last.
#[derive(Debug, Default)]
pub(super) struct SharedPages {
    pages: Option<Pages>,
    status: MmapStatus,
    control: MmapControl,
}

impl SharedPages {
    /// Pages of a new open. All zero at first.
    pub(super) fn new(pages: Option<Pages>) -> SharedPages {
        if let Some(pages) = &pages {
            for page in pages.status.iter().chain(&pages.control) {
                page.fill(0, page.len(), 0);
            }
        }
        SharedPages {
            pages,
            ..SharedPages::default()
        }
    }

    /// Whether there are any.
    pub(super) fn are_there(&self) -> bool {
        self.pages.is_some()
    }

    /// The control values as the client has them now, if there are pages.
    pub(super) fn control(&mut self) -> Option<MmapControl> {
        let pages = self.pages.as_ref()?;
        let layout = Layout::of(pages);
        let newest = |offset, last| layout.newest(&pages.control, offset, last);
        self.control.appl_ptr = newest(APPL_PTR, self.control.appl_ptr);
        self.control.avail_min = newest(layout.avail_min(), self.control.avail_min);
        Some(self.control)
    }

    /// Publishes what changed.
    pub(super) fn publish(&mut self, status: &MmapStatus, control: &MmapControl) {
        let Some(pages) = &self.pages else { return };
        if *status != self.status {
            self.status = *status;
            let [old, new] = &pages.status;
            if pages.narrow {
                old.write(0, with_32_bits(status).as_bytes());
            } else {
                old.write(0, status.as_bytes());
            }
            // A 32-bit client reads the lower half of its position.
            new.write(0, status.as_bytes());
        }
        let layout = Layout::of(pages);
        let store = |offset, value| {
            let [old, new] = &pages.control;
            layout.store(old, offset, value);
            layout.store(new, offset, value);
        };
        if control.appl_ptr != self.control.appl_ptr {
            store(APPL_PTR, control.appl_ptr);
        }
        if control.avail_min != self.control.avail_min {
            store(layout.avail_min(), control.avail_min);
        }
        self.control = *control;
    }
}

/// The record of a client with 32 bits and 32-bit time.
#[expect(clippy::cast_possible_truncation, reason = "as SYNC_PTR truncates it")]
const fn with_32_bits(status: &MmapStatus) -> MmapStatusT32 {
    MmapStatusT32 {
        state: status.state,
        pad1: 0,
        hw_ptr: status.hw_ptr as u32,
        tstamp: time(status.tstamp),
        suspended_state: status.suspended_state,
        audio_tstamp: time(status.audio_tstamp),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "as SYNC_PTR truncates it")]
const fn time(wide: Timespec) -> Timespec32 {
    Timespec32 {
        sec: wide.sec as i32,
        nsec: wide.nsec as i32,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn pages() -> Pages {
        let page = || Area::anonymous(4096).unwrap();
        Pages {
            status: [page(), page()],
            control: [page(), page()],
            narrow: false,
        }
    }

    fn load(page: &Area, offset: usize) -> u64 {
        Layout { width: 8 }.load(page, offset)
    }

    fn narrow_load(page: &Area, offset: usize) -> u64 {
        Layout { width: 4 }.load(page, offset)
    }

    #[test]
    fn the_page_that_the_client_changed_counts() {
        let pages = pages();
        let mut shared = SharedPages::new(Some(pages.clone()));
        let [old, new] = &pages.control;
        new.write(APPL_PTR, 77_u64.as_bytes());
        assert_eq!(shared.control().unwrap().appl_ptr, 77);
        assert_eq!(load(old, APPL_PTR), 77, "the other page follows");
        old.write(APPL_PTR, 99_u64.as_bytes());
        assert_eq!(shared.control().unwrap().appl_ptr, 99);
        assert_eq!(load(new, APPL_PTR), 99);
    }

    #[test]
    fn published_values_are_on_both_pages() {
        let pages = pages();
        let mut shared = SharedPages::new(Some(pages.clone()));
        let status = MmapStatus {
            state: 3,
            hw_ptr: 1234,
            ..MmapStatus::default()
        };
        shared.publish(
            &status,
            &MmapControl {
                appl_ptr: 5,
                avail_min: 6,
            },
        );
        for page in &pages.status {
            assert_eq!(load(page, 8), 1234);
        }
        for page in &pages.control {
            assert_eq!((load(page, APPL_PTR), load(page, 8)), (5, 6));
        }
        assert_eq!(
            shared.control().unwrap(),
            MmapControl {
                appl_ptr: 5,
                avail_min: 6
            }
        );
    }

    #[test]
    fn what_a_client_writes_into_the_status_page_is_not_read() {
        let pages = pages();
        let mut shared = SharedPages::new(Some(pages.clone()));
        pages.status[0].fill(0, 4096, 0xff);
        assert_eq!(shared.control().unwrap(), MmapControl::default());
    }

    #[test]
    fn a_32_bit_client_finds_the_records_of_both_its_times() {
        let pages = Pages {
            narrow: true,
            ..pages()
        };
        let mut shared = SharedPages::new(Some(pages.clone()));
        let status = MmapStatus {
            state: 3,
            hw_ptr: 1234,
            suspended_state: 7,
            tstamp: Timespec { sec: 5, nsec: 6 },
            ..MmapStatus::default()
        };
        let control = MmapControl {
            appl_ptr: 77,
            avail_min: 88,
        };
        shared.publish(&status, &control);
        let [old, new] = &pages.status;
        let words = |page, offsets: [usize; 5]| offsets.map(|offset| narrow_load(page, offset));
        // State, hw_ptr, seconds, nanoseconds, suspended_state.
        assert_eq!(words(old, [0, 8, 12, 16, 20]), [3, 1234, 5, 6, 7]);
        assert_eq!(words(new, [0, 8, 16, 24, 32]), [3, 1234, 5, 6, 7]);
        for page in &pages.control {
            assert_eq!((narrow_load(page, 0), narrow_load(page, 4)), (77, 88));
        }
        assert_eq!(shared.control(), Some(control));
    }

    #[test]
    fn what_a_32_bit_client_leaves_alone_keeps_its_upper_half() {
        let pages = Pages {
            narrow: true,
            ..pages()
        };
        let mut shared = SharedPages::new(Some(pages.clone()));
        let control = MmapControl {
            appl_ptr: 0x5_0000_0009,
            avail_min: 4,
        };
        shared.publish(&MmapStatus::default(), &control);
        assert_eq!(shared.control(), Some(control));
        pages.control[0].write(APPL_PTR, &10_u32.to_le_bytes());
        assert_eq!(shared.control().unwrap().appl_ptr, 10);
        assert_eq!(narrow_load(&pages.control[1], APPL_PTR), 10);
    }
}
