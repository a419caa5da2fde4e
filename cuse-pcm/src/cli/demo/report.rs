//! What the demo tells.

use std::ffi::OsString;
use std::time::Duration;

use rustix::termios::{isatty, tcgetwinsize};

use super::melody::RATE;
use super::waveform::draw;

/// What came of it.
pub(super) struct Report<'a> {
    sent: &'a [i16],
    arrived: &'a [i16],
    time: Duration,
}

impl<'a> Report<'a> {
    /// Of what was sent and what arrived, left and right in turn, and how long it took.
    pub(super) fn new(sent: &'a [i16], arrived: &'a [i16], time: Duration) -> Report<'a> {
        Report {
            sent,
            arrived,
            time,
        }
    }

    /// Every sample arrived as it was sent, and nothing but silence after it (aplay fills up its last period).
    pub(super) fn matches(&self) -> bool {
        self.first_difference().is_none() && self.rest().iter().all(|&sample| sample == 0)
    }

    fn rest(&self) -> &[i16] {
        self.arrived.get(self.sent.len()..).unwrap_or_default()
    }

    /// The first sample that is not as it was sent, or is absent.
    fn first_difference(&self) -> Option<usize> {
        (0..self.sent.len()).find(|&at| self.sent.get(at) != self.arrived.get(at))
    }

    /// The picture and the summary.
    pub(super) fn in_words(&self) -> String {
        let colour = isatty(std::io::stdout()) && std::env::var_os("NO_COLOR").is_none();
        let mut text = String::from("\nWhat arrived (left above, right below):\n\n");
        for line in draw(self.arrived, columns().saturating_sub(4).min(116), colour) {
            text.push_str(&format!("  {line}\n"));
        }
        text.push_str(&format!("\n  sent      {} frames\n", self.sent.len() / 2));
        text.push_str(&format!("  arrived   {} frames", self.arrived.len() / 2));
        let rest = self.rest().len() / 2;
        if rest > 0 {
            text.push_str(&format!(
                ", the last {rest} of them aplay's padding to a whole period"
            ));
        }
        text.push_str(&format!("\n  compared  {}\n", self.verdict(colour)));
        text.push_str(&format!("  time      {:.2} s\n", self.time.as_secs_f64()));
        text
    }

    fn verdict(&self, colour: bool) -> String {
        let (code, words) = match self.first_difference() {
            None if self.matches() => (32, format!("all {} samples equal", self.sent.len())),
            None => (
                31,
                "DIFFERENT: what follows the melody is not silence".to_owned(),
            ),
            Some(at) => {
                let got = self
                    .arrived
                    .get(at)
                    .map_or("nothing".to_owned(), i16::to_string);
                let want = self
                    .sent
                    .get(at)
                    .map_or("nothing".to_owned(), i16::to_string);
                (
                    31,
                    format!("DIFFERENT at frame {}: {got} instead of {want}", at / 2),
                )
            }
        };
        if colour {
            format!("\x1b[{code}m{words}\x1b[0m")
        } else {
            words
        }
    }
}

/// What is told before it plays.
pub(super) fn heading(tune: &[i16], command: &[OsString]) -> String {
    let frames = tune.len() / 2;
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    let seconds = frames as f64 / f64::from(RATE);
    format!(
        "A melody of {seconds:.1} s (S16_LE, {RATE} Hz, stereo), played by the system's own aplay on a card that no \
         kernel driver knows:\n\n  $ cuse-pcm run --playback wav:arrived.wav -- {}\n\n",
        words.join(" ")
    )
}

/// Columns of the terminal; 80 where there is none.
fn columns() -> usize {
    let size = tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col));
    let told = || {
        std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok())
    };
    size.filter(|&columns| columns > 0)
        .or_else(told)
        .unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(1);

    #[test]
    fn equal_sound_with_silence_after_it_matches() {
        assert!(Report::new(&[1, 2, 3, 4], &[1, 2, 3, 4, 0, 0], TIME).matches());
    }

    #[test]
    fn one_wrong_sample_is_a_mismatch_and_is_told() {
        let report = Report::new(&[1, 2, 3, 4], &[1, 2, 9, 4], TIME);
        assert!(!report.matches());
        assert!(
            report
                .in_words()
                .contains("DIFFERENT at frame 1: 9 instead of 3")
        );
    }

    #[test]
    fn a_short_recording_is_a_mismatch() {
        let report = Report::new(&[1, 2, 3, 4], &[1, 2], TIME);
        assert!(!report.matches());
        assert!(report.in_words().contains("nothing instead of 3"));
    }

    #[test]
    fn noise_after_the_end_is_a_mismatch() {
        assert!(!Report::new(&[1, 2], &[1, 2, 7, 0], TIME).matches());
    }
}
