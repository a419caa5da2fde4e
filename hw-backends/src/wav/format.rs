//! How a WAV file holds samples, and its header.
//!
//! The header is our own, not `hound`'s: `hound` rewrites sizes only when told to, cannot write 64-bit floats, µ-law,
//! A-law or 20 valid bits, and may leave sizes that lead the data. Here the whole header is a few bytes made anew for each
//! block, so that it goes out in one write.

use std::fmt;

use uapi::pcm::format;

/// Kinds of samples in a WAV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Integers in `bytes` (1..=4) little-endian bytes, of which the upper `valid` bits count. One byte is unsigned, more
    /// are signed.
    Int {
        /// Container, bytes.
        bytes: u16,
        /// Significant bits, 1..=8 × bytes.
        valid: u16,
    },
    /// IEEE float, 32 bits.
    Float32,
    /// IEEE float, 64 bits.
    Float64,
    /// ITU G.711 µ-law.
    MuLaw,
    /// ITU G.711 A-law.
    ALaw,
}

const TAG_PCM: u16 = 1;
const TAG_FLOAT: u16 = 3;
const TAG_ALAW: u16 = 6;
const TAG_MULAW: u16 = 7;
const TAG_EXTENSIBLE: u16 = 0xfffe;

/// What follows the tag in the GUID of an extensible header's sample kind.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

impl Encoding {
    /// How the samples of an ALSA format are held without loss; `None` where a WAV file cannot. 18 and 20 bits stand at the
    /// top of 24, all of which are said to count: a header that tells them apart is refused by sox ("padded samples").
    #[must_use]
    pub fn of_format(number: u32) -> Option<Encoding> {
        match number {
            format::FLOAT_LE | format::FLOAT_BE => Some(Encoding::Float32),
            format::FLOAT64_LE | format::FLOAT64_BE => Some(Encoding::Float64),
            format::MU_LAW => Some(Encoding::MuLaw),
            format::A_LAW => Some(Encoding::ALaw),
            format::DSD_U8..=format::DSD_U32_BE => None,
            _ => {
                let row = format::row(number).filter(|row| row.linear)?;
                let bytes = u16::try_from(row.width.div_ceil(8)).ok()?;
                Some(Encoding::Int {
                    bytes,
                    valid: bytes * 8,
                })
            }
        }
    }

    /// The ALSA formats, as a mask, that take every sample of this encoding without loss.
    #[must_use]
    pub fn lossless_formats(self) -> u64 {
        let takes = |row: &&format::Row| match (self, Encoding::of_format(row.number)) {
            (Encoding::Int { valid, .. }, Some(Encoding::Int { .. })) => row.width >= valid.into(),
            (from, to) => Some(from) == to,
        };
        format::FORMATS
            .iter()
            .filter(takes)
            .fold(0, |mask, row| mask | 1 << row.number)
    }

    /// Bytes of one sample.
    #[must_use]
    pub fn bytes(self) -> u16 {
        match self {
            Encoding::Int { bytes, .. } => bytes,
            Encoding::Float32 => 4,
            Encoding::Float64 => 8,
            Encoding::MuLaw | Encoding::ALaw => 1,
        }
    }

    fn valid_bits(self) -> u16 {
        match self {
            Encoding::Int { valid, .. } => valid,
            other => other.bytes() * 8,
        }
    }

    fn tag(self) -> u16 {
        match self {
            Encoding::Int { .. } => TAG_PCM,
            Encoding::Float32 | Encoding::Float64 => TAG_FLOAT,
            Encoding::MuLaw => TAG_MULAW,
            Encoding::ALaw => TAG_ALAW,
        }
    }
}

/// The parameters of a WAV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Kind of samples.
    pub encoding: Encoding,
    /// Channels, at least 1.
    pub channels: u16,
    /// Rate, Hz.
    pub rate: u32,
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.encoding {
            Encoding::Int { valid, .. } => write!(f, "{valid} bit")?,
            Encoding::Float32 => f.write_str("32 bit float")?,
            Encoding::Float64 => f.write_str("64 bit float")?,
            Encoding::MuLaw => f.write_str("µ-law")?,
            Encoding::ALaw => f.write_str("A-law")?,
        }
        let s = if self.channels == 1 { "" } else { "s" };
        write!(f, ", {} Hz, {} channel{s}", self.rate, self.channels)
    }
}

/// The bytes before the samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header(Vec<u8>);

/// Longest header, bytes: extensible, with a fact chunk.
pub const HEADER_MAX: usize = 12 + 8 + 40 + 12 + 8;

impl Header {
    /// Room for any header.
    #[must_use]
    pub fn new() -> Header {
        Header(Vec::with_capacity(HEADER_MAX))
    }

    /// The bytes; samples begin after them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes the header of a file with `data_bytes` bytes of samples. Allocates nothing.
    pub fn fill(&mut self, spec: &Spec, data_bytes: u32) {
        let encoding = spec.encoding;
        let block = encoding.bytes().saturating_mul(spec.channels);
        let bits = encoding.bytes() * 8;
        let extensible = spec.channels > 2 || encoding.valid_bits() != bits;
        let plain_pcm = encoding.tag() == TAG_PCM;
        self.0.clear();
        self.put(b"RIFF");
        self.put(&[0; 4]);
        self.put(b"WAVEfmt ");
        self.put(
            &(if extensible {
                40u32
            } else if plain_pcm {
                16
            } else {
                18
            })
            .to_le_bytes(),
        );
        self.put(
            &(if extensible {
                TAG_EXTENSIBLE
            } else {
                encoding.tag()
            })
            .to_le_bytes(),
        );
        self.put(&spec.channels.to_le_bytes());
        self.put(&spec.rate.to_le_bytes());
        self.put(&spec.rate.saturating_mul(u32::from(block)).to_le_bytes());
        self.put(&block.to_le_bytes());
        self.put(&bits.to_le_bytes());
        if extensible {
            self.put(&22u16.to_le_bytes());
            self.put(&encoding.valid_bits().to_le_bytes());
            // No positions are claimed: the order of channels is the client's.
            self.put(&0u32.to_le_bytes());
            self.put(&encoding.tag().to_le_bytes());
            self.put(&GUID_TAIL);
        } else if !plain_pcm {
            self.put(&0u16.to_le_bytes());
        }
        if !plain_pcm {
            self.put(b"fact");
            self.put(&4u32.to_le_bytes());
            self.put(&(data_bytes / u32::from(block.max(1))).to_le_bytes());
        }
        self.put(b"data");
        self.put(&data_bytes.to_le_bytes());
        // Everything after this field, with the pad byte that makes the data's length even.
        let riff = (self.0.len() as u64 - 8) + u64::from(data_bytes) + u64::from(data_bytes % 2);
        if let Some(size) = self.0.get_mut(4..8) {
            size.copy_from_slice(&u32::try_from(riff).unwrap_or(u32::MAX).to_le_bytes());
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// The most bytes of samples a file can hold: sizes are 32 bits.
pub const DATA_MAX: u64 = u32::MAX as u64 - HEADER_MAX as u64 - 1;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Parameters.
    pub spec: Spec,
    /// Where the samples begin, bytes from the start of the file.
    pub data_offset: u64,
    /// Whole frames of samples, bytes.
    pub data_bytes: u64,
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// No RIFF/WAVE file at all.
    NotWav,
    /// The file ends before what its header promises: claimed and present bytes of samples.
    Truncated {
        /// Bytes of samples by the header.
        claimed: u64,
        /// Bytes that there are.
        present: u64,
    },
    /// The header ends early, or is inconsistent.
    BadHeader,
    /// Samples of a kind that no ALSA format has.
    Unsupported {
        /// Format tag.
        tag: u16,
        /// Bits of a sample.
        bits: u16,
    },
    /// No samples.
    Empty,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bad::NotWav => f.write_str("it is not a WAV file"),
            Bad::Truncated { claimed, present } => {
                write!(
                    f,
                    "it is truncated: its header promises {claimed} bytes of samples, {present} are there"
                )
            }
            Bad::BadHeader => f.write_str("its WAV header is damaged"),
            Bad::Unsupported { tag, bits } => write!(
                f,
                "its samples ({bits} bits, format tag {tag:#06x}) are of no ALSA format"
            ),
            Bad::Empty => f.write_str("it holds no samples"),
        }
    }
}

/// Sizes that programs write into a header when they stream and do not know the length.
const UNKNOWN_SIZES: [u32; 5] = [0, 0xffff_ffff, 0x7fff_ffff, 0x7fff_f000, 0xffff_f000];

/// Reads the header of a file of `length` bytes through `read(offset, into)`, which gives false past the end. Chunks
/// before the samples are skipped.
///
/// # Errors
/// What is wrong with the file.
pub fn parse(length: u64, mut read: impl FnMut(u64, &mut [u8]) -> bool) -> Result<Contents, Bad> {
    let mut riff = [0; 12];
    if !read(0, &mut riff) || !riff.starts_with(b"RIFF") || !riff.ends_with(b"WAVE") {
        return Err(Bad::NotWav);
    }
    let mut spec = None;
    let mut at = 12u64;
    loop {
        let mut chunk = [0; 8];
        if !read(at, &mut chunk) {
            return Err(Bad::BadHeader);
        }
        let [a, b, c, d, size @ ..] = chunk;
        let size = u32::from_le_bytes(size);
        at += 8;
        match &[a, b, c, d] {
            b"fmt " => {
                let mut fmt = [0; 40];
                let n = usize::try_from(size).unwrap_or(40).min(40);
                if n < 16 || !fmt.get_mut(..n).is_some_and(|into| read(at, into)) {
                    return Err(Bad::BadHeader);
                }
                spec = Some(parse_fmt(&fmt)?);
            }
            b"data" => return data(spec.ok_or(Bad::BadHeader)?, length, at, size),
            _ => {}
        }
        at += u64::from(size) + u64::from(size % 2);
    }
}

fn data(spec: Spec, length: u64, data_offset: u64, size: u32) -> Result<Contents, Bad> {
    let present = length.saturating_sub(data_offset);
    let claimed = u64::from(size);
    let unknown = UNKNOWN_SIZES.contains(&size) && claimed != present;
    if !unknown && claimed > present {
        return Err(Bad::Truncated { claimed, present });
    }
    let frame = u64::from(spec.channels) * u64::from(spec.encoding.bytes());
    let bytes = if unknown { present } else { claimed };
    let data_bytes = bytes - bytes % frame;
    if data_bytes == 0 {
        return Err(Bad::Empty);
    }
    Ok(Contents {
        spec,
        data_offset,
        data_bytes,
    })
}

fn parse_fmt(fmt: &[u8; 40]) -> Result<Spec, Bad> {
    let short = |at: usize| match fmt.get(at..at + 2) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => 0,
    };
    let (tag, channels, block, bits) = (short(0), short(2), short(12), short(14));
    let rate = u32::from(short(4)) | u32::from(short(6)) << 16;
    if channels == 0 || rate == 0 || block == 0 || block % channels != 0 {
        return Err(Bad::BadHeader);
    }
    let bytes = block / channels;
    let (kind, valid) = match tag {
        TAG_EXTENSIBLE => (short(24), if short(18) == 0 { bits } else { short(18) }),
        _ => (tag, bits),
    };
    let encoding = match (kind, bytes) {
        (TAG_PCM, 1..=4) if (1..=bytes * 8).contains(&valid) => Encoding::Int { bytes, valid },
        (TAG_FLOAT, 4) => Encoding::Float32,
        (TAG_FLOAT, 8) => Encoding::Float64,
        (TAG_MULAW, 1) => Encoding::MuLaw,
        (TAG_ALAW, 1) => Encoding::ALaw,
        _ => return Err(Bad::Unsupported { tag: kind, bits }),
    };
    Ok(Spec {
        encoding,
        channels,
        rate,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::bench::noise;

    fn parse_bytes(bytes: &[u8]) -> Result<Contents, Bad> {
        parse(bytes.len() as u64, |at, into| {
            let from = usize::try_from(at)
                .ok()
                .and_then(|at| bytes.get(at..))
                .unwrap_or(&[]);
            let Some(from) = from.get(..into.len()) else {
                return false;
            };
            into.copy_from_slice(from);
            true
        })
    }

    const SPECS: [Spec; 6] = [
        Spec {
            encoding: Encoding::Int {
                bytes: 2,
                valid: 16,
            },
            channels: 2,
            rate: 44100,
        },
        Spec {
            encoding: Encoding::Int {
                bytes: 3,
                valid: 20,
            },
            channels: 1,
            rate: 768_000,
        },
        Spec {
            encoding: Encoding::Int {
                bytes: 4,
                valid: 32,
            },
            channels: 32,
            rate: 4000,
        },
        Spec {
            encoding: Encoding::Float32,
            channels: 1,
            rate: 8000,
        },
        Spec {
            encoding: Encoding::Float64,
            channels: 6,
            rate: 48000,
        },
        Spec {
            encoding: Encoding::ALaw,
            channels: 1,
            rate: 8000,
        },
    ];

    fn file(spec: &Spec, frames: u32) -> Vec<u8> {
        let data = frames * u32::from(spec.channels) * u32::from(spec.encoding.bytes());
        let mut header = Header::new();
        header.fill(spec, data);
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(bytes.len() + data as usize, 7);
        bytes
    }

    #[test]
    fn what_a_header_says_is_read_back() {
        for spec in SPECS {
            let contents = parse_bytes(&file(&spec, 5)).unwrap();

            assert_eq!(contents.spec, spec);
            assert_eq!(
                contents.data_bytes,
                5 * u64::from(spec.channels) * u64::from(spec.encoding.bytes())
            );
        }
    }

    #[test]
    fn a_header_fits_the_room_made_for_it() {
        for spec in SPECS {
            assert!(file(&spec, 0).len() <= HEADER_MAX);
        }
    }

    #[test]
    fn sizes_of_the_longest_file_fit_32_bits() {
        let mut header = Header::new();
        header.fill(&SPECS[5], u32::try_from(DATA_MAX).unwrap());

        let riff = u32::from_le_bytes(header.as_bytes()[4..8].try_into().unwrap());
        assert!(riff < u32::MAX);
    }

    #[test]
    fn other_chunks_are_skipped_with_their_pad_byte() {
        let mut bytes = file(&SPECS[0], 3);
        bytes.splice(12..12, *b"LIST\x03\0\0\0abc\0");

        assert_eq!(parse_bytes(&bytes).unwrap().data_offset, 56);
    }

    #[test]
    fn a_streamed_file_without_a_length_goes_to_its_end() {
        for unknown in [0, u32::MAX] {
            let mut bytes = file(&SPECS[0], 3);
            bytes[40..44].copy_from_slice(&u32::to_le_bytes(unknown));

            assert_eq!(parse_bytes(&bytes).unwrap().data_bytes, 12);
        }
    }

    #[test]
    fn damaged_files_are_refused_and_never_panic() {
        for spec in SPECS {
            let whole = file(&spec, 2);
            for cut in 0..whole.len() {
                assert!(parse_bytes(&whole[..cut]).is_err());
            }
            for seed in 1..3000 {
                let mut bytes = whole.clone();
                let dice = noise(12, seed * 7919);
                for pair in dice.chunks_exact(2) {
                    let at = usize::from(pair[0]) % bytes.len();
                    bytes[at] = pair[1];
                }
                if let Ok(contents) = parse_bytes(&bytes) {
                    assert!(contents.data_offset + contents.data_bytes <= bytes.len() as u64);
                    assert!(
                        contents.data_bytes > 0
                            && contents.spec.channels > 0
                            && contents.spec.rate > 0
                    );
                }
            }
        }
    }

    #[test]
    fn samples_of_no_alsa_format_are_named() {
        let mut bytes = file(&SPECS[0], 2);
        bytes[20] = 0x11;

        assert_eq!(
            parse_bytes(&bytes),
            Err(Bad::Unsupported {
                tag: 0x11,
                bits: 16
            })
        );
    }
}
