//! A short tune, composed from numbers.

/// Frames per second.
pub(super) const RATE: u32 = 48_000;

/// One note: its start in half beats, its length in half beats, its pitch (MIDI number), and its place between left
/// (0.0) and right (1.0).
struct Note(u32, u32, u8, f64);

/// Length of a half beat, frames.
const HALF_BEAT: u32 = RATE / 6;

const TUNE: [Note; 19] = [
    Note(0, 8, 48, 0.5),
    Note(0, 2, 64, 0.2),
    Note(2, 1, 67, 0.3),
    Note(3, 1, 72, 0.4),
    Note(4, 2, 76, 0.5),
    Note(6, 1, 74, 0.6),
    Note(7, 1, 72, 0.7),
    Note(8, 4, 45, 0.5),
    Note(8, 2, 69, 0.8),
    Note(10, 1, 72, 0.7),
    Note(11, 1, 76, 0.6),
    Note(12, 4, 43, 0.5),
    Note(12, 2, 74, 0.4),
    Note(14, 1, 71, 0.3),
    Note(15, 1, 67, 0.2),
    Note(16, 6, 48, 0.5),
    Note(16, 6, 64, 0.3),
    Note(16, 6, 67, 0.5),
    Note(16, 6, 72, 0.7),
];

/// Half beats from the first note to the end of the last.
const LENGTH: u32 = 22;

/// The tune, left and right in turn.
pub(super) fn samples() -> Vec<i16> {
    let mut mix = vec![0.0f64; (LENGTH * HALF_BEAT) as usize * 2];
    for note in &TUNE {
        add(note, &mut mix);
    }
    let peak = mix
        .iter()
        .fold(1.0f64, |peak, sample| peak.max(sample.abs()));
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within ±29500 by the division"
    )]
    mix.iter()
        .map(|sample| (sample / peak * 29_500.0).round() as i16)
        .collect()
}

/// A plucked string: a few harmonics, the higher ones fading sooner.
fn add(&Note(start, length, pitch, place): &Note, mix: &mut [f64]) {
    let frequency = 440.0 * 2f64.powf((f64::from(pitch) - 69.0) / 12.0);
    let frames = length * HALF_BEAT;
    let from = (start * HALF_BEAT) as usize * 2;
    let Some(into) = mix.get_mut(from..) else {
        return;
    };
    for (frame, pair) in (0..frames).zip(into.chunks_exact_mut(2)) {
        let time = f64::from(frame) / f64::from(RATE);
        let left = f64::from(frames - frame) / f64::from(RATE);
        // No click at either end.
        let envelope = (time / 0.004).min(1.0) * (left / 0.01).min(1.0);
        let wave: f64 = (1..=4u8)
            .map(f64::from)
            .map(|n| {
                (std::f64::consts::TAU * frequency * n * time).sin() * (-4.5 * n * time).exp() / n
            })
            .sum();
        if let [l, r] = pair {
            *l += wave * envelope * (1.0 - place);
            *r += wave * envelope * place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tune_is_loud_stereo_and_ends_in_silence() {
        let samples = samples();
        assert_eq!(samples.len(), 22 * 8000 * 2);
        assert!(samples.iter().any(|s| s.unsigned_abs() > 20_000), "loud");
        assert!(
            samples
                .chunks_exact(2)
                .any(|pair| pair.first() != pair.last()),
            "stereo"
        );
        assert!(
            samples.iter().rev().take(8).all(|s| s.unsigned_abs() < 300),
            "ends softly"
        );
    }

    #[test]
    fn every_note_lies_within_the_tune() {
        assert!(
            TUNE.iter()
                .all(|&Note(start, length, ..)| start + length <= LENGTH)
        );
    }
}
