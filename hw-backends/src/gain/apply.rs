//! The data path of a gain: samples of any format, multiplied in place.
//!
//! Linear samples are multiplied as integers with rounding to the nearest, floating ones as floats. Formats that cannot
//! be computed with (companded, DSD, IEC958 subframes) know only on and off.

use uapi::pcm::format::{self, Endian, Row};

use super::{CHANNELS, Gain, UNITY};

/// Half of the unit of a factor, for rounding.
const HALF: i64 = (UNITY / 2) as i64;

/// How the samples of a stretch are laid out: which factor each one takes.
#[derive(Clone, Copy)]
struct Factors {
    of: [u32; CHANNELS],
    channels: u32,
}

impl Gain {
    /// Applies the gain in place to interleaved samples, whole frames from channel 0 on. A silent channel becomes the
    /// format's silence; at full volume the bytes are untouched. `format` is a `SNDRV_PCM_FORMAT_*` number.
    pub fn apply(&self, format: u32, channels: u32, bytes: &mut [u8]) {
        let mut of = [UNITY; CHANNELS];
        for (channel, factor) in of.iter_mut().enumerate().take(channels as usize) {
            *factor = self.factor(channel);
        }
        apply(
            format,
            Factors {
                of,
                channels: channels.max(1),
            },
            bytes,
        );
    }

    /// Applies the gain in place to the samples of one channel (non-interleaved), as [`Gain::apply`].
    pub fn apply_channel(&self, format: u32, channel: u32, bytes: &mut [u8]) {
        let factor = self.factor(channel as usize);
        apply(
            format,
            Factors {
                of: [factor; CHANNELS],
                channels: 1,
            },
            bytes,
        );
    }
}

impl Factors {
    /// Calls `f(factor, sample)` on each sample of `size` bytes; a rest that is no whole sample stays as it is.
    fn each(self, size: usize, bytes: &mut [u8], mut f: impl FnMut(u32, &mut [u8])) {
        let mut channel = 0;
        for sample in bytes.chunks_exact_mut(size.max(1)) {
            let factor = if channel == 0 {
                self.of[0]
            } else {
                self.of[CHANNELS - 1]
            };
            if factor != UNITY {
                f(factor, sample);
            }
            channel += 1;
            if channel == self.channels {
                channel = 0;
            }
        }
    }

    fn is_unity(self) -> bool {
        self.of.iter().all(|&f| f == UNITY)
    }

    fn is_silent(self) -> bool {
        self.of.iter().take(self.channels as usize).all(|&f| f == 0)
    }
}

// Two factors serve all channels: `each` names the first and the last.
const _: () = assert!(CHANNELS == 2);

fn apply(number: u32, factors: Factors, bytes: &mut [u8]) {
    if factors.is_unity() {
        return;
    }
    let Some(row) = format::row(number) else {
        return;
    };
    match (number, row.signed, row.physical_width) {
        (format::FLOAT_LE | format::FLOAT_BE, ..) => floats32(row, factors, bytes),
        (format::FLOAT64_LE | format::FLOAT64_BE, ..) => floats64(row, factors, bytes),
        (format::DSD_U8..=format::DSD_U32_BE, ..) => switch(row, factors, bytes),
        (_, Some(_), 8) => integers::<1>(row, factors, bytes),
        (_, Some(_), 16) => integers::<2>(row, factors, bytes),
        (_, Some(_), 24) => integers::<3>(row, factors, bytes),
        (_, Some(_), 32) => integers::<4>(row, factors, bytes),
        _ => switch(row, factors, bytes),
    }
}

/// Linear samples of `N` bytes.
fn integers<const N: usize>(row: &Row, factors: Factors, bytes: &mut [u8]) {
    let big = row.endian == Endian::Big;
    let signed = row.signed == Some(true);
    let unused = 64 - row.width.clamp(1, 32);
    // Half the range: the middle of unsigned samples, and one more than the largest value.
    let middle = 1i64 << (63 - unused);
    factors.each(N, bytes, |factor, sample| {
        let mut word = [0; 8];
        if big {
            word.iter_mut()
                .zip(sample.iter().rev())
                .for_each(|(w, s)| *w = *s);
        } else {
            word.iter_mut()
                .zip(sample.iter())
                .for_each(|(w, s)| *w = *s);
        }
        let raw = u64::from_le_bytes(word) << unused;
        let value = if signed {
            (raw as i64) >> unused
        } else {
            (raw >> unused) as i64 - middle
        };
        let scaled = ((value * i64::from(factor) + HALF) >> 31).clamp(-middle, middle - 1);
        let word = if signed { scaled } else { scaled + middle }.to_le_bytes();
        if big {
            sample.iter_mut().rev().zip(word).for_each(|(s, w)| *s = w);
        } else {
            sample.iter_mut().zip(word).for_each(|(s, w)| *s = w);
        }
    });
}

fn floats32(row: &Row, factors: Factors, bytes: &mut [u8]) {
    let big = row.endian == Endian::Big;
    factors.each(4, bytes, |factor, sample| {
        let Ok(word) = <[u8; 4]>::try_from(&*sample) else {
            return;
        };
        let value = if big {
            f32::from_be_bytes(word)
        } else {
            f32::from_le_bytes(word)
        };
        let scaled = if factor == 0 {
            0.0
        } else {
            (f64::from(value) * fraction(factor)) as f32
        };
        sample.copy_from_slice(&if big {
            scaled.to_be_bytes()
        } else {
            scaled.to_le_bytes()
        });
    });
}

fn floats64(row: &Row, factors: Factors, bytes: &mut [u8]) {
    let big = row.endian == Endian::Big;
    factors.each(8, bytes, |factor, sample| {
        let Ok(word) = <[u8; 8]>::try_from(&*sample) else {
            return;
        };
        let value = if big {
            f64::from_be_bytes(word)
        } else {
            f64::from_le_bytes(word)
        };
        let scaled = if factor == 0 {
            0.0
        } else {
            value * fraction(factor)
        };
        sample.copy_from_slice(&if big {
            scaled.to_be_bytes()
        } else {
            scaled.to_le_bytes()
        });
    });
}

fn fraction(factor: u32) -> f64 {
    f64::from(factor) / f64::from(UNITY)
}

/// Formats without arithmetic: silence where a channel is silent. Where samples share bytes, only all channels at once.
fn switch(row: &Row, factors: Factors, bytes: &mut [u8]) {
    let Some(&first) = row.silence.first() else {
        return;
    };
    if row.physical_width % 8 != 0 {
        if factors.is_silent() {
            bytes.fill(first);
        }
        return;
    }
    factors.each(row.physical_width as usize / 8, bytes, |factor, sample| {
        if factor == 0 {
            sample
                .iter_mut()
                .zip(row.silence)
                .for_each(|(s, b)| *s = *b);
        }
    });
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]

    use super::*;

    /// −6.02 dB is not on the grid: a factor of exactly one half, to see the arithmetic.
    fn half(format: u32, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        apply(
            format,
            Factors {
                of: [UNITY / 2; CHANNELS],
                channels: 1,
            },
            &mut out,
        );
        out
    }

    /// A format, samples, half of them.
    type Row<'a> = (u32, &'a [u8], &'a [u8]);

    /// Largest and smallest value of each format, and small ones; rounded to the nearest, half up.
    #[rustfmt::skip]
    const HALVES: &[Row<'_>] = &[
        (format::S8, &[0x7f, 0x80, 3], &[0x40, 0xc0, 2]),
        (format::U8, &[0xff, 0x00, 0x83], &[0xc0, 0x40, 0x82]),
        (format::S16_LE, &[0xff, 0x7f, 0, 0x80, 4, 0], &[0, 0x40, 0, 0xc0, 2, 0]),
        (format::S16_BE, &[0x7f, 0xff, 0x80, 0, 0, 4], &[0x40, 0, 0xc0, 0, 0, 2]),
        (format::U16_LE, &[0xff, 0xff, 0, 0, 4, 0x80], &[0, 0xc0, 0, 0x40, 2, 0x80]),
        (format::U16_BE, &[0xff, 0xff, 0, 0, 0x80, 4], &[0xc0, 0, 0x40, 0, 0x80, 2]),
        (format::S24_LE, &[0xff, 0xff, 0x7f, 0, 0, 0, 0x80, 0xff], &[0, 0, 0x40, 0, 0, 0, 0xc0, 0xff]),
        (format::S24_BE, &[0, 0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0], &[0, 0x40, 0, 0, 0xff, 0xc0, 0, 0]),
        (format::U24_LE, &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0], &[0, 0, 0xc0, 0, 0, 0, 0x40, 0]),
        (format::U24_BE, &[0, 0xff, 0xff, 0xff, 0, 0, 0, 0], &[0, 0xc0, 0, 0, 0, 0x40, 0, 0]),
        (format::S32_LE, &[0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0x80], &[0, 0, 0, 0x40, 0, 0, 0, 0xc0]),
        (format::S32_BE, &[0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0], &[0x40, 0, 0, 0, 0xc0, 0, 0, 0]),
        (format::U32_LE, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], &[0, 0, 0, 0xc0, 0, 0, 0, 0x40]),
        (format::U32_BE, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], &[0xc0, 0, 0, 0, 0x40, 0, 0, 0]),
        (format::S20_LE, &[0xff, 0xff, 7, 0, 0, 0, 0xf8, 0xff], &[0, 0, 4, 0, 0, 0, 0xfc, 0xff]),
        (format::S20_BE, &[0, 7, 0xff, 0xff, 0xff, 0xf8, 0, 0], &[0, 4, 0, 0, 0xff, 0xfc, 0, 0]),
        (format::U20_LE, &[0xff, 0xff, 0xf, 0, 0, 0, 0, 0], &[0, 0, 0xc, 0, 0, 0, 4, 0]),
        (format::U20_BE, &[0, 0xf, 0xff, 0xff, 0, 0, 0, 0], &[0, 0xc, 0, 0, 0, 4, 0, 0]),
        (format::S24_3LE, &[0xff, 0xff, 0x7f, 0, 0, 0x80], &[0, 0, 0x40, 0, 0, 0xc0]),
        (format::S24_3BE, &[0x7f, 0xff, 0xff, 0x80, 0, 0], &[0x40, 0, 0, 0xc0, 0, 0]),
        (format::U24_3LE, &[0xff, 0xff, 0xff, 0, 0, 0], &[0, 0, 0xc0, 0, 0, 0x40]),
        (format::U24_3BE, &[0xff, 0xff, 0xff, 0, 0, 0], &[0xc0, 0, 0, 0x40, 0, 0]),
        (format::S20_3LE, &[0xff, 0xff, 7, 0, 0, 0xf8], &[0, 0, 4, 0, 0, 0xfc]),
        (format::S20_3BE, &[7, 0xff, 0xff, 0xf8, 0, 0], &[4, 0, 0, 0xfc, 0, 0]),
        (format::U20_3LE, &[0xff, 0xff, 0xf, 0, 0, 0], &[0, 0, 0xc, 0, 0, 4]),
        (format::U20_3BE, &[0xf, 0xff, 0xff, 0, 0, 0], &[0xc, 0, 0, 4, 0, 0]),
        (format::S18_3LE, &[0xff, 0xff, 1, 0, 0, 0xfe], &[0, 0, 1, 0, 0, 0xff]),
        (format::S18_3BE, &[1, 0xff, 0xff, 0xfe, 0, 0], &[1, 0, 0, 0xff, 0, 0]),
        (format::U18_3LE, &[0xff, 0xff, 3, 0, 0, 0], &[0, 0, 3, 0, 0, 1]),
        (format::U18_3BE, &[3, 0xff, 0xff, 0, 0, 0], &[3, 0, 0, 1, 0, 0]),
    ];

    #[test]
    fn half_of_the_largest_and_smallest_sample_of_each_linear_format() {
        for (format, input, want) in HALVES {
            assert_eq!(&half(*format, input), want, "{:?}", format::name(*format));
        }
        let linear = format::FORMATS
            .iter()
            .filter(|row| row.linear && row.number < format::DSD_U8);
        assert_eq!(
            linear.count(),
            HALVES.len(),
            "every linear format has its row here"
        );
    }

    #[test]
    fn half_of_floats_in_both_orders() {
        assert_eq!(
            half(format::FLOAT_LE, &0.5f32.to_le_bytes()),
            0.25f32.to_le_bytes()
        );
        assert_eq!(
            half(format::FLOAT_BE, &(-3.0f32).to_be_bytes()),
            (-1.5f32).to_be_bytes()
        );
        assert_eq!(
            half(format::FLOAT64_LE, &0.5f64.to_le_bytes()),
            0.25f64.to_le_bytes()
        );
        assert_eq!(
            half(format::FLOAT64_BE, &1e300f64.to_be_bytes()),
            5e299f64.to_be_bytes()
        );
        let infinite = half(format::FLOAT_LE, &f32::INFINITY.to_le_bytes());
        assert_eq!(infinite, f32::INFINITY.to_le_bytes());
    }

    #[test]
    fn full_volume_leaves_every_byte_of_every_format_untouched() {
        let gain = Gain::default();
        let bytes: Vec<u8> = (0..=255).collect();
        for format in 0..60 {
            let mut out = bytes.clone();
            gain.apply(format, 2, &mut out);
            assert_eq!(out, bytes, "format {format}");
        }
    }

    #[test]
    fn switched_off_is_the_silence_of_every_format() {
        let gain = Gain::default();
        gain.set_on(0, false);
        gain.set_on(1, false);
        for row in format::FORMATS.iter().filter(|row| row.physical_width != 0) {
            let mut out: Vec<u8> = (0..48).map(|b| b * 5 + 1).collect();
            gain.apply(row.number, 2, &mut out);
            let silence: Vec<u8> = row.silence.iter().copied().cycle().take(48).collect();
            assert_eq!(out, silence, "{}", row.name);
        }
    }

    #[test]
    fn silence_stays_silence_at_any_volume() {
        let gain = Gain::default();
        gain.set_volume(0, -1050);
        gain.set_volume(1, -1050);
        for row in format::FORMATS.iter().filter(|row| row.physical_width != 0) {
            let silence: Vec<u8> = row.silence.iter().copied().cycle().take(48).collect();
            let mut out = silence.clone();
            gain.apply(row.number, 2, &mut out);
            assert_eq!(out, silence, "{}", row.name);
        }
    }

    #[test]
    fn each_channel_takes_its_own_volume_and_further_ones_the_last() {
        let gain = Gain::default();
        gain.set_on(1, false);
        let mut stereo = [10, 20, 30, 40];
        gain.apply(format::S8, 2, &mut stereo);
        assert_eq!(stereo, [10, 0, 30, 0]);
        let mut four = [1, 2, 3, 4, 5, 6, 7, 8];
        gain.apply(format::S8, 4, &mut four);
        assert_eq!(four, [1, 0, 0, 0, 5, 0, 0, 0]);
        let mut mono = [1, 2, 3];
        gain.apply(format::S8, 1, &mut mono);
        assert_eq!(mono, [1, 2, 3]);
        let (mut left, mut right) = ([1, 2], [1, 2]);
        gain.apply_channel(format::S8, 0, &mut left);
        gain.apply_channel(format::S8, 3, &mut right);
        assert_eq!((left, right), ([1, 2], [0, 0]));
    }

    #[test]
    fn minus_twenty_decibel_is_a_tenth() {
        let gain = Gain::default();
        gain.set_volume(0, -2000);
        let mut bytes = 10_000i16.to_le_bytes();
        gain.apply(format::S16_LE, 1, &mut bytes);
        assert_eq!(i16::from_le_bytes(bytes), 1000);
    }

    #[test]
    fn the_lowest_volume_is_silence() {
        let gain = Gain::default();
        gain.set_volume(0, -9999);
        assert_eq!(gain.volume(0), super::super::MIN_CENTIBEL);
        let mut bytes = 32_767i16.to_le_bytes();
        gain.apply(format::S16_LE, 1, &mut bytes);
        assert_eq!(bytes, [0, 0]);
    }

    #[test]
    fn odd_sizes_and_zero_channels_do_no_harm() {
        let gain = Gain::default();
        gain.set_volume(0, -600);
        gain.set_volume(1, -600);
        for format in 0..70 {
            for length in 0..9 {
                let mut bytes = vec![0x5a; length];
                gain.apply(format, 0, &mut bytes);
                gain.apply(format, u32::MAX, &mut bytes);
                gain.apply_channel(format, u32::MAX, &mut bytes);
            }
        }
    }
}
