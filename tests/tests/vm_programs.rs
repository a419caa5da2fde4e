//! What people use, on a card that is there as character devices beside the kernel's own: on Linux 6.12 in the virtual
//! machine, as a user of group audio.
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

/// `serve` has card 7 play into `out.wav` and record from `in.wav`; `ended` ends it, then what it played is complete.
const TOOLS: &str = "
mkdir -m 777 /tmp/work; cd /tmp/work; export HOME=/home/user
as_user() { setpriv --reuid=1000 --regid=1000 --init-groups env \"$@\"; }
serve() {
    rm -f out*.wav
    cuse-pcm serve --nodes ${nodes:-cuse} --card 7 --id Studio --playback wav:/tmp/work/out.wav,free-run \\
        --capture wav:/tmp/work/in.wav,free-run \"$@\" >said & card=$!
    until grep -q ready: said; do kill -0 $card || exit 99; sleep 0.1; done
}
ended() { kill $card; wait $card; }
# That one file begins with all that the other one has.
same() { [ \"$(head -c $(stat -c %s $2) $1 | sha256sum)\" = \"$(sha256sum <$2)\" ] && echo $3: all equal; }
played() { ended; sox out.wav -t raw out.raw; same out.raw in.raw \"$1\"; }
sox -n -r 48000 -b 16 -c 2 in.wav synth 1 whitenoise vol 0.5
sox in.wav -t raw in.raw
";

/// Runs a script in the machine; what it printed.
fn script(text: &str) -> String {
    let output = vm::run(
        &["--time-limit", "600"],
        &["bash", "-c", &format!("{TOOLS}{text}")],
    );
    assert!(output.status.success(), "{}", words(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The part of what was printed that follows a line `-- NAME`.
fn part<'a>(said: &'a str, name: &str) -> &'a str {
    let begins = format!("-- {name}\n");
    let from = said.split_once(&begins).unwrap_or_else(|| panic!("{said}"));
    from.1.split("-- ").next().unwrap()
}

#[test]
fn a_card_beside_the_kernels_is_listed_and_every_program_is_heard_bit_exactly() {
    let said = script(
        "serve
        echo -- aplay -l; as_user aplay -l
        echo -- arecord -l; as_user arecord -l
        echo -- sound
        as_user aplay -q -D hw:7 in.wav; played aplay
        serve; as_user aplay -q -D hw:Studio in.wav; played 'aplay, card by its id'
        serve; as_user ALSA_CARD=7 aplay -q in.wav; played 'aplay, the default by the environment'
        echo 'defaults.pcm.card 7' >/home/user/.asoundrc
        serve; as_user aplay -q -D default in.wav; played 'aplay, the default by .asoundrc'
        rm /home/user/.asoundrc
        serve; as_user AUDIODEV=hw:7 sox -q -D in.wav -t alsa; played sox
        serve; as_user arecord -q -D hw:7 -f dat -s 48000 -t raw rec.raw; same rec.raw in.raw arecord; ended
        serve; as_user ALSA_CARD=7 arecord -q -f dat -s 48000 -t raw default.raw; same default.raw in.raw 'arecord, the default'
        ended
        serve; as_user sox -q -D -r 48000 -c 2 -b 16 -t alsa hw:7 sox.wav trim 0 40000s
        sox -D sox.wav -t raw sox.raw; same in.raw sox.raw 'sox, recording'; ended
        nodes=both
        serve; as_user aplay -q -M -D hw:7 in.wav; played 'aplay -M, both'
        serve; as_user aplay -q -D hw:7 in.wav; played 'aplay, both'
        serve; as_user arecord -q -M -D hw:7 -f dat -s 48000 -t raw both.raw; same both.raw in.raw 'arecord -M, both'; ended
        nodes=cuse
        echo -- mixer
        serve; as_user aplay -q -M -D hw:7 in.wav 2>/dev/null || echo devices have no mmap
        as_user amixer -q -c 7 sset Master 6dB- mute; as_user amixer -c 7 contents >before
        as_user alsactl -f state store 7 2>/dev/null; as_user amixer -q -c 7 sset Master 0dB unmute
        as_user amixer -c 7 contents >other; as_user alsactl -f state restore 7 2>/dev/null; as_user amixer -c 7 contents >after
        same before other not; same before after restored
        as_user aplay -q -D hw:7 in.wav; ended; sox out.wav -n stat 2>&1 | grep Maximum.amplitude",
    );
    for list in ["aplay -l", "arecord -l"] {
        let listed = part(&said, list);
        for card in ["card 7: Studio", ": Dummy [Dummy]", ": Loopback [Loopback]"] {
            assert!(listed.contains(card), "no {card} in: {listed}");
        }
    }
    let programs = [
        "aplay",
        "aplay, card by its id",
        "aplay, the default by the environment",
        "aplay, the default by .asoundrc",
        "sox",
        "arecord",
        "arecord, the default",
        "sox, recording",
        "aplay -M, both",
        "aplay, both",
        "arecord -M, both",
    ];
    let heard: String = (programs.iter())
        .map(|program| format!("{program}: all equal\n"))
        .collect();
    assert_eq!(part(&said, "sound"), heard);
    let mixer: Vec<&str> = part(&said, "mixer").lines().collect();
    assert_eq!(mixer[0], "devices have no mmap", "{said}");
    assert_eq!(mixer[1], "restored: all equal", "{said}");
    assert!(mixer[2].trim_end().ends_with(" 0.000000"), "muted: {said}");
}
