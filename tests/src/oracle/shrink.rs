//! The shortest script that still shows a difference.

use uapi::pcm::table;

use super::call::{Arg, Call, Script};

/// Takes away calls, then parts of arguments, as long as `shows` says that the difference is still there. `shows` is
/// asked at most `most` times.
pub fn shrink(script: &Script, most: usize, shows: &mut dyn FnMut(&Script) -> bool) -> Script {
    let mut left = most;
    let mut try_it = |candidate: &Script| {
        left = left.saturating_sub(1);
        left > 0 && shows(candidate)
    };
    let mut best = script.clone();
    let mut chunk = best.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut shorter = false;
        while at < best.len() {
            let mut candidate = best.clone();
            candidate.drain(at..(at + chunk).min(best.len()));
            if !candidate.is_empty() && try_it(&candidate) {
                best = candidate;
                shorter = true;
            } else {
                at += chunk;
            }
        }
        if chunk == 1 && !shorter {
            break;
        }
        chunk = (chunk / 2).max(1);
    }
    plainer(best, &mut try_it)
}

/// Puts what says nothing in place of parts of hardware parameters.
fn plainer(mut best: Script, try_it: &mut dyn FnMut(&Script) -> bool) -> Script {
    for index in 0..best.len() {
        let mut part = 0;
        while let Some(candidate) = with_plain_part(&best, index, part) {
            if candidate != best && try_it(&candidate) {
                best = candidate;
            }
            part += 1;
        }
    }
    best
}

/// The script with one part of one call's parameters made plain; `None` after the last part.
fn with_plain_part(script: &Script, index: usize, part: usize) -> Option<Script> {
    let Some(Call::Ioctl {
        cmd: table::HW_REFINE | table::HW_PARAMS,
        arg: Arg::Bytes(_),
        ..
    }) = script.get(index)
    else {
        return None;
    };
    const WHOLE: [u8; 12] = [0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0];
    let (at, plain): (usize, Vec<u8>) = match part {
        0..12 => (260 + part * 12, WHOLE.to_vec()),
        12..15 => (4 + (part - 12) * 32, vec![255; 32]),
        15 => (512, vec![255; 4]),
        16 => (516, vec![0; 4]),
        17 => (520, vec![0; 88]),
        18 => (100, vec![0; 160]),
        19 => (404, vec![0; 108]),
        20 => (0, vec![0; 4]),
        _ => return None,
    };
    let mut candidate = script.clone();
    if let Some(Call::Ioctl {
        arg: Arg::Bytes(bytes),
        ..
    }) = candidate.get_mut(index)
    {
        bytes.get_mut(at..at + plain.len())?.copy_from_slice(&plain);
    }
    Some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_shows_the_difference_is_left() {
        let sleep = |micros| Call::Sleep { micros };
        let script: Script = (0..40).map(sleep).collect();
        let mut asked = 0;
        let short = shrink(&script, 1000, &mut |candidate| {
            asked += 1;
            candidate.contains(&sleep(7)) && candidate.contains(&sleep(31))
        });
        assert_eq!(short, [sleep(7), sleep(31)]);
        assert!(asked < 200, "{asked}");
    }
}
