//! The kernel as oracle: the same script of calls goes to a kernel's card and to ours, and all that comes back is
//! compared.
//!
//! A [`call::Script`] is data. [`side::Side`] plays it on the nodes of one directory and notes what came back;
//! [`judge`] compares two such notes, [`shrink`] finds the shortest script that still shows a difference, and
//! [`allowed`] knows the differences that are meant to be. Scripts come from the modules of [`source`].

mod alarm;
pub mod allowed;
pub mod call;
pub mod command;
pub mod elements;
pub mod fields;
pub mod judge;
pub mod kept;
mod mapped;
pub mod names;
pub mod run;
pub mod shrink;
pub mod side;
pub mod source;
pub mod tally;
pub mod virtual_side;
