//! Open descriptors.
pub mod argument;
