//! Sixty seconds of sound last sixty seconds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::thread;
use std::time::{Duration, Instant};

use cuse_pcm_tests::client::{PcmClient, Setup, cmd};
use cuse_pcm_tests::harness::folder;
use cuse_pcm_tests::place::place;
use cuse_pcm_tests::served::Served;
use cuse_pcm_tests::wav_file::WavFile;

/// How long it is measured, at which rate (Hz), and how far off it may be then. An emulated processor wants more in the
/// ring, and takes longer to ask for a position.
fn measure() -> (Duration, u32, f64) {
    match place() {
        None => (Duration::from_secs(60), 44100, 1e-4),
        Some(_) => (Duration::from_secs(20), 8000, 5e-4),
    }
}

/// When, and how many frames the device had moved by then: the tightest of several readings.
fn position(client: &PcmClient) -> (Instant, f64, Duration) {
    let reading = || {
        let before = Instant::now();
        let status = client.status().unwrap();
        let took = before.elapsed();
        (before + took / 2, status.hw_ptr as f64, took)
    };
    (0..50).map(|_| reading()).min_by_key(|r| r.2).unwrap()
}

/// Plays or records for that long and gives how far the rate was off, in parts of one.
fn off_by(client: &PcmClient, playback: bool) -> f64 {
    let (length, rate, _) = measure();
    client
        .set_up(&Setup {
            rate,
            period: 441,
            buffer: 22050,
            ..Setup::default()
        })
        .unwrap();
    let mut data = vec![0u8; 22050 * 4];
    let mut transfer = |frames| {
        if playback {
            client.writei(&data, frames)
        } else {
            client.readi(&mut data, frames)
        }
    };
    if playback {
        transfer(22050).unwrap();
    } else {
        client.call(cmd::START).unwrap();
    }
    let (first, start, _) = position(client);
    while first.elapsed() < length {
        assert_eq!(transfer(4410).unwrap(), 4410);
    }
    let (last, end, _) = position(client);
    (end - start) / last.duration_since(first).as_secs_f64() / f64::from(rate) - 1.0
}

#[test]
fn sixty_seconds_last_sixty_seconds_on_every_device() {
    let folder = folder();
    let (length, rate, tolerance) = measure();
    let file = folder.path().join("out.wav");
    let wav = format!("wav:{}", file.display());
    let devices = [
        ("null", "null", true),
        (&wav, "null", true),
        ("loopback", "loopback", true),
        ("loopback", "loopback", false),
    ];
    thread::scope(|scope| {
        for (playback, capture, plays) in devices {
            scope.spawn(move || {
                let served = Served::start(&["--playback", playback, "--capture", capture]);
                let node = if plays { "pcmC0D0p" } else { "pcmC0D0c" };
                let client = PcmClient::open(&served.node(node), 0).unwrap();
                let off = off_by(&client, plays);
                assert!(
                    off.abs() < tolerance,
                    "{playback}: off by {:.1} ppm",
                    off * 1e6
                );
                client
                    .call(if plays { cmd::DRAIN } else { cmd::DROP })
                    .unwrap();
            });
        }
    });
    let played = WavFile::read(&file).unwrap();
    let seconds = played.data.len() as f64 / 4.0 / f64::from(rate);
    assert!(
        (length.as_secs_f64()..length.as_secs_f64() + 5.0).contains(&seconds),
        "the file holds {seconds} s"
    );
}
