//! 32-bit clients of a 64-bit card: structures and ioctl numbers that differ from a 64-bit client's.
//!
//! Two kinds of 32-bit client exist, told apart by their numbers: 32-bit time (`T32`) and 64-bit time (`T64`). The
//! layouts are i386's, where 64-bit members are aligned to 4; what other architectures insert is explicit here. A Rust
//! structure may thus be aligned more strictly than the client's: copy, do not borrow. Structures that are not here are
//! the same for everyone.

pub mod control;
pub mod pcm;
pub mod timer;
