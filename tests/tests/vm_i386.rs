//! Debian's i386 aplay and arecord, on Linux 6.12 in the virtual machine: on character devices and on passthrough mounts.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use cuse_pcm_tests::harness::words;
use cuse_pcm_tests::vm;

/// Makes a sound, `in.wav` and `in.raw`; serves it for recording, and what is played goes to `out.wav`.
const CARD: &str = r#"
cd /tmp; export HOME=/
sox -n -r 48000 -b 16 -c 2 in.wav synth 1 whitenoise vol 0.5
sox in.wav -t raw in.raw
card='--card 7 --playback wav:/tmp/out.wav --capture wav:/tmp/in.wav'
# Of what was played, as much as was sent.
played() {
    sox out.wav -t raw out.raw
    [ "$(head -c $(stat -c %s in.raw) out.raw | sha256sum)" = "$(sha256sum <in.raw)" ] && echo $1 played
    rm out.wav
}
recorded() {
    [ "$(sha256sum <rec.raw)" = "$(sha256sum <in.raw)" ] && echo $1 recorded
    rm rec.raw
}
on_devices() {
    cuse-pcm serve --nodes cuse $card >said & daemon=$!
    until grep -q ready: said; do kill -0 $daemon || exit 99; sleep 0.1; done
    $1 $2 || exit
    kill $daemon; wait $daemon; rm said
}
on_mounts() {
    mkdir nodes
    cuse-pcm serve --nodes passthrough --at /tmp/nodes $card >said & daemon=$!
    until grep -q ready: said; do kill -0 $daemon || exit 99; sleep 0.1; done
    mount --bind nodes /dev/snd
    $1 $2 || exit
    umount /dev/snd; kill $daemon; wait $daemon; rmdir nodes; rm said
}
"#;

/// Runs a script in the machine; what it printed.
fn script(text: &str) -> String {
    let options = ["--own-time", "--cpus", "1", "--time-limit", "600"];
    let output = vm::run(&options, &["bash", "-c", &format!("{CARD}{text}")]);
    assert!(output.status.success(), "{}", words(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn debians_32_bit_aplay_and_arecord_play_and_record_bit_exactly() {
    let said = script(
        r"
        PATH=/opt/i386/bin:$PATH
        for program in aplay arecord; do head -c 5 $(command -v $program) | od -An -t x1; done
        play() { aplay -q $1 -D hw:7 in.wav; }
        record() { arecord -q $1 -D hw:7 -t raw -f dat -s 48000 rec.raw; }
        on_devices play && played devices
        on_devices record && recorded devices
        for mapped in '' -M; do
            on_mounts play $mapped && played mounts$mapped
            on_mounts record $mapped && recorded mounts$mapped
        done
        aplay -q -M -D hw:Dummy in.wav && echo a driver of the kernel, mapped
        ",
    );
    let elf_32 = " 7f 45 4c 46 01\n";
    let lines = [
        "devices played",
        "devices recorded",
        "mounts played",
        "mounts recorded",
        "mounts-M played",
        "mounts-M recorded",
        "a driver of the kernel, mapped",
    ];
    assert_eq!(said, elf_32.repeat(2) + &lines.join("\n") + "\n");
}
