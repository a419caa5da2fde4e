//! The sample formats: one row a format number, and nothing about formats anywhere else.
//!
//! Mirrors `SNDRV_PCM_FORMAT_*`. What a number has no row for, or a row of physical width 0, cannot be computed with.

/// Byte order of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
    /// Samples of at most one byte, or not made of samples.
    Neutral,
}

/// One format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Format number, 0..=52; also its bit in a format mask.
    pub number: u32,
    /// Name without `SNDRV_PCM_FORMAT_`, as alsa-lib spells it.
    pub name: &'static str,
    /// Storage of one sample, bits; 0 where a sample has no fixed size.
    pub physical_width: u32,
    /// Significant bits of one sample; 0 where a sample has no fixed size.
    pub width: u32,
    /// Linear samples.
    pub linear: bool,
    /// Signed, unsigned, or (`None`) neither, as for what is not linear.
    pub signed: Option<bool>,
    /// Byte order.
    pub endian: Endian,
    /// The bytes of one silent sample; one byte for formats of at most 8 bits a sample; empty where unknown.
    pub silence: &'static [u8],
}

use Endian::{Big, Little, Neutral};

const Z1: &[u8] = &[0];
const Z2: &[u8] = &[0; 2];
const Z3: &[u8] = &[0; 3];
const Z4: &[u8] = &[0; 4];
const Z8: &[u8] = &[0; 8];
const SIGNED: Option<bool> = Some(true);
const UNSIGNED: Option<bool> = Some(false);

macro_rules! formats {
    ($($number:literal $id:ident $name:literal $physical:literal $width:literal $linear:literal $signed:ident $endian:ident $silence:expr;)*) => {
        $(#[doc = concat!("`SNDRV_PCM_FORMAT_", $name, "`")] pub const $id: u32 = $number;)*

        /// Every defined format, by number.
        pub const FORMATS: &[Row] = &[$(Row {
            number: $number, name: $name, physical_width: $physical, width: $width, linear: $linear, signed: $signed,
            endian: $endian, silence: $silence,
        }),*];
    };
}

const NEITHER: Option<bool> = None;

formats! {
     0 S8                 "S8"                  8  8 true  SIGNED   Neutral Z1;
     1 U8                 "U8"                  8  8 true  UNSIGNED Neutral &[0x80];
     2 S16_LE             "S16_LE"             16 16 true  SIGNED   Little  Z2;
     3 S16_BE             "S16_BE"             16 16 true  SIGNED   Big     Z2;
     4 U16_LE             "U16_LE"             16 16 true  UNSIGNED Little  &[0, 0x80];
     5 U16_BE             "U16_BE"             16 16 true  UNSIGNED Big     &[0x80, 0];
     6 S24_LE             "S24_LE"             32 24 true  SIGNED   Little  Z4;
     7 S24_BE             "S24_BE"             32 24 true  SIGNED   Big     Z4;
     8 U24_LE             "U24_LE"             32 24 true  UNSIGNED Little  &[0, 0, 0x80, 0];
     9 U24_BE             "U24_BE"             32 24 true  UNSIGNED Big     &[0, 0x80, 0, 0];
    10 S32_LE             "S32_LE"             32 32 true  SIGNED   Little  Z4;
    11 S32_BE             "S32_BE"             32 32 true  SIGNED   Big     Z4;
    12 U32_LE             "U32_LE"             32 32 true  UNSIGNED Little  &[0, 0, 0, 0x80];
    13 U32_BE             "U32_BE"             32 32 true  UNSIGNED Big     &[0x80, 0, 0, 0];
    14 FLOAT_LE           "FLOAT_LE"           32 32 false NEITHER  Little  Z4;
    15 FLOAT_BE           "FLOAT_BE"           32 32 false NEITHER  Big     Z4;
    16 FLOAT64_LE         "FLOAT64_LE"         64 64 false NEITHER  Little  Z8;
    17 FLOAT64_BE         "FLOAT64_BE"         64 64 false NEITHER  Big     Z8;
    18 IEC958_SUBFRAME_LE "IEC958_SUBFRAME_LE" 32 32 false NEITHER  Little  Z4;
    19 IEC958_SUBFRAME_BE "IEC958_SUBFRAME_BE" 32 32 false NEITHER  Big     Z4;
    20 MU_LAW             "MU_LAW"              8  8 false NEITHER  Neutral &[0x7f];
    21 A_LAW              "A_LAW"               8  8 false NEITHER  Neutral &[0x55];
    22 IMA_ADPCM          "IMA_ADPCM"           4  4 false NEITHER  Neutral Z1;
    23 MPEG               "MPEG"                0  0 false NEITHER  Neutral &[];
    24 GSM                "GSM"                 0  0 false NEITHER  Neutral &[];
    25 S20_LE             "S20_LE"             32 20 true  SIGNED   Little  Z4;
    26 S20_BE             "S20_BE"             32 20 true  SIGNED   Big     Z4;
    27 U20_LE             "U20_LE"             32 20 true  UNSIGNED Little  &[0, 0, 8, 0];
    28 U20_BE             "U20_BE"             32 20 true  UNSIGNED Big     &[0, 8, 0, 0];
    31 SPECIAL            "SPECIAL"             0  0 false NEITHER  Neutral &[];
    32 S24_3LE            "S24_3LE"            24 24 true  SIGNED   Little  Z3;
    33 S24_3BE            "S24_3BE"            24 24 true  SIGNED   Big     Z3;
    34 U24_3LE            "U24_3LE"            24 24 true  UNSIGNED Little  &[0, 0, 0x80];
    35 U24_3BE            "U24_3BE"            24 24 true  UNSIGNED Big     &[0x80, 0, 0];
    36 S20_3LE            "S20_3LE"            24 20 true  SIGNED   Little  Z3;
    37 S20_3BE            "S20_3BE"            24 20 true  SIGNED   Big     Z3;
    38 U20_3LE            "U20_3LE"            24 20 true  UNSIGNED Little  &[0, 0, 8];
    39 U20_3BE            "U20_3BE"            24 20 true  UNSIGNED Big     &[8, 0, 0];
    40 S18_3LE            "S18_3LE"            24 18 true  SIGNED   Little  Z3;
    41 S18_3BE            "S18_3BE"            24 18 true  SIGNED   Big     Z3;
    42 U18_3LE            "U18_3LE"            24 18 true  UNSIGNED Little  &[0, 0, 2];
    43 U18_3BE            "U18_3BE"            24 18 true  UNSIGNED Big     &[2, 0, 0];
    44 G723_24            "G723_24"             3  3 false NEITHER  Neutral Z1;
    45 G723_24_1B         "G723_24_1B"          8  3 false NEITHER  Neutral Z1;
    46 G723_40            "G723_40"             5  5 false NEITHER  Neutral Z1;
    47 G723_40_1B         "G723_40_1B"          8  5 false NEITHER  Neutral Z1;
    48 DSD_U8             "DSD_U8"              8  8 true  UNSIGNED Neutral &[0x69];
    49 DSD_U16_LE         "DSD_U16_LE"         16 16 true  UNSIGNED Little  &[0x69; 2];
    50 DSD_U32_LE         "DSD_U32_LE"         32 32 true  UNSIGNED Little  &[0x69; 4];
    51 DSD_U16_BE         "DSD_U16_BE"         16 16 true  UNSIGNED Big     &[0x69; 2];
    52 DSD_U32_BE         "DSD_U32_BE"         32 32 true  UNSIGNED Big     &[0x69; 4];
}

/// Highest format number.
pub const LAST: u32 = DSD_U32_BE;

/// `SNDRV_PCM_SUBFORMAT_*`.
pub mod subformat {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const STD: u32 = 0;
    pub const MSBITS_MAX: u32 = 1;
    pub const MSBITS_20: u32 = 2;
    pub const MSBITS_24: u32 = 3;
}

/// `SNDRV_PCM_ACCESS_*`.
pub mod access {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const MMAP_INTERLEAVED: u32 = 0;
    pub const MMAP_NONINTERLEAVED: u32 = 1;
    pub const MMAP_COMPLEX: u32 = 2;
    pub const RW_INTERLEAVED: u32 = 3;
    pub const RW_NONINTERLEAVED: u32 = 4;
}

/// The row of a format number; `None` for 29, 30 and numbers above [`LAST`].
#[must_use]
pub fn row(format: u32) -> Option<&'static Row> {
    // The rows are sorted by number, with a gap of two after 28.
    FORMATS
        .binary_search_by_key(&format, |row| row.number)
        .ok()
        .and_then(|index| FORMATS.get(index))
}

/// Storage of one sample, bits; `None` where it has no fixed size.
#[must_use]
pub fn physical_width(format: u32) -> Option<u32> {
    row(format)
        .map(|row| row.physical_width)
        .filter(|&bits| bits != 0)
}

/// Significant bits of one sample; `None` where it has no fixed size.
#[must_use]
pub fn width(format: u32) -> Option<u32> {
    row(format).map(|row| row.width).filter(|&bits| bits != 0)
}

/// Whether samples are linear. The two undefined numbers 29 and 30 count as linear, as in the kernel.
#[must_use]
pub fn is_linear(format: u32) -> bool {
    match row(format) {
        Some(row) => row.linear,
        None => matches!(format, 29 | 30),
    }
}

/// Whether samples are signed; `None` where the question makes no sense.
#[must_use]
pub fn is_signed(format: u32) -> Option<bool> {
    row(format).and_then(|row| row.signed)
}

/// The bytes of one silent sample (of up to 8 bits: one byte, which fills any number of samples); empty where unknown.
#[must_use]
pub fn silence(format: u32) -> &'static [u8] {
    row(format).map_or(&[], |row| row.silence)
}

/// The name of a format, without prefix.
#[must_use]
pub fn name(format: u32) -> Option<&'static str> {
    row(format).map(|row| row.name)
}

/// A format number by its name; upper or lower case, and `S16` for the machine's own `S16_LE` and the like.
#[must_use]
pub fn parse(name: &str) -> Option<u32> {
    let own = if cfg!(target_endian = "little") {
        "LE"
    } else {
        "BE"
    };
    let is = |row: &&Row| {
        row.name.eq_ignore_ascii_case(name)
            || row
                .name
                .rsplit_once('_')
                .is_some_and(|(stem, end)| end == own && stem.eq_ignore_ascii_case(name))
    };
    FORMATS.iter().find(is).map(|row| row.number)
}
