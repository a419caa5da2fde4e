//! The PCM device: structures, formats and ioctls.

pub mod constants;
pub mod format;
pub mod params;
pub mod status;
pub mod table;
pub mod xfer;

pub use constants::{chmap, hw_flags, info};
pub use params::{HwParams, Interval, Mask, SwParams};
pub use status::{ChannelInfo, Info, MmapControl, MmapStatus, State, Status, SyncPtr, Timespec};
pub use xfer::{XferI, XferN};
