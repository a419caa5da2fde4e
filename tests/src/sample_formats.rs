//! The sample formats of alsa-lib's programs, described anew and apart from the card, so that tests compare two tellings.

use crate::wav_file::WavFile;

/// How a WAV file holds the samples of a format without loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wav {
    /// Unsigned 8 bits.
    U8,
    /// Signed little-endian samples of this many bytes; narrower values stand at the top.
    Int(usize),
    /// The same bits in little-endian order: IEEE floats, companded bytes.
    Bits(usize),
}

/// A sample format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The name that `aplay -f` takes.
    pub name: &'static str,
    /// Storage bytes of a sample.
    pub bytes: usize,
    /// Significant bits, the lowest of the storage.
    pub bits: u32,
    /// Two's complement rather than offset binary.
    pub signed: bool,
    /// Byte order.
    pub big: bool,
    /// What a WAV file makes of it.
    pub wav: Wav,
}

const fn int(name: &'static str, bytes: usize, bits: u32, signed: bool, big: bool) -> Format {
    let wav = match bits {
        8 => Wav::U8,
        16 => Wav::Int(2),
        32 => Wav::Int(4),
        _ => Wav::Int(3),
    };
    Format {
        name,
        bytes,
        bits,
        signed,
        big,
        wav,
    }
}

const fn bits(name: &'static str, bytes: usize, big: bool) -> Format {
    Format {
        name,
        bytes,
        bits: bytes as u32 * 8,
        signed: true,
        big,
        wav: Wav::Bits(bytes),
    }
}

/// Every linear and float format that alsa-lib's programs name, and the companded ones.
pub const FORMATS: &[Format] = &[
    int("S8", 1, 8, true, false),
    int("U8", 1, 8, false, false),
    int("S16_LE", 2, 16, true, false),
    int("S16_BE", 2, 16, true, true),
    int("U16_LE", 2, 16, false, false),
    int("U16_BE", 2, 16, false, true),
    int("S24_LE", 4, 24, true, false),
    int("S24_BE", 4, 24, true, true),
    int("U24_LE", 4, 24, false, false),
    int("U24_BE", 4, 24, false, true),
    int("S32_LE", 4, 32, true, false),
    int("S32_BE", 4, 32, true, true),
    int("U32_LE", 4, 32, false, false),
    int("U32_BE", 4, 32, false, true),
    bits("FLOAT_LE", 4, false),
    bits("FLOAT_BE", 4, true),
    bits("FLOAT64_LE", 8, false),
    bits("FLOAT64_BE", 8, true),
    int("S20_LE", 4, 20, true, false),
    int("S20_BE", 4, 20, true, true),
    int("U20_LE", 4, 20, false, false),
    int("U20_BE", 4, 20, false, true),
    int("S24_3LE", 3, 24, true, false),
    int("S24_3BE", 3, 24, true, true),
    int("U24_3LE", 3, 24, false, false),
    int("U24_3BE", 3, 24, false, true),
    int("S20_3LE", 3, 20, true, false),
    int("S20_3BE", 3, 20, true, true),
    int("U20_3LE", 3, 20, false, false),
    int("U20_3BE", 3, 20, false, true),
    int("S18_3LE", 3, 18, true, false),
    int("S18_3BE", 3, 18, true, true),
    int("U18_3LE", 3, 18, false, false),
    int("U18_3BE", 3, 18, false, true),
    bits("MU_LAW", 1, false),
    bits("A_LAW", 1, false),
];

impl Format {
    /// Makes `count` samples of noise, with padding bits as a program would leave them (the sign goes on, or zero).
    #[must_use]
    pub fn noise(&self, count: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut out = Vec::with_capacity(count * self.bytes);
        for _ in 0..count {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Never zero at the top: leading silence then tells where the sound begins.
            let value = (state >> 8) | 1;
            let value = match self.wav {
                // Halves the exponent's reach, so that no value is an infinity or NaN.
                Wav::Bits(4) => value & 0xbfff_ffff,
                Wav::Bits(8) => value & 0xbfff_ffff_ffff_ffff,
                _ if self.signed => {
                    let shift = 64 - self.bits;
                    (((value << shift) as i64) >> shift) as u64
                }
                _ => value & (u64::MAX >> (64 - self.bits)),
            };
            let bytes = value.to_le_bytes();
            if self.big {
                out.extend(bytes[..self.bytes].iter().rev());
            } else {
                out.extend(&bytes[..self.bytes]);
            }
        }
        out
    }

    /// One silent sample.
    #[must_use]
    pub fn silence(&self) -> Vec<u8> {
        let value = match self.name {
            "MU_LAW" => 0x7f,
            "A_LAW" => 0x55,
            _ if self.signed => 0u64,
            _ => 1 << (self.bits - 1),
        };
        let mut bytes = value.to_le_bytes()[..self.bytes].to_vec();
        if self.big {
            bytes.reverse();
        }
        bytes
    }

    /// What a WAV file holds for these samples.
    #[must_use]
    pub fn to_wav(&self, samples: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(samples.len());
        for sample in samples.chunks_exact(self.bytes) {
            let mut word = [0u8; 8];
            for (i, byte) in sample.iter().enumerate() {
                word[if self.big { self.bytes - 1 - i } else { i }] = *byte;
            }
            let raw = u64::from_le_bytes(word);
            match self.wav {
                Wav::Bits(n) => out.extend(&word[..n]),
                Wav::U8 => out.push(if self.signed {
                    (raw as u8) ^ 0x80
                } else {
                    raw as u8
                }),
                Wav::Int(n) => {
                    let flip = if self.signed { 0 } else { 1 << (self.bits - 1) };
                    let value = (raw ^ flip) << (n as u32 * 8 - self.bits);
                    out.extend(&value.to_le_bytes()[..n]);
                }
            }
        }
        out
    }
}

/// A WAV file of stereo S16 noise at 48 kHz.
#[must_use]
pub fn noise_file(frames: usize, seed: u64) -> WavFile {
    let format = FORMATS.iter().find(|f| f.name == "S16_LE");
    WavFile {
        tag: 1,
        channels: 2,
        rate: 48000,
        bits: 16,
        data: format.map_or(Vec::new(), |f| f.noise(frames * 2, seed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(name: &str) -> &'static Format {
        FORMATS
            .iter()
            .find(|f| f.name == name)
            .expect("a listed format")
    }

    #[test]
    fn unsigned_big_endian_becomes_signed_little_endian() {
        assert_eq!(
            format("U16_BE").to_wav(&[0x80, 0x01, 0x00, 0x00]),
            [0x01, 0x00, 0x00, 0x80]
        );
    }

    #[test]
    fn twenty_bits_stand_at_the_top_of_twenty_four() {
        assert_eq!(
            format("S20_LE").to_wav(&[0xff, 0xff, 0x07, 0x00]),
            [0xf0, 0xff, 0x7f]
        );
    }

    #[test]
    fn noise_fills_whole_samples() {
        for f in FORMATS {
            assert_eq!(f.noise(7, 3).len(), 7 * f.bytes, "{}", f.name);
        }
    }
}
