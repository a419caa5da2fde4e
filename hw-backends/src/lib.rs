//! What a sound device must offer to a card (the contract), its memory, and the devices themselves.
//!
//! Knows the field's words and the binary interfaces; knows nothing of clients, files, cards or transports.

pub mod clock;
pub mod dma;
pub mod drive;
pub mod existing;
pub mod frames;
pub mod gain;
pub mod hardware;
pub mod loopback;
pub mod notify;
pub mod null;
pub mod ops;
pub mod pace;
pub mod params;
pub mod registry;
pub mod testing;
pub mod units;
pub mod wav;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod contract;
