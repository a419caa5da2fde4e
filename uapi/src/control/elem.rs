//! Structures of the control device: card, elements, events.
//!
//! The two unions (an element's range and an element's value) are byte blocks with typed views; all views are of the
//! 64-bit layout, 32-bit layouts are in [`crate::compat`].

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, transmute_mut, transmute_ref};

/// `SNDRV_CTL_ELEM_IFACE_*`: what an element belongs to.
pub mod iface {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const CARD: i32 = 0;
    pub const HWDEP: i32 = 1;
    pub const MIXER: i32 = 2;
    pub const PCM: i32 = 3;
    pub const RAWMIDI: i32 = 4;
    pub const TIMER: i32 = 5;
    pub const SEQUENCER: i32 = 6;
}

/// `SNDRV_CTL_ELEM_TYPE_*`: what an element's values are.
pub mod elem_type {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const NONE: i32 = 0;
    pub const BOOLEAN: i32 = 1;
    pub const INTEGER: i32 = 2;
    pub const ENUMERATED: i32 = 3;
    pub const BYTES: i32 = 4;
    pub const IEC958: i32 = 5;
    pub const INTEGER64: i32 = 6;
}

/// `SNDRV_CTL_ELEM_ACCESS_*`: what may be done to an element.
pub mod access {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const READ: u32 = 1;
    pub const WRITE: u32 = 1 << 1;
    pub const READWRITE: u32 = READ | WRITE;
    pub const VOLATILE: u32 = 1 << 2;
    pub const TIMESTAMP: u32 = 1 << 3;
    pub const TLV_READ: u32 = 1 << 4;
    pub const TLV_WRITE: u32 = 1 << 5;
    pub const TLV_READWRITE: u32 = TLV_READ | TLV_WRITE;
    pub const TLV_COMMAND: u32 = 1 << 6;
    pub const INACTIVE: u32 = 1 << 8;
    pub const LOCK: u32 = 1 << 9;
    pub const OWNER: u32 = 1 << 10;
    pub const TLV_CALLBACK: u32 = 1 << 28;
    pub const USER: u32 = 1 << 29;
}

/// `SNDRV_CTL_EVENT_*`.
pub mod event {
    /// The only type of event.
    pub const ELEM: i32 = 0;
    /// The value changed.
    pub const MASK_VALUE: u32 = 1;
    /// Type, range or access changed.
    pub const MASK_INFO: u32 = 1 << 1;
    /// The element is new.
    pub const MASK_ADD: u32 = 1 << 2;
    /// The TLV changed.
    pub const MASK_TLV: u32 = 1 << 3;
    /// The element is gone.
    pub const MASK_REMOVE: u32 = u32::MAX;
}

/// `SNDRV_CTL_POWER_*`.
pub mod power {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const D0: i32 = 0x0000;
    pub const D1: i32 = 0x0100;
    pub const D2: i32 = 0x0200;
    pub const D3: i32 = 0x0300;
    pub const D3HOT: i32 = 0x0300;
    pub const D3COLD: i32 = 0x0301;
}

/// `SNDRV_CTL_TLVT_*`: type word of a TLV.
pub mod tlv_type {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const CONTAINER: u32 = 0;
    pub const DB_SCALE: u32 = 1;
    pub const DB_LINEAR: u32 = 2;
    pub const DB_RANGE: u32 = 3;
    pub const DB_MINMAX: u32 = 4;
    pub const DB_MINMAX_MUTE: u32 = 5;
    pub const CHMAP_FIXED: u32 = 0x101;
    pub const CHMAP_VAR: u32 = 0x102;
    pub const CHMAP_PAIRED: u32 = 0x103;
    /// In the step word of DB_SCALE: the lowest value is silence.
    pub const DB_SCALE_MUTE: u32 = 0x1_0000;
    /// The gain that means silence, 0.01 dB.
    pub const DB_GAIN_MUTE: i32 = -9_999_999;
}

/// Bytes of a name in [`ElemId`], with its NUL.
pub const NAME_LEN: usize = 44;

/// `struct snd_ctl_card_info`, 376 bytes.
#[doc(alias = "snd_ctl_card_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CardInfo {
    /// Card number.
    pub card: i32,
    /// Zero.
    pub pad: i32,
    /// Identifier, NUL terminated.
    pub id: [u8; 16],
    /// Driver, NUL terminated.
    pub driver: [u8; 16],
    /// Short name, NUL terminated.
    pub name: [u8; 32],
    /// Long name, NUL terminated.
    pub longname: [u8; 80],
    /// Zero.
    pub reserved: [u8; 16],
    /// Name of the mixer, NUL terminated.
    pub mixername: [u8; 80],
    /// Components, separated by a space, NUL terminated.
    pub components: [u8; 128],
}

/// `struct snd_ctl_elem_id`, 64 bytes.
#[doc(alias = "snd_ctl_elem_id")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ElemId {
    /// Number of the element, from 1; 0: look up by the other members.
    pub numid: u32,
    /// [`iface`].
    pub iface: i32,
    /// Device number.
    pub device: u32,
    /// Subdevice number.
    pub subdevice: u32,
    /// Name, NUL terminated.
    pub name: [u8; NAME_LEN],
    /// Index among elements of one name.
    pub index: u32,
}

/// `struct snd_ctl_elem_list` of a 64-bit client, 80 bytes.
#[doc(alias = "snd_ctl_elem_list")]
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
    pub pids: u64,
    /// Echoed.
    pub reserved: [u8; 50],
    /// Padding.
    pub pad: [u8; 6],
}

/// The range of an INTEGER (of a 64-bit client), BOOLEAN or INTEGER64 element.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Range {
    /// Smallest value.
    pub min: i64,
    /// Largest value.
    pub max: i64,
    /// Distance of values; 0: any.
    pub step: i64,
}

/// The items of an ENUMERATED element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Enumerated {
    /// How many items.
    pub items: u32,
    /// The item asked for, and told.
    pub item: u32,
    /// Its name, NUL terminated.
    pub name: [u8; 64],
    /// Address of the names in the client (ELEM_ADD only).
    pub names_ptr: u64,
    /// Their length in bytes.
    pub names_length: u32,
    /// Padding.
    pub pad: u32,
}

/// The range of an element: a union of [`Range`] and [`Enumerated`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct InfoValue {
    /// The bytes.
    pub bytes: [u8; 128],
}

/// A view of a union as its first member, with the bytes that follow.
macro_rules! view {
    ($name:ident, $member:ty, $rest:literal) => {
        #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct $name {
            member: $member,
            rest: [u8; $rest],
        }
    };
}

/// Accessors through views of the same size.
macro_rules! views {
    ($of:ident: $($doc:literal $get:ident $get_mut:ident $view:ident $member:ty;)*) => {
        impl $of {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $get(&self) -> &$member {
                    let view: &$view = transmute_ref!(self);
                    &view.member
                }

                #[doc = concat!($doc, " For writing.")]
                #[must_use]
                pub fn $get_mut(&mut self) -> &mut $member {
                    let view: &mut $view = transmute_mut!(self);
                    &mut view.member
                }
            )*
        }
    };
}

view!(RangeView, Range, 104);
view!(EnumeratedView, Enumerated, 40);

views! { InfoValue:
    "The range of an INTEGER, BOOLEAN or INTEGER64 element (on 64 bits one layout)." integer integer_mut RangeView Range;
    "The items of an ENUMERATED element." enumerated enumerated_mut EnumeratedView Enumerated;
}

/// `struct snd_ctl_elem_info` of a 64-bit client, 272 bytes.
#[doc(alias = "snd_ctl_elem_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ElemInfo {
    /// The element.
    pub id: ElemId,
    /// [`elem_type`].
    pub elem_type: i32,
    /// [`access`].
    pub access: u32,
    /// How many values.
    pub count: u32,
    /// Process that locked the element, −1 if none; in ELEM_ADD the number of elements.
    pub owner: i32,
    /// Range.
    pub value: InfoValue,
    /// Echoed.
    pub reserved: [u8; 64],
}

/// `struct snd_aes_iec958`, 176 bytes.
#[doc(alias = "snd_aes_iec958")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Iec958 {
    /// Channel status bits.
    pub status: [u8; 24],
    /// Subcode bits.
    pub subcode: [u8; 147],
    /// Unused.
    pub pad: u8,
    /// Subframe bits.
    pub dig_subframe: [u8; 4],
}

/// The values of an element: a union.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct Value {
    /// The bytes.
    pub bytes: [u8; 1024],
}

view!(IntegerView, [i64; 128], 0);
view!(Integer64View, [i64; 64], 512);
view!(ItemsView, [u32; 128], 512);
view!(DataView, [u8; 512], 512);
view!(Iec958View, Iec958, 848);

views! { Value:
    "The values of a BOOLEAN or INTEGER element." integer integer_mut IntegerView [i64; 128];
    "The values of an INTEGER64 element." integer64 integer64_mut Integer64View [i64; 64];
    "The items of an ENUMERATED element." enumerated enumerated_mut ItemsView [u32; 128];
    "The bytes of a BYTES element." data data_mut DataView [u8; 512];
    "The value of an IEC958 element." iec958 iec958_mut Iec958View Iec958;
}

/// `struct snd_ctl_elem_value` of a 64-bit client, 1224 bytes.
#[doc(alias = "snd_ctl_elem_value")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ElemValue {
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

/// `struct snd_ctl_tlv`, the 8 bytes before the payload.
#[doc(alias = "snd_ctl_tlv")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tlv {
    /// The element's number.
    pub numid: u32,
    /// Bytes of payload that follow.
    pub length: u32,
}

/// `struct snd_ctl_event`, 72 bytes: what is read from a subscribed control device.
#[doc(alias = "snd_ctl_event")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Event {
    /// [`event::ELEM`].
    pub event_type: i32,
    /// `event::MASK_*`.
    pub mask: u32,
    /// The element.
    pub id: ElemId,
}
