//! An ALSA sound card in user space.
//!
//! A request travels one way: `transport` → `request` → `file` → `card` → `pcm` → `buffer`; `server` alone knows both
//! ends and joins them.

pub mod buffer;
pub mod card;
pub mod cli;
pub mod config;
pub mod container;
pub mod file;
pub mod pcm;
pub mod request;
pub mod server;
pub mod transport;
