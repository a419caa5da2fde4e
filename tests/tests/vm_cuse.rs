//! Cards as character devices, on Linux 6.12 in the virtual machine.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use cuse_pcm_tests::c_client;
use cuse_pcm_tests::harness::words;
use cuse_pcm_tests::vm;

/// Starts the card 7 in the background, as `$card`.
const SERVE: &str = "cd /tmp; export HOME=/
serve() {
    cuse-pcm serve --nodes cuse --card 7 \"$@\" >/tmp/said & card=$!
    until grep -q ready: /tmp/said; do kill -0 $card || exit 99; sleep 0.1; done
}
as_user() { setpriv --reuid=1000 --regid=1000 --init-groups \"$@\"; }
";

/// Runs a script in the machine; what it printed.
fn script(text: &str) -> String {
    let output = vm::run(&[], &["bash", "-c", &format!("{SERVE}{text}")]);
    assert!(output.status.success(), "{}", words(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_device_pauses_links_waits_as_its_flags_say_and_cannot_be_mapped() {
    let said = script("serve; device-client /dev/snd/pcmC7D0p");
    let expected = "can pause: true
can be mapped: false
map: errno 19
fill: all
more: what fits
pause: done
again: errno 77
state: 6
stands still: true
resume: done
state: 3
link: done
again: errno 114
unlink: done
fill: all
more: all
drain: done
";
    assert_eq!(said, expected);
}

#[test]
fn what_aplay_plays_as_a_user_of_group_audio_arrives_and_nobody_else_may() {
    let said = script(
        "sox -n -r 48000 -b 16 -c 2 in.wav synth 1 sine 440 vol 0.5
        serve --playback wav:/tmp/out.wav --capture null
        stat -c '%F %U %G %a' /dev/snd/controlC7 /dev/snd/pcmC7D0p /dev/snd/pcmC7D0c
        as_user aplay -q -D hw:7 in.wav; echo played $?
        as_user strace -o trace -e trace=mmap,ioctl arecord -q -D hw:7 -f dat -s 4800 rec.raw -t raw
        stat -c %s rec.raw
        grep -cE 'mmap.* 0x8[0-3]000000\\) = -1 ENODEV' trace
        [ $(grep -c SYNC_PTR trace) -gt 2 ] && echo asks for positions
        setpriv --reuid=65534 --regid=65534 --clear-groups aplay -q -D hw:7 in.wav 2>/dev/null; echo nobody $?
        kill $card; wait $card; echo ended $?
        ls /dev/snd | grep -c C7
        sox in.wav -t raw in.raw; sox out.wav -t raw out.raw
        head -c $(stat -c %s in.raw) out.raw | sha256sum; sha256sum <in.raw",
    );
    let node = "character special file root audio 660\n";
    let rest = "played 0\n19200\n2\nasks for positions\nnobody 1\nended 0\n0\n";
    let begins = [node, node, node, rest].concat();
    let sums: Vec<&str> = said.strip_prefix(&begins).expect(&said).lines().collect();
    assert!(matches!(sums[..], [out, sent] if out == sent), "{said}");
}

#[test]
fn a_number_that_is_taken_is_told_and_nothing_is_left_of_the_attempt() {
    let said = script(
        "cuse-pcm serve --nodes cuse --card 0 2>&1; echo $?
        serve --owner user --group 5 --mode 600
        cuse-pcm serve --nodes cuse --card 7 2>&1; echo $?
        stat -c '%U %g %a' /dev/snd/controlC7
        kill -KILL $card; wait $card 2>/dev/null; sleep 1; ls /dev/snd | grep -c C7; true",
    );
    let taken = |number| {
        format!(
            "cuse-pcm: Card number {number} is in use: /dev/snd/controlC{number} exists\n\
             cuse-pcm: try: another number with --card (0 to 31)\n1\n"
        )
    };
    assert_eq!(
        said,
        [taken(0), taken(7), "user 5 600\n0\n".to_owned()].concat()
    );
}

#[test]
fn a_client_that_plays_is_let_go_when_the_card_ends() {
    let said = script(
        "sox -n -r 48000 -b 16 -c 2 in.wav synth 20 sine 440
        for signal in TERM KILL; do
            serve; aplay -q -D hw:7 in.wav 2>/dev/null & client=$!
            sleep 2; kill -$signal $card; timeout 10 tail --pid=$client -f /dev/null; wait $client; echo $signal $?
            wait $card 2>/dev/null; sleep 1
        done",
    );
    assert_eq!(said, "TERM 1\nKILL 1\n");
}

#[test]
fn aplay_arrives_where_nobody_may_reach_anothers_memory() {
    // The kernel carries it.
    let said = script(
        "sox -n -r 48000 -b 16 -c 2 in.wav synth 1 sine 440 vol 0.5
        echo 3 >/proc/sys/kernel/yama/ptrace_scope || exit
        serve --playback wav:/tmp/out.wav --capture null
        aplay -q -D hw:7 --period-size=24000 --buffer-size=48000 in.wav; echo played $?
        arecord -q -D hw:7 -f dat -s 4800 rec.raw -t raw; stat -c %s rec.raw
        amixer -q -c 7 sset Master 50%; amixer -c 7 sget Master | grep -c 60
        amixer -q -c 7 sset Master 100%
        kill $card; wait $card
        sox in.wav -t raw in.raw; sox out.wav -t raw out.raw
        head -c $(stat -c %s in.raw) out.raw | sha256sum; sha256sum <in.raw",
    );
    let begins = "played 0\n19200\n";
    let lines: Vec<&str> = said.strip_prefix(begins).expect(&said).lines().collect();
    assert!(matches!(lines[..], [_, out, sent] if out == sent), "{said}");
}

#[test]
fn several_opens_of_one_node_wait_each_as_its_own_flag_says_and_are_linked_one_by_one() {
    let said = script(
        "serve --substreams 3
        # On a busy machine snd-dummy now and then waits for a period in vain, and its drain is EIO.
        for try in 1 2 3; do
            ours=$(several-opens /dev/snd/pcmC7D0p); drivers=$(several-opens /dev/snd/pcmC0D0p)
            [ \"$ours\" = \"$drivers\" ] && break
        done
        echo \"$ours\"; echo --; echo \"$drivers\"
        echo --; echo 3 >/proc/sys/kernel/yama/ptrace_scope; several-opens /dev/snd/pcmC7D0p || true",
    );
    let said: Vec<&str> = said.split("--\n").collect();
    let [ours, drivers, blind] = said[..] else {
        panic!("{said:?}")
    };
    assert_eq!(ours, drivers);
    // Where nobody may look, the flag each was opened with counts.
    let as_opened = |said: &str| said.split_inclusive('\n').take(2).collect::<String>();
    assert_eq!(as_opened(blind), as_opened(drivers));
    let expected = "as opened, first: wrote all, drain done
as opened, second: wrote what fits, drain errno 11
changed since, first: wrote all, drain errno 11
changed since, second: wrote what fits, drain done
changed before, first: wrote what fits, drain errno 11
changed before, second: wrote all, drain done
from a thread, first: wrote all, drain done
from a thread, second: wrote what fits, drain errno 11
link third: done
link same: errno 114
state 3
state 2
state 3
";
    assert_eq!(ours, expected);
}

#[test]
fn clients_of_32_bits_play_record_and_mix_also_where_nobody_may_reach_anothers_memory() {
    c_client::make_all();
    let said = script(
        "clients=$(dirname $(command -v cuse-pcm))/clients
        head -c 96000 /dev/urandom >in.raw; sox -t raw -r 48000 -e signed -b 16 -c 2 in.raw in.wav
        for scope in 1 3; do
            echo $scope >/proc/sys/kernel/yama/ptrace_scope
            for client in pcm32 pcm32-time64; do
                serve --playback wav:/tmp/out.wav,free-run --capture wav:/tmp/in.wav,free-run
                $clients/$client playback /dev/snd/pcmC7D0p in.raw refused; echo played $?
                $clients/$client capture /dev/snd/pcmC7D0c in.raw refused; echo recorded $?
                /opt/i386/bin/amixer -q -c 7 cset name='Master Playback Volume' 30,40
                amixer -c 7 cget name='Master Playback Volume' | grep : | tail -1
                [ \"$(amixer -c 7 contents)\" = \"$(/opt/i386/bin/amixer -c 7 contents)\" ] && echo same contents
                kill $card; wait $card; sox out.wav -t raw out.raw
                [ \"$(sha256sum <out.raw)\" = \"$(sha256sum <in.raw)\" ] && echo same sound
            done
        done",
    );
    let expected = "played 0
recorded 0
  : values=30,40
same contents
same sound
";
    assert_eq!(said, expected.repeat(4));
}
