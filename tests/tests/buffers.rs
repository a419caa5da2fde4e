//! What rings are made of, as programs find it: a device with an area of its own, and the limits of memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use cuse_pcm_tests::harness::{folder, kinds, run, words};
use cuse_pcm_tests::place::mappable;
use cuse_pcm_tests::sample_formats::FORMATS;
use cuse_pcm_tests::wav_file::WavFile;

/// Odd sizes, so that periods and ring never end together.
const SHAPE: &str =
    "-D hw:0,0 -q -t raw -f S16_LE -r 48000 -c 2 --period-size=777 --buffer-size=2331";
const FRAME: usize = 4;
const FRAMES: usize = 12 * 777;

fn noise(seed: u64) -> Vec<u8> {
    let s16 = FORMATS.iter().find(|format| format.name == "S16_LE");
    s16.unwrap().noise(FRAMES * 2, seed)
}

/// The ways to move samples.
fn ways() -> &'static [&'static str] {
    if mappable() { &["", "-M"] } else { &[""] }
}

#[test]
fn a_device_with_an_area_of_its_own_plays_and_records_bit_exact() {
    for kind in kinds() {
        for way in ways() {
            let folder = folder();
            let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
            let wav = format!("wav:{},free-run", path("out.wav"));
            let sound = noise(7);
            std::fs::write(path("in"), &sound).unwrap();
            let card = |playback, capture| {
                let sides = ["--playback", playback, "--capture", capture];
                [&["--explicit-sync"], &sides[..]].concat()
            };
            let script = format!("aplay {SHAPE} {way} {}", path("in"));
            let output = run(kind, &card(&wav, "none"), &["sh", "-c", &script]);
            assert!(output.status.success(), "{kind:?} {way} {}", words(&output));
            let heard = WavFile::read(&folder.path().join("out.wav")).unwrap().data;
            let sizes = (heard.len(), sound.len());
            assert!(heard.starts_with(&sound), "{kind:?} {way} {sizes:?}");
            let rest = &heard[sound.len()..];
            assert_eq!(rest, vec![0; 777 * FRAME], "aplay's own silence");

            let script = format!("arecord {SHAPE} {way} -s {FRAMES} {}", path("back"));
            let output = run(kind, &card("none", &wav), &["sh", "-c", &script]);
            assert!(output.status.success(), "{kind:?} {way} {}", words(&output));
            let back = std::fs::read(path("back")).unwrap();
            assert!(back == sound, "{kind:?} {way} {}", back.len());
        }
    }
}

/// Plays a little; what was said, and whether it worked.
fn plays(card: &[&str], buffer: &str) -> (bool, String) {
    let script = format!(
        "head -c 8000 /dev/zero | aplay -D hw:0,0 -q -t raw -f S16_LE -r 48000 -c 2 {buffer}"
    );
    let kind = kinds()[0];
    let output = run(kind, card, &["sh", "-c", &script]);
    (output.status.success(), words(&output))
}

#[test]
fn more_memory_than_the_card_or_the_user_may_have_is_refused() {
    let large = "--buffer-size=8192";
    for limit in ["--card-memory", "--user-memory"] {
        let card = ["--free-run", limit, "16k"];
        let (done, said) = plays(&card, large);
        assert!(
            !done && said.contains("Unable to install hw params"),
            "{limit} {said}"
        );
        let (done, said) = plays(&card, "--buffer-size=4096");
        assert!(done, "{limit} {said}");
    }
    let (done, said) = plays(&["--free-run", "--card-memory", "32k"], large);
    assert!(done, "{said}");
}

#[test]
fn programs_are_told_of_the_largest_ring_before_they_choose() {
    let shown = |card: &[&str]| plays(card, "--dump-hw-params").1;
    let preallocated = shown(&["--free-run", "--preallocate", "16k"]);
    assert!(
        preallocated.contains("BUFFER_BYTES: [64 16384]"),
        "{preallocated}"
    );
    let grown = shown(&["--free-run", "--preallocate", "16k", "--buffer-max", "64k"]);
    assert!(grown.contains("BUFFER_BYTES: [64 65536]"), "{grown}");
}
