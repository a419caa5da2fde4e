//! The format table against a second one, written by pairs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use uapi::pcm::format::{self, Endian, FORMATS};

/// Name, number, physical width, width, linear, silence.
type Expected = (&'static str, u32, u32, u32, bool, &'static [u8]);

const EXPECTED: &[Expected] = &[
    ("S8", 0, 8, 8, true, &[0]),
    ("U8", 1, 8, 8, true, &[0x80]),
    ("S16_LE", 2, 16, 16, true, &[0; 2]),
    ("S16_BE", 3, 16, 16, true, &[0; 2]),
    ("U16_LE", 4, 16, 16, true, &[0x00, 0x80]),
    ("U16_BE", 5, 16, 16, true, &[0x80, 0x00]),
    ("S24_LE", 6, 32, 24, true, &[0; 4]),
    ("S24_BE", 7, 32, 24, true, &[0; 4]),
    ("U24_LE", 8, 32, 24, true, &[0x00, 0x00, 0x80, 0x00]),
    ("U24_BE", 9, 32, 24, true, &[0x00, 0x80, 0x00, 0x00]),
    ("S32_LE", 10, 32, 32, true, &[0; 4]),
    ("S32_BE", 11, 32, 32, true, &[0; 4]),
    ("U32_LE", 12, 32, 32, true, &[0x00, 0x00, 0x00, 0x80]),
    ("U32_BE", 13, 32, 32, true, &[0x80, 0x00, 0x00, 0x00]),
    ("FLOAT_LE", 14, 32, 32, false, &[0; 4]),
    ("FLOAT_BE", 15, 32, 32, false, &[0; 4]),
    ("FLOAT64_LE", 16, 64, 64, false, &[0; 8]),
    ("FLOAT64_BE", 17, 64, 64, false, &[0; 8]),
    ("IEC958_SUBFRAME_LE", 18, 32, 32, false, &[0; 4]),
    ("IEC958_SUBFRAME_BE", 19, 32, 32, false, &[0; 4]),
    ("MU_LAW", 20, 8, 8, false, &[0x7f]),
    ("A_LAW", 21, 8, 8, false, &[0x55]),
    ("IMA_ADPCM", 22, 4, 4, false, &[0]),
    ("MPEG", 23, 0, 0, false, &[]),
    ("GSM", 24, 0, 0, false, &[]),
    ("S20_LE", 25, 32, 20, true, &[0; 4]),
    ("S20_BE", 26, 32, 20, true, &[0; 4]),
    ("U20_LE", 27, 32, 20, true, &[0x00, 0x00, 0x08, 0x00]),
    ("U20_BE", 28, 32, 20, true, &[0x00, 0x08, 0x00, 0x00]),
    ("SPECIAL", 31, 0, 0, false, &[]),
    ("S24_3LE", 32, 24, 24, true, &[0; 3]),
    ("S24_3BE", 33, 24, 24, true, &[0; 3]),
    ("U24_3LE", 34, 24, 24, true, &[0x00, 0x00, 0x80]),
    ("U24_3BE", 35, 24, 24, true, &[0x80, 0x00, 0x00]),
    ("S20_3LE", 36, 24, 20, true, &[0; 3]),
    ("S20_3BE", 37, 24, 20, true, &[0; 3]),
    ("U20_3LE", 38, 24, 20, true, &[0x00, 0x00, 0x08]),
    ("U20_3BE", 39, 24, 20, true, &[0x08, 0x00, 0x00]),
    ("S18_3LE", 40, 24, 18, true, &[0; 3]),
    ("S18_3BE", 41, 24, 18, true, &[0; 3]),
    ("U18_3LE", 42, 24, 18, true, &[0x00, 0x00, 0x02]),
    ("U18_3BE", 43, 24, 18, true, &[0x02, 0x00, 0x00]),
    ("G723_24", 44, 3, 3, false, &[0]),
    ("G723_24_1B", 45, 8, 3, false, &[0]),
    ("G723_40", 46, 5, 5, false, &[0]),
    ("G723_40_1B", 47, 8, 5, false, &[0]),
    ("DSD_U8", 48, 8, 8, true, &[0x69]),
    ("DSD_U16_LE", 49, 16, 16, true, &[0x69; 2]),
    ("DSD_U32_LE", 50, 32, 32, true, &[0x69; 4]),
    ("DSD_U16_BE", 51, 16, 16, true, &[0x69; 2]),
    ("DSD_U32_BE", 52, 32, 32, true, &[0x69; 4]),
];

#[test]
fn every_row_is_as_specified() {
    assert_eq!(FORMATS.len(), EXPECTED.len());
    for (row, expected) in FORMATS.iter().zip(EXPECTED) {
        let found = (
            row.name,
            row.number,
            row.physical_width,
            row.width,
            row.linear,
            row.silence,
        );
        assert_eq!(found, *expected);
        assert_eq!(format::row(row.number), Some(row));
    }
}

/// A linear format is signed or unsigned by its name, any other is neither; bytes have an order by their name.
#[test]
fn sign_and_order_are_in_the_name() {
    for row in FORMATS {
        let unsigned = row.name.starts_with('U') || row.name.starts_with("DSD_U");
        assert_eq!(row.signed, row.linear.then_some(!unsigned), "{}", row.name);
        let endian = match row.name {
            name if name.ends_with("LE") => Endian::Little,
            name if name.ends_with("BE") => Endian::Big,
            _ => Endian::Neutral,
        };
        assert_eq!(row.endian, endian, "{}", row.name);
    }
}

/// Half of the range, in the significant bits: the silence of an unsigned linear format.
#[test]
fn unsigned_silence_is_half_the_range() {
    for row in FORMATS
        .iter()
        .filter(|row| row.signed == Some(false) && !row.name.starts_with("DSD"))
    {
        let mut bytes = row.silence.to_vec();
        if row.endian == Endian::Big {
            bytes.reverse();
        }
        let value = bytes
            .iter()
            .rev()
            .fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        assert_eq!(value, 1 << (row.width - 1), "{}", row.name);
    }
}

#[test]
fn silence_is_one_sample_long() {
    for row in FORMATS.iter().filter(|row| row.physical_width != 0) {
        assert_eq!(
            row.silence.len(),
            row.physical_width.div_ceil(8) as usize,
            "{}",
            row.name
        );
    }
}

#[test]
fn what_has_no_fixed_size_has_no_width() {
    for format in [23, 24, 29, 30, 31, 53, 63, 64, u32::MAX] {
        assert_eq!(format::physical_width(format), None, "{format}");
        assert_eq!(format::width(format), None, "{format}");
        assert!(format::silence(format).is_empty(), "{format}");
    }
    assert_eq!(format::physical_width(format::S24_3LE), Some(24));
    assert_eq!(format::width(format::S20_LE), Some(20));
}

#[test]
fn undefined_numbers_count_as_linear_but_those_beyond_the_last_do_not() {
    assert!(format::is_linear(29) && format::is_linear(30));
    assert!(!format::is_linear(31) && !format::is_linear(53));
}

#[test]
fn names_are_understood_in_any_case_and_without_the_machine_s_own_order() {
    assert_eq!(format::parse("S16_LE"), Some(format::S16_LE));
    assert_eq!(format::parse("s24_3le"), Some(format::S24_3LE));
    assert_eq!(format::parse("S24_3"), None);
    assert_eq!(format::parse("DSD_U16_BE"), Some(format::DSD_U16_BE));
    let own = if cfg!(target_endian = "little") {
        format::FLOAT_LE
    } else {
        format::FLOAT_BE
    };
    assert_eq!(format::parse("float"), Some(own));
    assert_eq!(format::parse(""), None);
    assert_eq!(format::parse("S17"), None);
    for row in FORMATS {
        assert_eq!(format::parse(row.name), Some(row.number));
        assert_eq!(format::name(row.number), Some(row.name));
    }
}
