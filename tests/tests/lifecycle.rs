//! Clients stop, die, crowd and interrupt; the daemon dies: nobody hangs, nothing is left.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::process::{Child, Command};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use cuse_pcm_tests::client::{PcmClient, Setup};
use cuse_pcm_tests::harness::{Kind, folder, kinds, open_to_all, run_ok, served_kinds, wait_until};
use cuse_pcm_tests::place::{patience, repetitions};
use cuse_pcm_tests::served::Served;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Two seconds of silence at 48 kHz, stereo, 16 bits, for `aplay -t raw -f dat`.
fn shell_on(kind: Kind, script: &str) -> String {
    let folder = folder();
    let sound = folder.path().join("sound");
    std::fs::write(&sound, vec![0u8; 48000 * 4 * 3]).unwrap();
    open_to_all(&sound);
    let said = folder.path().join("said");
    let play = format!(
        "aplay -D hw:0 -t raw -f dat {} 2>{said} & p=$!; until grep -q Playing {said}; do sleep 0.05; done;",
        sound.display(),
        said = said.display()
    );
    let script = script.replace("PLAY", &play);
    let output = run_ok(kind, &[], &["sh", "-c", &script]);
    text(&output.stdout) + &text(&output.stderr) + &std::fs::read_to_string(&said).unwrap()
}

#[test]
fn a_stopped_client_gets_its_xrun_and_recovers() {
    for kind in kinds() {
        let said = shell_on(
            kind,
            "PLAY sleep 0.7; kill -STOP $p; sleep 1; kill -CONT $p; wait $p && echo played",
        );
        assert!(said.contains("underrun"), "{kind:?}: {said}");
        assert!(said.contains("played"), "{kind:?}: {said}");
    }
}

#[test]
fn an_interrupted_client_ends_at_once() {
    for kind in kinds() {
        let script = "PLAY sleep 0.7; s=$(date +%s%N); kill -INT $p; wait $p; e=$(date +%s%N); echo took $(((e-s)/1000000)) ms";
        let said = shell_on(kind, script);
        let took = said
            .split("took ")
            .nth(1)
            .and_then(|s| s.split(' ').next()?.parse::<u64>().ok());
        assert!(
            took.unwrap() < 800 * u64::from(patience()),
            "{kind:?}: {said}"
        );
    }
}

#[test]
fn a_killed_client_leaves_the_card_free_at_once() {
    for kind in kinds() {
        let script = "PLAY sleep 0.5; kill -KILL $p; wait $p; aplay -q -N -D hw:0 -d 1 -t raw -f dat /dev/zero && echo free";
        let said = shell_on(kind, script);
        assert!(said.contains("free"), "{kind:?}: {said}");
    }
}

#[test]
fn two_clients_play_and_a_third_waits_or_is_told_busy() {
    let served = Served::start(&["--substreams", "2"]);
    let node = served.node("pcmC0D0p");
    let clients: Vec<PcmClient> = (0..2).map(|_| PcmClient::open(&node, 0).unwrap()).collect();
    let data = vec![0u8; 1920 * 4];
    for client in &clients {
        // A quarter of a second in the ring.
        client
            .set_up(&Setup {
                rate: 8000,
                ..Setup::default()
            })
            .unwrap();
        assert_eq!(client.writei(&data, 1920).unwrap(), 1920);
    }
    thread::sleep(Duration::from_millis(20));
    for client in &clients {
        let status = client.status().unwrap();
        assert_eq!(status.state, 3, "running");
        assert!(status.hw_ptr > 0, "moving");
    }
    let third = PcmClient::open(&node, libc::O_NONBLOCK);
    assert_eq!(
        third.err().and_then(|e| e.raw_os_error()),
        Some(libc::EBUSY)
    );

    let (sender, receiver) = channel();
    let waiting = thread::spawn(move || sender.send(PcmClient::open(&node, 0).is_ok()).unwrap());
    assert!(
        receiver.recv_timeout(Duration::from_millis(300)).is_err(),
        "the third open waits"
    );
    drop(clients.into_iter().next());
    assert!(
        receiver
            .recv_timeout(Duration::from_secs(2) * patience())
            .unwrap(),
        "and gets the place that became free"
    );
    waiting.join().unwrap();
}

#[test]
fn a_killed_daemon_ends_its_clients_calls() {
    for options in served_kinds() {
        let mut served = Served::start(options);
        let client = PcmClient::open(&served.node("pcmC0D0p"), 0).unwrap();
        client
            .set_up(&Setup {
                rate: 8000,
                period: 8000,
                buffer: 16000,
                ..Setup::default()
            })
            .unwrap();
        let (sender, receiver) = channel();
        let blocked = thread::spawn(move || {
            let data = vec![0u8; 64000 * 4];
            let first = client.writei(&data, 64000);
            let second = client.status().err().and_then(|e| e.raw_os_error());
            sender.send((first.is_err(), second)).unwrap();
        });
        assert!(
            receiver.recv_timeout(Duration::from_millis(500)).is_err(),
            "the write waits"
        );
        served.kill();
        let (first, second) = receiver
            .recv_timeout(Duration::from_secs(1) * patience())
            .expect("the blocked write ends");
        assert!(first, "with an error");
        assert!(
            matches!(second, Some(libc::ENOTCONN | libc::ECONNABORTED)),
            "later calls fail: {second:?}"
        );
        blocked.join().unwrap();
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_thousand_random_kills_leak_no_descriptor_and_no_memory() {
    for (options, rounds) in served_kinds().into_iter().zip([600, 400]) {
        let rounds = 50 + repetitions(rounds);
        let served = Served::start(&[options, &["--substreams", "4"]].concat());
        let nodes = [served.node("pcmC0D0p"), served.node("pcmC0D0c")];
        let kill_after = |seed: u64| {
            let mut client = Command::new(env!("CARGO_BIN_EXE_restless-client"));
            let client = client
                .arg(&nodes[(seed % 2) as usize])
                .arg(seed.to_string())
                .spawn()
                .unwrap();
            let client = Killed(client);
            thread::sleep(Duration::from_micros(3000 + seed * 7919 % 20000));
            drop(client);
        };
        (0..50).for_each(kill_after);
        let settled = || PcmClient::open(&nodes[0], libc::O_NONBLOCK).is_ok();
        wait_until(
            "a place is free",
            Duration::from_secs(2) * patience(),
            settled,
        );
        thread::sleep(Duration::from_millis(100));
        let (descriptors, memory) = (served.descriptors(), served.memory_kib());
        (50..rounds).for_each(kill_after);
        wait_until(
            "no descriptor is left over",
            Duration::from_secs(2) * patience(),
            || served.descriptors() <= descriptors,
        );
        let grown = served.memory_kib().saturating_sub(memory);
        assert!(
            grown < 2048,
            "{options:?}: grown by {grown} KiB over {rounds} kills"
        );
        for node in &nodes {
            let all: Vec<_> = (0..4)
                .map(|_| PcmClient::open(node, libc::O_NONBLOCK))
                .collect();
            assert!(
                all.iter().all(Result::is_ok),
                "{options:?}: every substream is free: {all:?}"
            );
        }
    }
}

#[test]
fn free_run_is_a_hundred_times_real_time() {
    let served = Served::start(&["--playback", "null,free-run"]);
    let client = PcmClient::open(&served.node("pcmC0D0p"), 0).unwrap();
    client
        .set_up(&Setup {
            period: 2048,
            buffer: 8192,
            ..Setup::default()
        })
        .unwrap();
    let (data, seconds) = (vec![0u8; 2048 * 4], 120);
    let started = Instant::now();
    let mut frames = 0;
    while frames < seconds * 48000 {
        frames += client.writei(&data, 2048).unwrap();
    }
    let ratio = seconds as f64 / started.elapsed().as_secs_f64();
    // An emulated processor does less.
    let least = 100.0 / f64::from(patience() * patience());
    assert!(ratio >= least, "{ratio:.0} × real time");
}
