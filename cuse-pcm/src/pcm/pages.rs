//! The status and control pages shared with a client that maps them.
//!
//! Nothing is believed of what is in them but the two control values, each copied once. Of the two places where a client
//! can map each page (the old and the new offset), whichever it changed last counts.

use hw_backends::dma::{Area, Pages};
use uapi::pcm::{MmapControl, MmapStatus};
use zerocopy::IntoBytes;

/// Offsets of the control values in their page.
const APPL_PTR: usize = 0;
const AVAIL_MIN: usize = 8;

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
        self.control.appl_ptr = newest(&pages.control, APPL_PTR, self.control.appl_ptr);
        self.control.avail_min = newest(&pages.control, AVAIL_MIN, self.control.avail_min);
        Some(self.control)
    }

    /// Publishes what changed.
    pub(super) fn publish(&mut self, status: &MmapStatus, control: &MmapControl) {
        let Some(pages) = &self.pages else { return };
        if *status != self.status {
            self.status = *status;
            for page in &pages.status {
                page.write(0, status.as_bytes());
            }
        }
        if control.appl_ptr != self.control.appl_ptr {
            store(&pages.control, APPL_PTR, control.appl_ptr);
        }
        if control.avail_min != self.control.avail_min {
            store(&pages.control, AVAIL_MIN, control.avail_min);
        }
        self.control = *control;
    }
}

/// The value at `offset` of the page where it differs from `last`. The other page follows.
fn newest(pages: &[Area; 2], offset: usize, last: u64) -> u64 {
    let [old, new] = pages;
    let values = (load(old, offset), load(new, offset));
    match values {
        (a, b) if a == last && b == last => last,
        (a, _) if a != last => {
            new.write(offset, a.as_bytes());
            a
        }
        (_, b) => {
            old.write(offset, b.as_bytes());
            b
        }
    }
}

fn load(page: &Area, offset: usize) -> u64 {
    let mut value = 0_u64;
    page.read(offset, value.as_mut_bytes());
    value
}

fn store(pages: &[Area; 2], offset: usize, value: u64) {
    for page in pages {
        page.write(offset, value.as_bytes());
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
        }
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
            assert_eq!((load(page, APPL_PTR), load(page, AVAIL_MIN)), (5, 6));
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
}
