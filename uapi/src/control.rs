//! The control device: structures and ioctls.
pub mod elem;
pub mod table;
