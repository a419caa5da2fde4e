//! WAV files that cannot be read, written or finished: the message names the file and the remedy, and what was heard stays.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cuse_pcm_tests::client::{PcmClient, Setup};
use cuse_pcm_tests::harness::{Kind, folder, open_to_all, program, run, served_kinds, words};
use cuse_pcm_tests::sample_formats::noise_file;
use cuse_pcm_tests::served::Served;
use cuse_pcm_tests::wav_file::WavFile;

fn sound(frames: usize) -> WavFile {
    noise_file(frames, 31)
}

/// Asserts a refusal that names the file, and these parts of what to do.
fn assert_told(output: &Output, file: &Path, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{}", words(output));
    let name = file.display().to_string();
    for part in [name.as_str()].iter().chain(parts) {
        assert!(said.contains(part), "no {part:?} in {}", words(output));
    }
}

fn record_from(kind: Kind, file: &Path) -> Output {
    let card = format!("wav:{}", file.display());
    run(kind, &["--capture", card.as_str()], &["true"])
}

#[test]
fn a_truncated_file_to_record_from_is_told() {
    let folder = folder();
    let file = folder.path().join("in.wav");
    std::fs::write(&file, &sound(100).to_bytes()[..20]).unwrap();
    assert_told(&record_from(Kind::Root, &file), &file, &["try:"]);
}

#[test]
fn a_file_that_is_no_wav_is_told() {
    let folder = folder();
    let file = folder.path().join("in.wav");
    std::fs::write(&file, [7u8; 4000]).unwrap();
    assert_told(&record_from(Kind::Root, &file), &file, &["try:"]);
}

#[test]
fn a_wav_of_an_unsupported_format_is_told() {
    let folder = folder();
    let file = folder.path().join("in.wav");
    let adpcm = WavFile {
        tag: 2,
        bits: 4,
        ..sound(100)
    };
    std::fs::write(&file, adpcm.to_bytes()).unwrap();
    assert_told(&record_from(Kind::Root, &file), &file, &["try:"]);
}

#[test]
fn an_unreadable_file_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let file = folder.path().join("in.wav");
    std::fs::write(&file, sound(100).to_bytes()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_told(
        &record_from(Kind::User, &file),
        &file,
        &["Permission denied", "try:"],
    );
}

#[test]
fn an_output_that_cannot_be_written_is_told() {
    let folder = folder();
    let file = folder.path().join("out.wav");
    std::fs::create_dir(&file).unwrap();
    let card = format!("wav:{}", file.display());
    let output = run(Kind::Root, &["--playback", card.as_str()], &["true"]);
    assert_told(&output, &file, &["try:"]);
}

#[test]
fn a_full_disk_is_told_and_what_was_heard_stays() {
    let folder = folder();
    let (input, disk, kept) = (
        folder.path().join("in.raw"),
        folder.path().join("disk"),
        folder.path().join("kept.wav"),
    );
    std::fs::create_dir(&disk).unwrap();
    let sound = sound(1_000_000).data;
    std::fs::write(&input, &sound).unwrap();
    open_to_all(&input);
    let script = "mount -t tmpfs -o size=1m disk $DISK && \
        timeout 30 $PROGRAM run --playback wav:$DISK/out.wav,free-run -- aplay -q -D hw:0 -t raw -f dat $INPUT; \
        status=$?; cp $DISK/out.wav $KEPT; exit $status";
    let output = Command::new("unshare")
        .args(["--mount", "--", "sh", "-c", script])
        .env("DISK", &disk)
        .env("PROGRAM", program())
        .env("INPUT", &input)
        .env("KEPT", &kept)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_told(
        &output,
        &disk.join("out.wav"),
        &["No space left", "make room"],
    );
    let heard = WavFile::read(&kept).unwrap().data;
    assert!(heard.len() > 900_000, "{} bytes are kept", heard.len());
    assert!(
        heard == sound[..heard.len()],
        "what is kept is what was played"
    );
}

#[test]
fn a_killed_daemon_leaves_a_valid_file_up_to_the_last_period() {
    for kind in served_kinds() {
        let folder = folder();
        let file = folder.path().join("out.wav");
        let card = format!("wav:{}", file.display());
        let mut served = Served::start(&[kind, &["--playback", &card]].concat());
        let client = PcmClient::open(&served.node("pcmC0D0p"), 0).unwrap();
        client
            .set_up(&Setup {
                rate: 8000,
                ..Setup::default()
            })
            .unwrap();
        let sound = sound(48000).data;
        let mut written = 0;
        for chunk in sound.chunks(480 * 4).take(60) {
            written += client.writei(chunk, 480).unwrap() as usize;
        }
        std::thread::sleep(Duration::from_millis(5));
        let heard = client.status().unwrap().hw_ptr as usize;
        served.kill();
        let got = WavFile::read(&file).unwrap().data;
        assert!(
            got == sound[..got.len()],
            "{kind:?}: what is kept is what was played"
        );
        let frames = got.len() / 4;
        // The disk has a thread of its own, which may be a period or two behind.
        let least = heard.saturating_sub(2 * 480);
        assert!(
            (least..=written).contains(&frames),
            "{kind:?}: {frames} frames kept of {heard} heard"
        );
    }
}
