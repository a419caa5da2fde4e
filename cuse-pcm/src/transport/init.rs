//! INIT: what the kernel offers, and what is taken of it.

use uapi::fuse::flags::init as flag;
use uapi::fuse::{InitIn, InitOut, KERNEL_MINOR_VERSION, KERNEL_VERSION};

/// Pages of data in one READ or WRITE: 1 MiB, the most the kernel grants by default.
const MAX_PAGES: u16 = 256;
/// Bytes of data in one READ or WRITE.
pub const MAX_DATA: usize = MAX_PAGES as usize * 4096;
/// Room that any request needs: data, and two pages for headers, names and lists.
pub const BUFFER: usize = MAX_DATA + 8192;

/// What a kernel can do for memory of opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Maps a file of ours in place of the node (Linux ≥ 6.9).
    pub passthrough: bool,
    /// Maps the page cache of a file with direct I/O (Linux ≥ 6.6).
    pub page_cache: bool,
}

/// The answer to INIT, and what was found on offer; `None` for a protocol that is too old or unknown.
#[must_use]
pub fn negotiate(theirs: &InitIn) -> Option<(InitOut, Offer)> {
    // 7.28: max_pages. Older kernels have neither poll with events nor anything below.
    if theirs.major != KERNEL_VERSION || theirs.minor < 28 {
        return None;
    }
    let offered = flag::join(theirs.flags, theirs.flags2);
    let wanted = flag::ASYNC_READ
        | flag::BIG_WRITES
        | flag::PARALLEL_DIROPS
        | flag::MAX_PAGES
        | flag::INIT_EXT
        | flag::DIRECT_IO_ALLOW_MMAP
        | flag::PASSTHROUGH;
    let taken = offered & wanted;
    let (flags, flags2) = flag::split(taken);
    let passthrough = taken & flag::PASSTHROUGH != 0;
    let answer = InitOut {
        major: KERNEL_VERSION,
        minor: KERNEL_MINOR_VERSION.min(theirs.minor),
        max_readahead: theirs.max_readahead,
        flags,
        max_background: 64,
        congestion_threshold: 48,
        max_write: u32::try_from(MAX_DATA).unwrap_or(u32::MAX),
        time_gran: 1,
        max_pages: MAX_PAGES,
        flags2,
        max_stack_depth: u32::from(passthrough),
        ..InitOut::default()
    };
    Some((
        answer,
        Offer {
            passthrough,
            page_cache: taken & flag::DIRECT_IO_ALLOW_MMAP != 0,
        },
    ))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]
    use super::*;

    fn offer(flags: u64) -> InitIn {
        let (flags, flags2) = flag::split(flags);
        InitIn {
            major: 7,
            minor: 45,
            max_readahead: 131_072,
            flags,
            flags2,
            ..InitIn::default()
        }
    }

    #[test]
    fn passthrough_needs_a_stack_depth() {
        let (answer, found) = negotiate(&offer(flag::INIT_EXT | flag::PASSTHROUGH)).unwrap();
        assert_eq!(
            (answer.max_stack_depth, found.passthrough, found.page_cache),
            (1, true, false)
        );
        assert_eq!(
            flag::join(answer.flags, answer.flags2),
            flag::INIT_EXT | flag::PASSTHROUGH
        );
    }

    #[test]
    fn nothing_is_taken_that_is_not_offered() {
        let (answer, found) = negotiate(&offer(flag::ASYNC_READ)).unwrap();
        assert_eq!(
            (answer.flags, answer.flags2, answer.max_stack_depth),
            (1, 0, 0)
        );
        assert_eq!(found, Offer::default());
    }

    #[test]
    fn a_cache_that_would_keep_writes_is_never_taken() {
        let (answer, _) = negotiate(&offer(u64::MAX)).unwrap();
        let taken = flag::join(answer.flags, answer.flags2);
        assert_eq!(
            taken
                & (flag::WRITEBACK_CACHE
                    | flag::ATOMIC_O_TRUNC
                    | flag::AUTO_INVAL_DATA
                    | flag::ASYNC_DIO),
            0
        );
    }

    #[test]
    fn an_old_or_foreign_protocol_is_refused() {
        assert!(
            negotiate(&InitIn {
                minor: 27,
                ..offer(0)
            })
            .is_none()
        );
        assert!(
            negotiate(&InitIn {
                major: 8,
                ..offer(0)
            })
            .is_none()
        );
    }

    #[test]
    fn the_minor_is_the_smaller_of_both() {
        assert_eq!(negotiate(&offer(0)).unwrap().0.minor, 41);
        assert_eq!(
            negotiate(&InitIn {
                minor: 36,
                ..offer(0)
            })
            .unwrap()
            .0
            .minor,
            36
        );
    }
}
