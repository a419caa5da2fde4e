//! A real 32-bit client on a mounted card, with 32-bit and with 64-bit time: `clients/pcm32.c`, made from the kernel's
//! headers and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use cuse_pcm_tests::harness::{Kind, folder, kinds, open_to_all, run_ok};
use cuse_pcm_tests::sample_formats::noise_file;
use cuse_pcm_tests::wav_file::WavFile;

const FRAMES: usize = 24_000;
const WIDTHS: [&[&str]; 2] = [&[], &["-D_TIME_BITS=64", "-D_FILE_OFFSET_BITS=64"]];

/// No C library, and therefore no 32-bit one.
const OPTIONS: &[&str] = &[
    "-m32",
    "-std=gnu11",
    "-O1",
    "-Wall",
    "-Werror",
    "-nostdlib",
    "-static",
    "-ffreestanding",
    "-fno-pie",
    "-no-pie",
    "-fno-stack-protector",
    "-fno-tree-loop-distribute-patterns",
];

/// Compiles the client into a folder.
fn client(folder: &Path, width: &[&str]) -> PathBuf {
    // All that the C library's headers lack for 32 bits.
    fs::create_dir_all(folder.join("gnu")).unwrap();
    fs::write(folder.join("gnu/stubs-32.h"), "").unwrap();
    let program = folder.join("pcm32");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/pcm32.c");
    let compiled = Command::new("gcc")
        .args(OPTIONS)
        .args(width)
        .arg("-I")
        .arg(folder)
        .args(["-idirafter", "/usr/include/x86_64-linux-gnu", "-o"])
        .args([&program, &source])
        .output()
        .expect(
            "this test needs gcc and the kernel's headers (Debian: gcc, libc6-dev, linux-libc-dev)",
        );
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Runs the client in one way on a card of one kind; gives the sound it was to play or to hear, and what was played.
fn hear(kind: Kind, width: &[&str], way: &str) -> (WavFile, Option<WavFile>) {
    let folder = folder();
    let program = client(folder.path(), width);
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
    let mapping = if kind == Kind::Root { "refused" } else { "any" };
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
        for width in WIDTHS {
            let (sound, played) = hear(kind, width, "playback");
            let played = played.unwrap();
            assert_eq!(played.data, sound.data, "{kind:?} {width:?}");
            assert_eq!((played.rate, played.channels, played.bits), (48000, 2, 16));
        }
    }
}

#[test]
fn a_32_bit_client_plays_with_one_buffer_a_channel() {
    for width in WIDTHS {
        let (sound, played) = hear(Kind::Root, width, "channels");
        assert_eq!(played.unwrap().data, sound.data, "{width:?}");
    }
}

#[test]
fn a_32_bit_client_records_what_the_card_hears() {
    for kind in kinds() {
        hear(kind, WIDTHS[0], "capture");
    }
}
