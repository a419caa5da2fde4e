//! What a program plays is what arrives, and what is there is what a program records: bit for bit, over a pairwise
//! selection of formats, rates, channels, accesses, layouts and sizes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
use std::process::Output;

use cuse_pcm_tests::harness::{Kind, folder, kinds, open_to_all, run, words};
use cuse_pcm_tests::pairwise::pairwise;
use cuse_pcm_tests::place::{mappable, place, repetitions};
use cuse_pcm_tests::sample_formats::{FORMATS, Format, Wav};
use cuse_pcm_tests::wav_file::WavFile;

const RATES: [u32; 10] = [
    48000, 8000, 11025, 16000, 22050, 32000, 44100, 88200, 96000, 192_000,
];
const CHANNELS: [usize; 5] = [2, 1, 6, 8, 32];
/// Period and buffer in frames, odd ones too.
const SIZES: [(usize, usize); 6] = [
    (1024, 4096),
    (64, 256),
    (441, 1764),
    (777, 2331),
    (1000, 16000),
    (4096, 8192),
];

#[derive(Clone, Copy, Debug)]
struct Case {
    format: &'static Format,
    rate: u32,
    channels: usize,
    mmap: bool,
    separate: bool,
    period: usize,
    buffer: usize,
}

fn cases(formats: &[&'static Format]) -> Vec<Case> {
    let levels = [
        formats.len(),
        RATES.len(),
        CHANNELS.len(),
        if mappable() { 2 } else { 1 },
        2,
        SIZES.len(),
    ];
    let case = |level: Vec<usize>| {
        let (period, buffer) = SIZES[level[5]];
        let channels = CHANNELS[level[2]];
        Case {
            format: formats[level[0]],
            rate: RATES[level[1]],
            channels,
            mmap: level[3] == 1,
            separate: level[4] == 1 && channels > 1,
            period,
            buffer,
        }
    };
    pairwise(&levels).into_iter().map(case).collect()
}

/// All of them; on an emulated processor, some.
fn affordable(cases: Vec<Case>) -> Vec<Case> {
    let step = cases.len() / repetitions(cases.len() as u64) as usize;
    cases.into_iter().step_by(step).collect()
}

impl Case {
    fn frame(&self) -> usize {
        self.channels * self.format.bytes
    }

    /// Whole periods, a little over one ring, so that the ring wraps.
    fn frames(&self) -> usize {
        (self.buffer / self.period + 3) * self.period
    }

    fn noise(&self, seed: u64) -> Vec<u8> {
        self.format.noise(self.frames() * self.channels, seed)
    }

    /// What a WAV file holds after `aplay` played `frames`: at the end of its input it writes one period of silence.
    fn heard(&self, frames: &[u8]) -> Vec<u8> {
        let silence = self.format.silence().repeat(self.period * self.channels);
        self.format.to_wav(&[frames, &silence].concat())
    }

    /// The options `aplay` and `arecord` share.
    fn options(&self) -> String {
        let flags = format!(
            "{}{}",
            if self.mmap { " -M" } else { "" },
            if self.separate { " -I" } else { "" }
        );
        format!(
            "-D hw:0,0 -q -t raw -f {} -r {} -c {} --period-size={} --buffer-size={}{flags}",
            self.format.name, self.rate, self.channels, self.period, self.buffer
        )
    }

    /// Writes what aplay shall play: one file, or one a channel.
    fn put(&self, path: &Path, frames: &[u8]) {
        if !self.separate {
            std::fs::write(path, frames).unwrap();
            return;
        }
        for channel in 0..self.channels {
            let samples = frames
                .chunks_exact(self.frame())
                .flat_map(|f| self.sample(f, channel))
                .copied();
            std::fs::write(
                format!("{}.{channel}", path.display()),
                samples.collect::<Vec<u8>>(),
            )
            .unwrap();
        }
    }

    /// Reads what arecord left, as interleaved frames.
    fn get(&self, path: &Path) -> Vec<u8> {
        if !self.separate {
            return std::fs::read(path).unwrap_or_default();
        }
        let name = |c| format!("{}.{c}", path.display());
        let channels: Vec<Vec<u8>> = (0..self.channels)
            .map(|c| std::fs::read(name(c)).unwrap_or_default())
            .collect();
        let frames = channels
            .iter()
            .map(|c| c.len() / self.format.bytes)
            .min()
            .unwrap_or(0);
        let mut out = Vec::with_capacity(frames * self.frame());
        for frame in 0..frames {
            for channel in &channels {
                out.extend(&channel[frame * self.format.bytes..][..self.format.bytes]);
            }
        }
        out
    }

    fn sample<'a>(&self, frame: &'a [u8], channel: usize) -> &'a [u8] {
        &frame[channel * self.format.bytes..][..self.format.bytes]
    }
}

/// Runs `check` over all cases on two threads and reports every case that failed.
fn all(cases: &[Case], check: impl Fn(&Case, u64) -> Result<(), String> + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        // There is one card 0 of devices.
        for _ in 0..if place().is_some() { 1 } else { 2 } {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(case) = cases.get(i) else { return };
                    if let Err(why) = check(case, i as u64 * 7919 + 1) {
                        failures.lock().unwrap().push(format!("{case:?}: {why}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let shown: Vec<_> = failures.iter().take(5).cloned().collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases differ:\n{}",
        failures.len(),
        cases.len(),
        shown.join("\n")
    );
}

fn shell(card: &[&str], script: &str) -> Result<Output, String> {
    let output = run(Kind::Root, card, &["sh", "-c", script]);
    if output.status.success() {
        Ok(output)
    } else {
        Err(words(&output))
    }
}

fn same(got: &[u8], want: &[u8]) -> Result<(), String> {
    if got == want {
        return Ok(());
    }
    let at = got.iter().zip(want).position(|(a, b)| a != b);
    Err(format!(
        "{} bytes instead of {}, first difference at {at:?}",
        got.len(),
        want.len()
    ))
}

#[test]
fn played_into_a_wav_file() {
    let formats: Vec<_> = FORMATS.iter().collect();
    all(&affordable(cases(&formats)), |case, seed| {
        let folder = folder();
        let (input, output) = (folder.path().join("in"), folder.path().join("out.wav"));
        let noise = case.noise(seed);
        case.put(&input, &noise);
        let card = format!("wav:{},free-run", output.display());
        shell(
            &["--playback", &card],
            &format!("aplay {} {}", case.options(), input.display()),
        )?;
        let wav = WavFile::read(&output)?;
        same(&wav.data, &case.heard(&noise))?;
        let shape = (u32::from(wav.channels), wav.rate);
        if shape == (case.channels as u32, case.rate) {
            Ok(())
        } else {
            Err(format!("header says {shape:?}"))
        }
    });
}

#[test]
fn recorded_from_a_wav_file() {
    let of_a_file = [
        "U8",
        "S16_LE",
        "S24_3LE",
        "S32_LE",
        "FLOAT_LE",
        "FLOAT64_LE",
    ];
    let formats: Vec<_> = FORMATS
        .iter()
        .filter(|f| of_a_file.contains(&f.name))
        .collect();
    all(&affordable(cases(&formats)), |case, seed| {
        let folder = folder();
        let (input, output) = (folder.path().join("in.wav"), folder.path().join("out"));
        let noise = case.noise(seed);
        let tag = if matches!(case.format.wav, Wav::Bits(_)) {
            3
        } else {
            1
        };
        let (channels, bits) = (case.channels as u16, case.format.bytes as u16 * 8);
        let file = WavFile {
            tag,
            channels,
            rate: case.rate,
            bits,
            data: noise.clone(),
        };
        std::fs::write(&input, file.to_bytes()).unwrap();
        let card = format!("wav:{},free-run", input.display());
        let script = format!(
            "arecord {} --samples={} {}",
            case.options(),
            case.frames(),
            output.display()
        );
        shell(&["--capture", &card], &script)?;
        same(&case.get(&output), &noise)
    });
}

#[test]
fn looped_back_from_end_to_end() {
    let formats: Vec<_> = FORMATS.iter().collect();
    let all_cases = cases(&formats);
    // Real time, hence one short sound for each format, with the other factors as the selection mixes them.
    let mut some: Vec<Case> = Vec::new();
    // An emulated processor is late more often, and by more.
    let slow = if place().is_some() { 5 } else { 1 };
    for (i, format) in formats.iter().enumerate() {
        let long_enough =
            |c: &&Case| c.buffer * 20 > c.rate as usize * slow && c.frames() < c.rate as usize * 2;
        let of: Vec<&Case> = all_cases
            .iter()
            .filter(|c| c.format.name == format.name && !c.separate)
            .filter(long_enough)
            .collect();
        some.extend(of.get(i % of.len().max(1)).copied());
    }
    let enough = if slow == 1 { 9 } else { 5 };
    assert!(
        some.len() * 10 > FORMATS.len() * enough,
        "{} cases",
        some.len()
    );
    // Each takes seconds.
    let step = if slow == 1 { 1 } else { 4 };
    let some: Vec<Case> = some.into_iter().step_by(step).collect();
    all(&some, |case, seed| {
        let folder = folder();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        let noise = case.noise(seed);
        case.put(&input, &noise);
        // The recorder runs first, and long enough for what leads the sound and what follows it.
        let samples = case.frames() + case.rate as usize * 6 / 10 * slow;
        let script = format!(
            "arecord {0} --samples={samples} {2} & sleep 0.2; aplay {0} {1} || exit 1; wait $!",
            case.options(),
            input.display(),
            output.display()
        );
        shell(
            &["--playback", "loopback", "--capture", "loopback"],
            &script,
        )?;
        let got = case.get(&output);
        let start = got
            .chunks_exact(case.frame())
            .position(|f| f == &noise[..case.frame()]);
        let start = start
            .ok_or_else(|| format!("the sound's first frame is not in {} bytes", got.len()))?;
        let heard = &got[start * case.frame()..];
        same(&heard[..noise.len().min(heard.len())], &noise)
    });
}

#[test]
fn the_same_on_every_kind_of_nodes() {
    let format = FORMATS.iter().find(|f| f.name == "S16_LE").unwrap();
    for kind in kinds() {
        for (mmap, separate) in [(false, false), (true, false), (false, true), (true, true)] {
            if mmap && !mappable() {
                continue;
            }
            let case = Case {
                format,
                rate: 48000,
                channels: 2,
                mmap,
                separate,
                period: 777,
                buffer: 2331,
            };
            let folder = folder();
            let (input, output) = (folder.path().join("in"), folder.path().join("out.wav"));
            let noise = case.noise(5);
            case.put(&input, &noise);
            open_to_all(&input);
            let card = format!("wav:{},free-run", output.display());
            let script = format!("aplay {} {}", case.options(), input.display());
            let ran = run(kind, &["--playback", &card], &["sh", "-c", &script]);
            assert!(ran.status.success(), "{kind:?} {case:?} {}", words(&ran));
            let wav = WavFile::read(&output).unwrap();
            same(&wav.data, &case.heard(&noise))
                .unwrap_or_else(|why| panic!("{kind:?} {case:?}: {why}"));
        }
    }
}
