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
use cuse_pcm_tests::served::Served;
use cuse_pcm_tests::wav_file::WavFile;

const RATE: u32 = 44100;

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

/// Plays or records for a minute and gives how far the rate was off, in parts of one.
fn off_by(client: &PcmClient, playback: bool) -> f64 {
    client
        .set_up(&Setup {
            rate: RATE,
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
    while first.elapsed() < Duration::from_secs(60) {
        assert_eq!(transfer(4410).unwrap(), 4410);
    }
    let (last, end, _) = position(client);
    (end - start) / last.duration_since(first).as_secs_f64() / f64::from(RATE) - 1.0
}

#[test]
fn sixty_seconds_last_sixty_seconds_on_every_device() {
    let folder = folder();
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
                assert!(off.abs() < 1e-4, "{playback}: off by {:.1} ppm", off * 1e6);
                client
                    .call(if plays { cmd::DRAIN } else { cmd::DROP })
                    .unwrap();
            });
        }
    });
    let played = WavFile::read(&file).unwrap();
    let seconds = played.data.len() as f64 / 4.0 / f64::from(RATE);
    assert!(
        (60.0..62.0).contains(&seconds),
        "the file holds {seconds} s"
    );
}
