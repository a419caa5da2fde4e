//! Samples from one layout to another, without loss: between an ALSA format and what a WAV file holds.

use uapi::pcm::format::{self, Endian};

use super::format::Encoding;

/// How linear samples lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Linear {
    /// Storage, bytes, 1..=4.
    bytes: usize,
    /// Significant bits, the lowest of the storage, 1..=32.
    width: u32,
    signed: bool,
    big: bool,
}

impl Linear {
    fn of_format(number: u32) -> Option<Linear> {
        let row = format::row(number).filter(|row| row.linear && (1..=32).contains(&row.width))?;
        Some(Linear {
            bytes: row.physical_width as usize / 8,
            width: row.width,
            signed: row.signed?,
            big: row.endian == Endian::Big,
        })
    }

    /// In a file the value stands at the top of its container.
    fn of_file(bytes: u16) -> Linear {
        Linear {
            bytes: bytes.into(),
            width: u32::from(bytes) * 8,
            signed: bytes > 1,
            big: false,
        }
    }

    /// Signed, at the top of 32 bits.
    fn load(self, sample: &[u8]) -> u32 {
        let mut word = [0; 4];
        if self.big {
            word.iter_mut()
                .zip(sample.iter().rev())
                .for_each(|(w, s)| *w = *s);
        } else {
            word.iter_mut().zip(sample).for_each(|(w, s)| *w = *s);
        }
        let value = u32::from_le_bytes(word) << (32 - self.width);
        if self.signed { value } else { value ^ 1 << 31 }
    }

    fn store(self, value: u32, sample: &mut [u8]) {
        let down = 32 - self.width;
        let word = if self.signed {
            // The sign goes on through the padding.
            (value as i32 >> down) as u32
        } else {
            (value ^ 1 << 31) >> down
        };
        let word = word.to_le_bytes();
        if self.big {
            sample.iter_mut().rev().zip(word).for_each(|(s, w)| *s = w);
        } else {
            sample.iter_mut().zip(word).for_each(|(s, w)| *s = w);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// As it is.
    Copy,
    /// The bytes of each sample the other way round.
    Reverse,
    Linear {
        from: Linear,
        to: Linear,
    },
}

/// A conversion of samples.
#[derive(Clone, Copy, Debug)]
pub struct Convert {
    step: Step,
    from_bytes: usize,
    to_bytes: usize,
}

impl Convert {
    /// From an ALSA format to the way a file holds it best; `None` where a file cannot.
    #[must_use]
    pub fn to_file(number: u32) -> Option<Convert> {
        let encoding = Encoding::of_format(number)?;
        match encoding {
            Encoding::Int { bytes, .. } => Some(Self::linear(
                Linear::of_format(number)?,
                Linear::of_file(bytes),
            )),
            _ => Self::bits(number),
        }
    }

    /// From a file to an ALSA format; `None` where that would lose something.
    #[must_use]
    pub fn from_file(encoding: Encoding, number: u32) -> Option<Convert> {
        if number >= 64 || encoding.lossless_formats() >> number & 1 == 0 {
            return None;
        }
        match encoding {
            Encoding::Int { bytes, .. } => Some(Self::linear(
                Linear::of_file(bytes),
                Linear::of_format(number)?,
            )),
            _ => Self::bits(number),
        }
    }

    fn linear(from: Linear, to: Linear) -> Convert {
        let step = if from == to {
            Step::Copy
        } else {
            Step::Linear { from, to }
        };
        Convert {
            step,
            from_bytes: from.bytes,
            to_bytes: to.bytes,
        }
    }

    /// The same bits, in a file little-endian.
    fn bits(number: u32) -> Option<Convert> {
        let row = format::row(number)?;
        let bytes = row.physical_width as usize / 8;
        let step = if row.endian == Endian::Big {
            Step::Reverse
        } else {
            Step::Copy
        };
        Some(Convert {
            step,
            from_bytes: bytes,
            to_bytes: bytes,
        })
    }

    /// Bytes of a sample before.
    #[must_use]
    pub fn from_bytes(&self) -> usize {
        self.from_bytes
    }

    /// Bytes of a sample after.
    #[must_use]
    pub fn to_bytes(&self) -> usize {
        self.to_bytes
    }

    /// Converts whole samples: as many as both sides hold. Returns how many bytes of `to` were written.
    pub fn convert(&self, from: &[u8], to: &mut [u8]) -> usize {
        let samples = (from.len() / self.from_bytes).min(to.len() / self.to_bytes);
        let (Some(from), Some(to)) = (
            from.get(..samples * self.from_bytes),
            to.get_mut(..samples * self.to_bytes),
        ) else {
            return 0;
        };
        let written = to.len();
        match self.step {
            Step::Copy => to.copy_from_slice(from),
            Step::Reverse => {
                for (from, to) in from
                    .chunks_exact(self.from_bytes)
                    .zip(to.chunks_exact_mut(self.to_bytes))
                {
                    to.iter_mut()
                        .zip(from.iter().rev())
                        .for_each(|(t, f)| *t = *f);
                }
            }
            Step::Linear { from: a, to: b } => {
                for (from, to) in from
                    .chunks_exact(self.from_bytes)
                    .zip(to.chunks_exact_mut(self.to_bytes))
                {
                    b.store(a.load(from), to);
                }
            }
        }
        written
    }
}
