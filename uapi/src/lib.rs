//! The binary interfaces, nothing else: numbers, layouts and tables of the ALSA PCM, control and timer devices
//! (`sound/asound.h`), of the 2019 dma-buf proposal, and of the part of FUSE a device node can receive.
//!
//! This crate has no behaviour and no `unsafe`, and knows nothing of cards, files or transports.
#![forbid(unsafe_code)]

pub mod compat;
pub mod control;
pub mod dmabuf;
pub mod errno;
pub mod fuse;
pub mod ioctl;
pub mod pcm;
pub mod timer;

pub use errno::Errno;
