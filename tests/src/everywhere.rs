//! The one list of the integration tests that use nodes, and where each runs.
//!
//! On this machine all of them run, as the functions that they are. In the virtual machine the same test programs run
//! once for every [place](crate::place), without what stands here.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::place::{Nodes, Place};

/// A file of tests that use nodes.
#[derive(Clone, Copy, Debug)]
pub struct Tests {
    /// `tests/NAME.rs`, or `tests/NAME/main.rs`.
    pub name: &'static str,
    /// Those of its tests that do not run everywhere.
    pub except: &'static [(&'static str, Except)],
}

/// Why a test does not run in the virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Except {
    /// It maps nodes, and devices cannot be mapped.
    Mmap,
    /// It is about something that only mounts, or only this machine, have; what that is.
    About(&'static str),
}

const PAGE_CACHE: Except =
    Except::About("page-cache nodes; those of the places are passthrough ones");
const PROGRAM: Except = Except::About("the program, whatever its nodes are");

/// All of them.
pub const TESTS: [Tests; 11] = [
    Tests {
        name: "bit_exact",
        except: &[],
    },
    Tests {
        name: "buffers",
        except: &[],
    },
    Tests {
        name: "clients",
        except: &[
            (
                "aplay_with_mmap_maps_data_status_and_control_and_writes_nothing",
                Except::Mmap,
            ),
            // alsa-lib's plug converts in the slave's mapped ring only.
            (
                "a_plug_converts_format_rate_and_channels_for_playback",
                Except::Mmap,
            ),
            (
                "plughw_resamples_for_a_card_with_a_fixed_rate",
                Except::Mmap,
            ),
            ("alsamixer_shows_the_controls", Except::About("a terminal")),
        ],
    },
    Tests {
        name: "compat",
        except: &[],
    },
    Tests {
        name: "control",
        except: &[],
    },
    Tests {
        name: "hostile",
        except: &[(
            "a_million_random_ioctls_and_scribbled_pages_on_page_cache_nodes",
            PAGE_CACHE,
        )],
    },
    Tests {
        name: "lifecycle",
        except: &[],
    },
    Tests {
        name: "real_time",
        except: &[],
    },
    Tests {
        name: "tiny",
        except: &[(
            "what_they_call_with_a_mapped_ring_plays_and_records",
            Except::Mmap,
        )],
    },
    Tests {
        name: "transport",
        except: &[
            (
                "the_directory_lists_the_nodes_as_files_for_everyone",
                Except::Mmap,
            ),
            ("ring_and_pages_are_shared_both_ways", Except::Mmap),
            ("content_outlives_mappings", Except::Mmap),
            ("a_ring_taken_anew_is_empty_and_still_shared", Except::Mmap),
            ("two_opens_have_memory_of_their_own", Except::Mmap),
            (
                "opens_that_share_a_stream_map_the_same_registered_memory",
                Except::Mmap,
            ),
            ("a_control_node_has_no_memory_and_no_position", Except::Mmap),
            (
                "cards_of_one_mount_do_not_wait_for_each_other",
                Except::Mmap,
            ),
            (
                "stopping_waits_for_pages_that_are_written_out",
                Except::Mmap,
            ),
            (
                "a_daemon_killed_while_it_shares_dirty_pages_ends_and_so_do_its_clients",
                Except::Mmap,
            ),
            (
                "an_unprivileged_users_mount_shares_cached_pages",
                Except::Mmap,
            ),
            (
                "the_bare_server_answers_ioctls",
                Except::About("a server that mounts in the test's own process, as root"),
            ),
        ],
    },
    Tests {
        name: "wav_trouble",
        except: &[
            ("an_unreadable_file_is_told", PROGRAM),
            ("a_full_disk_is_told_and_what_was_heard_stays", PROGRAM),
        ],
    },
];

/// Files of tests that use nodes and do not run in the virtual machine; why.
pub const ELSEWHERE: [(&str, &str); 2] = [
    ("cli", "what the program says and how it ends"),
    (
        "remote",
        "what a daemon can be asked; vm_cards adds and removes cards there",
    ),
];

impl Tests {
    /// The options of its program that leave out what does not run at `place`.
    #[must_use]
    pub fn options(&self, place: Place) -> Vec<&'static str> {
        let left_out = self
            .except
            .iter()
            .filter(|(_, why)| *why != Except::Mmap || place.nodes == Nodes::Cuse);
        let skips = left_out.flat_map(|(test, _)| ["--skip", test]);
        ["--test-threads=1", "--exact"]
            .into_iter()
            .chain(skips)
            .collect()
    }

    /// Its program: the newest one of this build.
    ///
    /// # Panics
    /// If it was not built.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        let here = std::env::current_exe().unwrap_or_default();
        let folder = here.parent().unwrap_or(Path::new("."));
        let begins = format!("{}-", self.name);
        let of_this_name = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&begins) && path.extension().is_none()
        };
        let built = |path: &PathBuf| {
            let written = std::fs::metadata(path).and_then(|data| data.modified());
            written.unwrap_or(SystemTime::UNIX_EPOCH)
        };
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let newest = files
            .map(|file| file.path())
            .filter(of_this_name)
            .max_by_key(built);
        assert!(
            newest.is_some(),
            "the tests {} are not built: run `cargo test --no-run`",
            self.name
        );
        newest.unwrap_or_default()
    }
}
