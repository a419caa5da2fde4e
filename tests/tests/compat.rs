//! A real 32-bit client on a mounted card, with 32-bit and with 64-bit time: `clients/pcm32.c`, made from the kernel's
//! headers and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;

use cuse_pcm_tests::c_client::{CClient, PCM32};
use cuse_pcm_tests::harness::{Kind, folder, kinds, open_to_all, run_ok};
use cuse_pcm_tests::place::mappable;
use cuse_pcm_tests::sample_formats::noise_file;
use cuse_pcm_tests::wav_file::WavFile;

const FRAMES: usize = 24_000;

/// Runs the client in one way on a card of one kind; gives the sound it was to play or to hear, and what was played.
fn hear(kind: Kind, client: CClient, way: &str) -> (WavFile, Option<WavFile>) {
    let folder = folder();
    let program = client.copy_to(folder.path());
    let (wav, raw, output) = (
        folder.path().join("in.wav"),
        folder.path().join("in.raw"),
        folder.path().join("out.wav"),
    );
    let sound = noise_file(FRAMES, 32);
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
        "capture" => "/dev/snd/pcmC0D0c",
        _ => "/dev/snd/pcmC0D0p",
    };
    let mapping = if mappable() { "works" } else { "refused" };
    let command = [
        program.to_str().unwrap(),
        way,
        node,
        raw.to_str().unwrap(),
        mapping,
    ]
    .map(str::to_owned);
    run_ok(kind, &card, &command);
    (sound, WavFile::read(&output).ok())
}

#[test]
fn a_32_bit_client_plays_a_sound_and_all_of_it_arrives() {
    for kind in kinds() {
        for client in PCM32 {
            let (sound, played) = hear(kind, client, "playback");
            let played = played.unwrap();
            assert_eq!(played.data, sound.data, "{kind:?} {client:?}");
            assert_eq!((played.rate, played.channels, played.bits), (48000, 2, 16));
        }
    }
}

#[test]
fn a_32_bit_client_plays_with_one_buffer_a_channel() {
    for client in PCM32 {
        let (sound, played) = hear(Kind::Root, client, "channels");
        assert_eq!(played.unwrap().data, sound.data, "{client:?}");
    }
}

#[test]
fn a_32_bit_client_records_what_the_card_hears() {
    for kind in kinds() {
        for client in PCM32 {
            hear(kind, client, "capture");
        }
    }
}
