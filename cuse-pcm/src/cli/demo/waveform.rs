//! Draws a stereo sound with block characters: left above the middle, right below it.

/// Rows of each channel; a row shows two levels.
const ROWS: usize = 4;
const LEVELS: usize = ROWS * 2;

/// The rows of a drawing `width` columns wide; coloured if `colour` is set. Samples alternate between left and right.
pub(super) fn draw(samples: &[i16], width: usize, colour: bool) -> Vec<String> {
    let columns = columns(samples, width.max(1));
    let above = (0..ROWS).rev().map(|row| {
        line(&columns, |column| {
            match column.left.saturating_sub(row * 2) {
                0 => ' ',
                1 => '▄',
                _ => '█',
            }
        })
    });
    let below = (0..ROWS).map(|row| {
        line(&columns, |column| {
            match column.right.saturating_sub(row * 2) {
                0 => ' ',
                1 => '▀',
                _ => '█',
            }
        })
    });
    let paint = |(code, line): (u8, String)| {
        if colour {
            format!("\x1b[{code}m{line}\x1b[0m")
        } else {
            line
        }
    };
    above
        .map(|line| (36, line))
        .chain(below.map(|line| (35, line)))
        .map(paint)
        .collect()
}

/// Levels of one column, 0 to [`LEVELS`].
struct Column {
    left: usize,
    right: usize,
}

fn line(columns: &[Column], block: impl Fn(&Column) -> char) -> String {
    columns
        .iter()
        .map(block)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

fn columns(samples: &[i16], width: usize) -> Vec<Column> {
    let frames = samples.len() / 2;
    (0..width)
        .map(|column| {
            let (from, to) = (
                frames * column / width * 2,
                frames * (column + 1) / width * 2,
            );
            let part = samples.get(from..to).unwrap_or_default();
            Column {
                left: level(part.iter().step_by(2)),
                right: level(part.iter().skip(1).step_by(2)),
            }
        })
        .collect()
}

/// The loudest sample as a level: anything but silence shows.
fn level<'a>(samples: impl Iterator<Item = &'a i16>) -> usize {
    let peak = samples
        .map(|sample| usize::from(sample.unsigned_abs()))
        .max()
        .unwrap_or(0);
    (peak * LEVELS).div_ceil(32_768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_blank() {
        assert!(draw(&[0; 200], 20, false).iter().all(String::is_empty));
    }

    #[test]
    fn full_scale_on_the_left_fills_the_upper_half() {
        let samples = [i16::MIN, 0].repeat(100);
        assert_eq!(
            draw(&samples, 4, false),
            ["████", "████", "████", "████", "", "", "", ""]
        );
    }

    #[test]
    fn softer_sounds_are_drawn_nearer_to_the_middle() {
        let samples = [0, 32_767 / 8].repeat(100);
        assert_eq!(
            draw(&samples, 4, false),
            ["", "", "", "", "▀▀▀▀", "", "", ""]
        );
    }

    #[test]
    fn a_sound_shorter_than_the_drawing_does_not_break_it() {
        assert_eq!(draw(&[1, 1], 10, false).len(), 8);
        assert_eq!(draw(&[], 0, true).len(), 8);
    }
}
