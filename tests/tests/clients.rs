//! Unmodified programs on the card: what people run, as they run it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::time::{Duration, Instant};

use cuse_pcm_tests::harness::{Kind, folder, kinds, open_to_all, run, run_ok, words};
use cuse_pcm_tests::place::patience;
use cuse_pcm_tests::sample_formats::noise_file;
use cuse_pcm_tests::wav_file::WavFile;

/// A stereo S16 sound at 48 kHz.
fn sound(frames: usize) -> WavFile {
    noise_file(frames, 99)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a shell script on a card on every kind of node; gives what it printed, by kind.
fn scripts(card: &[&str], script: &str) -> Vec<(Kind, String)> {
    let one = |kind| {
        let output = run_ok(kind, card, &["sh", "-c", script]);
        (kind, text(&output.stdout) + &text(&output.stderr))
    };
    kinds().into_iter().map(one).collect()
}

#[test]
fn aplay_without_a_device_plays_through_the_card() {
    for kind in kinds() {
        let folder = folder();
        let (input, output) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
        let sound = sound(48000);
        std::fs::write(&input, sound.to_bytes()).unwrap();
        open_to_all(&input);
        let card = format!("wav:{},free-run", output.display());
        run_ok(
            kind,
            &["--playback", &card],
            &["aplay", "-q", input.to_str().unwrap()],
        );
        let got = WavFile::read(&output).unwrap();
        // aplay fills its last period with silence.
        assert!(
            got.data.len() < sound.data.len() + 48000 * 4,
            "{kind:?}: {} bytes",
            got.data.len()
        );
        assert_eq!(got.data[..sound.data.len()], sound.data, "{kind:?}");
        assert!(
            got.data[sound.data.len()..].iter().all(|b| *b == 0),
            "{kind:?}: silence follows"
        );
        assert_eq!(
            (got.rate, got.channels, got.bits),
            (48000, 2, 16),
            "{kind:?}"
        );
    }
}

#[test]
fn aplay_and_arecord_list_the_card_as_card_0() {
    for (kind, printed) in scripts(&[], "aplay -l; arecord -l; aplay -L") {
        assert_eq!(printed.matches("card 0:").count(), 2, "{kind:?}: {printed}");
        assert!(printed.contains("hw:CARD="), "{kind:?}: {printed}");
        assert!(printed.contains("plughw:CARD="), "{kind:?}: {printed}");
    }
}

#[test]
fn the_card_number_and_id_are_the_ones_asked_for() {
    let printed = text(
        &run_ok(
            Kind::Root,
            &["--card", "5", "--id", "Studio"],
            &["aplay", "-l"],
        )
        .stdout,
    );
    assert!(printed.contains("card 5: Studio"), "{printed}");
}

#[test]
fn amixer_sets_volume_and_switch_and_they_act_on_the_sound() {
    for kind in kinds() {
        let folder = folder();
        let (input, output) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
        let sound = sound(24000);
        std::fs::write(&input, sound.to_bytes()).unwrap();
        open_to_all(&input);
        let card = format!("wav:{},free-run", output.display());
        let script = format!(
            "amixer -q sset Master 0dB && aplay -q -D hw:0 {0} && amixer -q sset Master 6dB- && aplay -q -D hw:0 {0} \
             && amixer -q sset Master mute && aplay -q -D hw:0 {0} && amixer sget Master",
            input.display()
        );
        let printed = text(&run_ok(kind, &["--playback", &card], &["sh", "-c", &script]).stdout);
        assert!(printed.contains("[off]"), "{kind:?}: {printed}");
        let got = WavFile::read(&output).unwrap();
        let third = got.data.len() / 3;
        assert_eq!(
            got.data[..sound.data.len()],
            sound.data,
            "{kind:?}: 0 dB passes samples untouched"
        );
        let sample = |bytes: &[u8], i: usize| {
            f64::from(i16::from_le_bytes([bytes[i * 2], bytes[i * 2 + 1]]))
        };
        for i in (0..48000).step_by(97) {
            let (loud, soft) = (sample(&sound.data, i), sample(&got.data[third..], i));
            assert!(
                (soft - loud * 10f64.powf(-6.0 / 20.0)).abs() <= 1.0,
                "{kind:?}: {loud} became {soft} at {i}"
            );
        }
        assert!(
            got.data[2 * third..].iter().all(|b| *b == 0),
            "{kind:?}: muted is silent"
        );
    }
}

#[test]
fn alsactl_stores_and_restores() {
    for kind in kinds() {
        let folder = folder();
        let state = folder.path().join("state");
        let script = format!(
            "amixer -q sset Master 10dB- && amixer -q sset Capture nocap; amixer contents > {0}.1 \
             && alsactl -f {0} store 0 && amixer -q sset Master 0dB unmute && amixer -q sset Capture cap \
             && alsactl -f {0} restore 0; amixer contents > {0}.2; cat {0}",
            state.display()
        );
        let printed = text(&run_ok(kind, &[], &["sh", "-c", &script]).stdout);
        assert!(
            printed.contains("Master Playback Volume"),
            "{kind:?}: {printed}"
        );
        let contents = |n| std::fs::read_to_string(format!("{}.{n}", state.display())).unwrap();
        assert!(contents(1).contains("Volume"), "{kind:?}: {}", contents(1));
        assert_eq!(contents(1), contents(2), "{kind:?}");
    }
}

#[test]
fn speaker_test_plays_a_loop() {
    for (kind, printed) in scripts(
        &[],
        "speaker-test -c 2 -t sine -f 440 -l 1 -s 1 -p 100000 -b 400000; speaker-test -l 1 -c 2 -t pink -D hw:0",
    ) {
        assert!(printed.contains("Time per period"), "{kind:?}: {printed}");
    }
}

#[test]
fn sox_plays_and_records() {
    for kind in kinds() {
        let folder = folder();
        let (input, output, record) = (
            folder.path().join("in.wav"),
            folder.path().join("out.wav"),
            folder.path().join("rec.wav"),
        );
        let sound = sound(30000);
        std::fs::write(&input, sound.to_bytes()).unwrap();
        open_to_all(&input);
        let (playback, capture) = (
            format!("wav:{},free-run", output.display()),
            format!("wav:{},free-run", input.display()),
        );
        let script = format!(
            "AUDIODEV=hw:0 sox -q -D {0} -t alsa && sox -q -D -r 48000 -c 2 -b 16 -t alsa hw:0 {1} trim 0 20000s",
            input.display(),
            record.display()
        );
        run_ok(
            kind,
            &["--playback", &playback, "--capture", &capture],
            &["sh", "-c", &script],
        );
        let played = WavFile::read(&output).unwrap();
        assert_eq!(played.data[..sound.data.len()], sound.data, "{kind:?}");
        let recorded = WavFile::read(&record).unwrap();
        assert_eq!(recorded.data, sound.data[..80000], "{kind:?}");
    }
}

#[test]
fn a_plug_converts_format_rate_and_channels_for_playback() {
    let folder = folder();
    let (input, output, config) = (
        folder.path().join("in.raw"),
        folder.path().join("out.wav"),
        folder.path().join("asound.conf"),
    );
    // A constant survives the conversion of rate, format and channels.
    std::fs::write(&input, vec![0xc0u8; 8000]).unwrap();
    let slave = "pcm \"hw:0,0\" format S32_LE rate 44100 channels 2";
    let plug = format!("</usr/share/alsa/alsa.conf>\npcm.conv {{ type plug slave {{ {slave} }} }}");
    std::fs::write(&config, plug).unwrap();
    let card = format!("wav:{},free-run", output.display());
    let script = format!(
        "ALSA_CONFIG_PATH={} aplay -q -D conv -t raw -f U8 -c 1 -r 8000 {1} && aplay -q -D plughw:0 -t raw -f U8 -c 1 -r 8000 {1}",
        config.display(),
        input.display()
    );
    run_ok(Kind::Root, &["--playback", &card], &["sh", "-c", &script]);
    let got = WavFile::read(&output).unwrap();
    assert_eq!((got.rate, got.bits, got.channels), (44100, 32, 2));
    assert_eq!(
        got.data[160_000..160_004],
        [0, 0, 0, 0x40],
        "half of full scale"
    );
    let second = WavFile::read(&folder.path().join("out.2.wav")).unwrap();
    assert_eq!((second.rate, second.bits, second.channels), (8000, 8, 1));
    assert_eq!(
        second.data[..8000],
        vec![0xc0; 8000],
        "a plug leaves what the card takes"
    );
}

#[test]
fn plughw_resamples_for_a_card_with_a_fixed_rate() {
    let folder = folder();
    let (input, output) = (folder.path().join("in.wav"), folder.path().join("out.raw"));
    let data = 0x1234i16.to_le_bytes().repeat(2 * 48000);
    let file = WavFile {
        tag: 1,
        channels: 2,
        rate: 48000,
        bits: 16,
        data,
    };
    std::fs::write(&input, file.to_bytes()).unwrap();
    let card = format!("wav:{},free-run", input.display());
    let script = format!(
        "arecord -q -D plughw:0 -t raw -f S32_BE -c 1 -r 16000 --samples=8000 {}",
        output.display()
    );
    run_ok(Kind::Root, &["--capture", &card], &["sh", "-c", &script]);
    let got = std::fs::read(&output).unwrap();
    assert_eq!(got.len(), 8000 * 4);
    let middle = i32::from_be_bytes(got[16000..16004].try_into().unwrap());
    assert!(
        (middle >> 16) - 0x1234 <= 1 && (middle >> 16) - 0x1234 >= -1,
        "{middle:#x}"
    );
}

#[test]
fn alsaloop_carries_sound_from_capture_to_playback() {
    let folder = folder();
    let (input, output) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
    let sound = sound(48000);
    std::fs::write(&input, sound.to_bytes()).unwrap();
    let (playback, capture) = (
        format!("wav:{}", output.display()),
        format!("wav:{}", input.display()),
    );
    let card = ["--playback", &playback, "--capture", &capture];
    let started = Instant::now();
    let (seconds, latency) = if patience() == 1 { (4, 50) } else { (20, 500) };
    let script = format!(
        "timeout -s INT {seconds} alsaloop -C hw:0 -P hw:0 -f S16_LE -r 48000 -c 2 -t {latency}000 -l {} -S 0",
        latency * 82
    );
    let ran = run(Kind::Root, &card, &["sh", "-c", &script]);
    assert!(
        started.elapsed() > Duration::from_secs(2),
        "alsaloop gave up: {}",
        words(&ran)
    );
    let got = WavFile::read(&output).unwrap();
    let frame = &sound.data[..4];
    let start = got.data.chunks_exact(4).position(|f| f == frame);
    let start = start.unwrap_or_else(|| {
        panic!(
            "nothing of the sound in {} bytes: {}",
            got.data.len(),
            words(&ran)
        )
    });
    assert_eq!(got.data[start * 4..][..96000], sound.data[..96000]);
}

/// Traces a program's system calls on the nodes.
fn trace(kind: Kind, mmap: bool) -> String {
    let folder = folder();
    let (input, trace) = (folder.path().join("in.wav"), folder.path().join("trace"));
    std::fs::write(&input, sound(24000).to_bytes()).unwrap();
    open_to_all(&input);
    let flag = if mmap { "-M" } else { "" };
    let script = format!(
        "strace -f -y -e trace=ioctl,mmap -o {} aplay -q {flag} -D hw:0 {}",
        trace.display(),
        input.display()
    );
    run_ok(
        kind,
        &["--playback", "null,free-run"],
        &["sh", "-c", &script],
    );
    std::fs::read_to_string(&trace).unwrap()
}

#[test]
fn aplay_with_mmap_maps_data_status_and_control_and_writes_nothing() {
    for kind in kinds() {
        let trace = trace(kind, true);
        let mapped = |offset: &str| {
            trace.lines().any(|l| {
                l.contains("mmap(")
                    && l.contains("pcmC0D0p")
                    && l.contains(offset)
                    && !l.contains("= -1")
            })
        };
        for offset in [", 0x80000000)", ", 0x81000000)", ", 0)"] {
            assert!(
                mapped(offset),
                "{kind:?}: no successful mmap at{offset}\n{trace}"
            );
        }
        assert!(!trace.contains("WRITEI_FRAMES"), "{kind:?}: {trace}");
        assert!(!trace.contains("SYNC_PTR"), "{kind:?}: {trace}");
    }
}

#[test]
fn aplay_without_mmap_maps_no_data() {
    for kind in kinds() {
        let trace = trace(kind, false);
        assert!(trace.contains("WRITEI_FRAMES"), "{kind:?}: {trace}");
        let data =
            |l: &&str| l.contains("mmap(") && l.contains("pcmC0D0p") && l.ends_with(", 0) = 0");
        let data = trace
            .lines()
            .filter(|l| l.contains("mmap(") && l.contains("pcmC0D0p>, 0)"))
            .chain(trace.lines().filter(data));
        assert_eq!(data.count(), 0, "{kind:?}: {trace}");
    }
}

#[test]
fn alsamixer_shows_the_controls() {
    let folder = folder();
    let socket = folder.path().join("tmux");
    let script = format!(
        "export LC_ALL=C.UTF-8; t='tmux -S {}'; $t -f /dev/null new-session -d -x 100 -y 30 'TERM=screen alsamixer -V all'; \
         for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.3; $t capture-pane -p > {1}; grep -q Master {1} && break; done; \
         $t send-keys Down Down Down Down; sleep 0.5; $t capture-pane -p; $t kill-server; amixer sget Master",
        socket.display(),
        folder.path().join("screen").display()
    );
    let printed = text(&run_ok(Kind::Root, &[], &["sh", "-c", &script]).stdout);
    assert!(
        printed.contains("AlsaMixer") && printed.contains("Master"),
        "{printed}"
    );
    assert!(
        !printed.contains("[0.00dB]") || !printed.contains("[100%]"),
        "four steps down are heard of: {printed}"
    );
}
