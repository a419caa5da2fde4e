//! Helpers for tests from outside.
#![allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper fails loudly"
)]

pub mod bare_cuse;
pub mod bare_fuse;
pub mod bench;
pub mod c_client;
pub mod client;
pub mod everywhere;
pub mod fake_kernel;
pub mod fake_memory;
pub mod harness;
pub mod oracle;
pub mod oracle_device;
pub mod oracle_hardware;
pub mod pairwise;
pub mod place;
pub mod random;
pub mod rust_source;
pub mod sample_formats;
pub mod served;
pub mod virtual_client;
pub mod vm;
pub mod wav_file;
