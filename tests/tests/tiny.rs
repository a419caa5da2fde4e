//! What tinyalsa's programs call, by a client of our own: `clients/tiny.c`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;

use cuse_pcm_tests::c_client::TINY;
use cuse_pcm_tests::harness::{Kind, folder, kinds, open_to_all, run_ok};
use cuse_pcm_tests::place::mappable;
use cuse_pcm_tests::sample_formats::noise_file;
use cuse_pcm_tests::wav_file::WavFile;

const FRAMES: usize = 24_000;

/// Plays or records some noise; gives how positions were learned, the noise, and what arrived.
fn run(kind: Kind, way: &str) -> (String, WavFile, Option<WavFile>) {
    let folder = folder();
    let client = TINY.copy_to(folder.path());
    let path = |name: &str| folder.path().join(name);
    let (wav, raw, output) = (path("in.wav"), path("in.raw"), path("out.wav"));
    let sound = noise_file(FRAMES, 16);
    fs::write(&wav, sound.to_bytes()).unwrap();
    fs::write(&raw, &sound.data).unwrap();
    open_to_all(&wav);
    open_to_all(&raw);
    let card = [
        "--playback".to_owned(),
        format!("wav:{},free-run", output.display()),
        "--capture".to_owned(),
        format!("wav:{},free-run", wav.display()),
    ];
    let node = match way {
        "record" | "record-mapped" => "/dev/snd/pcmC0D0c",
        _ => "/dev/snd/pcmC0D0p",
    };
    let command = [client.to_str().unwrap(), way, node, raw.to_str().unwrap()].map(str::to_owned);
    let said = String::from_utf8_lossy(&run_ok(kind, &card, &command).stdout).into_owned();
    let positions = said
        .strip_suffix("\ndone\n")
        .and_then(|said| said.strip_prefix("positions: "))
        .unwrap_or_else(|| panic!("{said}"))
        .to_owned();
    (positions, sound, WavFile::read(&output).ok())
}

/// How positions are learned: pages that cannot be mapped are no obstacle.
fn expected() -> &'static str {
    if mappable() {
        "mapped"
    } else {
        "SYNC_PTR, for mapping is errno 19"
    }
}

fn assert_begins_with(played: &WavFile, sound: &WavFile) {
    assert_eq!((played.rate, played.channels, played.bits), (48000, 2, 16));
    assert!(played.data.starts_with(&sound.data));
}

#[test]
fn what_tinyplay_calls_plays_a_sound() {
    for kind in kinds() {
        let (positions, sound, played) = run(kind, "play");
        assert_eq!(positions, expected(), "{kind:?}");
        assert_begins_with(&played.unwrap(), &sound);
    }
}

#[test]
fn what_tinycap_calls_records_a_sound() {
    for kind in kinds() {
        assert_eq!(run(kind, "record").0, expected(), "{kind:?}");
    }
}

#[test]
fn what_they_call_with_a_mapped_ring_plays_and_records() {
    for kind in kinds() {
        let (positions, sound, played) = run(kind, "play-mapped");
        assert_eq!(positions, "mapped", "{kind:?}");
        assert_begins_with(&played.unwrap(), &sound);
        assert_eq!(run(kind, "record-mapped").0, "mapped", "{kind:?}");
    }
}
