//! What a substream's ring is made of.
//!
//! Today every ring is [`managed`]: taken from the memory of the open. What others that touch a ring need (an exporter, an
//! attached second PCM), and rings that are dma-bufs, belong beside it: they decide what `managed::ManagedBuffer::provide`
//! takes its memory from. Knows memory and sizes; nothing of states, pointers or clients.

pub mod managed;

pub use managed::{Budget, Limits, ManagedBuffer};
