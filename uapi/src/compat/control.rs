//! Control structures and ioctls of 32-bit clients.
//!
//! `snd_ctl_elem_info` has one size and one set of offsets for all; only its INTEGER range holds 32-bit values: [`range`].

use std::mem::size_of;

use zerocopy::native_endian::I64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, transmute_mut, transmute_ref};

use crate::control::elem::{ElemId, Iec958, InfoValue};
use crate::control::table::{self, KIND};
use crate::ioctl::{READ, Row, Shape, WRITE, number};

/// `struct snd_ctl_elem_list`, 72 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ElemList {
    /// First element asked for.
    pub offset: u32,
    /// Room at `pids`, in ids.
    pub space: u32,
    /// Ids stored (returned).
    pub used: u32,
    /// Elements of the card (returned).
    pub count: u32,
    /// Address of an array of [`ElemId`] in the client.
    pub pids: u32,
    /// Echoed.
    pub reserved: [u8; 50],
    /// Padding.
    pub pad: [u8; 2],
}

/// The range of an INTEGER or BOOLEAN element. (An INTEGER64 one is as in [`crate::control::elem::Range`].)
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Range {
    /// Smallest value.
    pub min: i32,
    /// Largest value.
    pub max: i32,
    /// Distance of values; 0: any.
    pub step: i32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RangeView {
    range: Range,
    rest: [u8; 116],
}

/// The INTEGER range of a 32-bit client's `snd_ctl_elem_info`.
#[must_use]
pub fn range(value: &InfoValue) -> &Range {
    let view: &RangeView = transmute_ref!(value);
    &view.range
}

/// The same, for writing.
#[must_use]
pub fn range_mut(value: &mut InfoValue) -> &mut Range {
    let view: &mut RangeView = transmute_mut!(value);
    &mut view.range
}

/// The values of an element: a union of 512 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(4))]
pub struct Value {
    /// The bytes; also the value of a BYTES element.
    pub bytes: [u8; 512],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Iec958View {
    iec958: Iec958,
    rest: [u8; 336],
}

impl Value {
    /// The values of a BOOLEAN or INTEGER element.
    #[must_use]
    pub fn integer(&self) -> &[i32; 128] {
        transmute_ref!(self)
    }

    /// The values of a BOOLEAN or INTEGER element, for writing.
    #[must_use]
    pub fn integer_mut(&mut self) -> &mut [i32; 128] {
        transmute_mut!(self)
    }

    /// The values of an INTEGER64 element.
    #[must_use]
    pub fn integer64(&self) -> &[I64; 64] {
        transmute_ref!(self)
    }

    /// The values of an INTEGER64 element, for writing.
    #[must_use]
    pub fn integer64_mut(&mut self) -> &mut [I64; 64] {
        transmute_mut!(self)
    }

    /// The items of an ENUMERATED element.
    #[must_use]
    pub fn enumerated(&self) -> &[u32; 128] {
        transmute_ref!(self)
    }

    /// The items of an ENUMERATED element, for writing.
    #[must_use]
    pub fn enumerated_mut(&mut self) -> &mut [u32; 128] {
        transmute_mut!(self)
    }

    /// The value of an IEC958 element.
    #[must_use]
    pub fn iec958(&self) -> &Iec958 {
        let view: &Iec958View = transmute_ref!(self);
        &view.iec958
    }

    /// The value of an IEC958 element, for writing.
    #[must_use]
    pub fn iec958_mut(&mut self) -> &mut Iec958 {
        let view: &mut Iec958View = transmute_mut!(self);
        &mut view.iec958
    }
}

/// `struct snd_ctl_elem_value` of i386, 708 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ElemValue {
    /// The element.
    pub id: ElemId,
    /// Bit 0: obsolete; echoed.
    pub indirect: u32,
    /// The values.
    pub value: Value,
    /// Echoed.
    pub reserved: [u8; 128],
}

/// `struct snd_ctl_elem_value` where 64-bit members are aligned to 8 (x32, Arm), 712 bytes. The kernel takes both from
/// any 32-bit client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ElemValueAligned {
    /// The element.
    pub id: ElemId,
    /// Bit 0: obsolete; echoed.
    pub indirect: u32,
    /// Padding.
    pub pad: u32,
    /// The values.
    pub value: Value,
    /// Echoed.
    pub reserved: [u8; 128],
}

const BOTH: u32 = READ | WRITE;

macro_rules! ioctls {
    ($($name:ident = $nr:literal, $size:expr, $make:ident;)*) => {
        $(#[doc = concat!("`SNDRV_CTL_IOCTL_", stringify!($name), "` of a 32-bit client.")]
          pub const $name: u32 = number(BOTH, KIND, $nr, $size);)*

        /// The ioctls with 32-bit numbers of their own, by number.
        pub const TABLE: &[Row] = &[$(Row::$make($name, stringify!($name), Shape::InOut)),*];
    };
}

ioctls! {
    ELEM_LIST = 0x10, size_of::<ElemList>(), indirect;
    ELEM_READ = 0x12, size_of::<ElemValue>(), new;
    ELEM_READ_ALIGNED = 0x12, size_of::<ElemValueAligned>(), new;
    ELEM_WRITE = 0x13, size_of::<ElemValue>(), new;
    ELEM_WRITE_ALIGNED = 0x13, size_of::<ElemValueAligned>(), new;
}

/// The row of a 32-bit client's number: one of [`TABLE`], or the native row where the number is the same; `None` where
/// the kernel answers ENOTTY. (ELEM_INFO, ELEM_ADD and ELEM_REPLACE keep their number, but see [`range`].)
#[must_use]
pub fn find(cmd: u32) -> Option<&'static Row> {
    let own = crate::ioctl::find(TABLE, cmd);
    own.or_else(|| table::find(cmd).filter(|row| TABLE.iter().all(|own| own.nr() != row.nr())))
}
