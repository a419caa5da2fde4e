//! INIT: what the kernel offers, and what is taken of it.

use uapi::fuse::flags::init as flag;
use uapi::fuse::{InitIn, InitOut, KERNEL_MINOR_VERSION, KERNEL_VERSION};

/// Pages of data in one READ or WRITE: 1 MiB, the most the kernel grants by default.
const MAX_PAGES: u16 = 256;
/// Bytes of data in one READ or WRITE.
pub const MAX_DATA: usize = MAX_PAGES as usize * 4096;
/// Room that any request needs: data, and two pages for headers, names and lists.
pub const BUFFER: usize = MAX_DATA + 8192;

/// How opens get memory that clients can map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapKind {
    /// The best that works here.
    #[default]
    Auto,
    /// The kernel maps a file of ours.
    Passthrough,
    /// Daemon and client map the same cached pages.
    PageCache,
    /// Not at all.
    Plain,
}

/// The answer to INIT, and the one way to map that was taken, `Plain` where the kernel has none; `None` for a protocol
/// that is too old or unknown. `privileged`: whether this process may register backing files.
///
/// At most one way is taken: with mapping of cached pages allowed, every node could be mapped, those without memory as
/// well.
#[must_use]
pub fn negotiate(theirs: &InitIn, wanted: MapKind, privileged: bool) -> Option<(InitOut, MapKind)> {
    // 7.28: max_pages. Older kernels have neither poll with events nor anything below.
    if theirs.major != KERNEL_VERSION || theirs.minor < 28 {
        return None;
    }
    let offered = flag::join(theirs.flags, theirs.flags2);
    let has = |bit| offered & (flag::INIT_EXT | bit) == flag::INIT_EXT | bit;
    let passthrough = has(flag::PASSTHROUGH);
    let page_cache = has(flag::DIRECT_IO_ALLOW_MMAP);
    let (kind, way) = match wanted {
        MapKind::Passthrough if passthrough => (MapKind::Passthrough, flag::PASSTHROUGH),
        MapKind::Auto if passthrough && privileged => (MapKind::Passthrough, flag::PASSTHROUGH),
        MapKind::PageCache | MapKind::Auto if page_cache => {
            (MapKind::PageCache, flag::DIRECT_IO_ALLOW_MMAP)
        }
        _ => (MapKind::Plain, 0),
    };
    let common = flag::ASYNC_READ
        | flag::BIG_WRITES
        | flag::PARALLEL_DIROPS
        | flag::MAX_PAGES
        | flag::INIT_EXT;
    let (flags, flags2) = flag::split(offered & (common | way));
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
        max_stack_depth: u32::from(kind == MapKind::Passthrough),
        ..InitOut::default()
    };
    Some((answer, kind))
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

    const BOTH: u64 = flag::INIT_EXT | flag::PASSTHROUGH | flag::DIRECT_IO_ALLOW_MMAP;

    fn taken(flags: u64, wanted: MapKind, privileged: bool) -> (u64, u32, MapKind) {
        let (answer, kind) = negotiate(&offer(flags), wanted, privileged).unwrap();
        (
            flag::join(answer.flags, answer.flags2),
            answer.max_stack_depth,
            kind,
        )
    }

    #[test]
    fn the_privileged_pass_through_with_a_stack_depth() {
        let expected = (flag::INIT_EXT | flag::PASSTHROUGH, 1, MapKind::Passthrough);
        assert_eq!(taken(BOTH, MapKind::Auto, true), expected);
    }

    #[test]
    fn others_share_cached_pages_and_so_do_older_kernels() {
        let expected = (
            flag::INIT_EXT | flag::DIRECT_IO_ALLOW_MMAP,
            0,
            MapKind::PageCache,
        );
        assert_eq!(taken(BOTH, MapKind::Auto, false), expected);
        assert_eq!(
            taken(BOTH & !flag::PASSTHROUGH, MapKind::Auto, true),
            expected
        );
        assert_eq!(taken(BOTH, MapKind::PageCache, true), expected);
    }

    #[test]
    fn nothing_is_taken_that_is_not_offered() {
        assert_eq!(
            taken(flag::ASYNC_READ, MapKind::Auto, true),
            (flag::ASYNC_READ, 0, MapKind::Plain)
        );
        assert_eq!(
            taken(BOTH, MapKind::Plain, true),
            (flag::INIT_EXT, 0, MapKind::Plain)
        );
    }

    #[test]
    fn a_cache_that_would_keep_writes_is_never_taken() {
        let (taken, ..) = taken(u64::MAX, MapKind::Auto, true);
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
            negotiate(
                &InitIn {
                    minor: 27,
                    ..offer(0)
                },
                MapKind::Auto,
                true
            )
            .is_none()
        );
        assert!(
            negotiate(
                &InitIn {
                    major: 8,
                    ..offer(0)
                },
                MapKind::Auto,
                true
            )
            .is_none()
        );
    }

    #[test]
    fn the_minor_is_the_smaller_of_both() {
        let minor = |minor| {
            negotiate(&InitIn { minor, ..offer(0) }, MapKind::Auto, true)
                .unwrap()
                .0
                .minor
        };
        assert_eq!((minor(45), minor(36)), (41, 36));
    }
}
