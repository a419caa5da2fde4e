//! Measurements of the card against floors taken in the same run, and their table.

pub mod devices;
pub mod measure;
pub mod report;
pub mod sync;
