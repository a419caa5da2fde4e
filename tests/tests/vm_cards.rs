//! Cards that come and go while the daemon runs, and cards with both kinds of nodes, on Linux 6.12 in the virtual machine.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeMap;

use cuse_pcm_tests::harness::words;
use cuse_pcm_tests::vm;

/// How often a card comes and goes.
const CYCLES: &str = "500";

/// `serve OPTION...` starts a daemon in the background, as `$card`.
const SERVE: &str = "cd /tmp; export HOME=/
serve() {
    >/tmp/said; cuse-pcm -q serve \"$@\" >/tmp/said & card=$!
    until grep -q ready: /tmp/said; do kill -0 $card || exit 99; sleep 0.1; done
}
as_user() { setpriv --reuid=1000 --regid=1000 --init-groups \"$@\"; }
";

/// Runs a script in the machine; what it printed.
fn script(limit: &str, text: &str) -> String {
    let options = ["--time-limit", limit];
    let output = vm::run(&options, &["bash", "-c", &format!("{SERVE}{text}")]);
    assert!(output.status.success(), "{}", words(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What came after each line `== NAME`.
fn parts(said: &str) -> BTreeMap<&str, Vec<&str>> {
    let parts = said.split("== ").skip(1);
    parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(name, rest)| (name, rest.lines().collect()))
        .collect()
}

#[test]
fn clients_see_of_a_removed_card_what_they_see_of_snd_dummy_unbound() {
    let said = script(
        "200",
        "gone() {
            removal-client $2/pcmC$3D0p $2/pcmC$3D0c $2/controlC$3 >/tmp/gone 2>&1 & client=$!
            until grep -q ready /tmp/gone; do kill -0 $client || break; sleep 0.1; done
            sleep 1; eval \"$4\"; timeout 60 tail --pid=$client -f /dev/null
            echo \"== $1\"; cat /tmp/gone; wait $client; echo ended $?
        }
        serve --nodes cuse --card 7 --substreams 8
        gone cuse /dev/snd 7 'cuse-pcm remove 7'
        cuse-pcm add --card 7; kill $card; wait $card
        mkdir at; serve --at /tmp/at --nodes passthrough --card 7 --substreams 8
        gone mount /tmp/at 7 'cuse-pcm remove CUSE'
        kill $card; wait $card
        gone kernel /dev/snd 0 'echo snd_dummy.0 >/sys/bus/platform/drivers/snd_dummy/unbind &'",
    );
    let parts = parts(&said);
    let kernel = &parts["kernel"];
    assert_eq!(kernel.len(), 22, "{said}");
    assert!(kernel.contains(&"write: errno 77"), "{said}");
    assert!(kernel.contains(&"mapped state: 8"), "{said}");
    let without = |what: &str| -> Vec<&str> {
        let lines = kernel.iter().copied();
        lines.filter(|line| !line.starts_with(what)).collect()
    };
    // A device of ours cannot be mapped.
    let cuse: Vec<&str> = parts["cuse"]
        .iter()
        .copied()
        .take_while(|l| !l.starts_with("added"))
        .collect();
    assert_eq!(cuse, without("mapped state"), "{said}");
    // A file stays one that can be mapped: the kernel asks nobody.
    let mount: Vec<&str> = (parts["mount"].iter().copied())
        .filter(|line| !line.starts_with("map:"))
        .collect();
    assert_eq!(mount, without("map:"), "{said}");
}

#[test]
fn cards_that_come_and_go_leave_nothing_behind() {
    let said = script(
        "900",
        "serve --nodes both --card 7; cycle-client /run/cuse-pcm/control $card CYCLES; echo cycles $?
        kill $card; wait $card; echo ended $?; ls /dev/snd | grep -c 'C[79]'; grep -c cuse-pcm /proc/mounts; ls /run/cuse-pcm"
            .replace("CYCLES", CYCLES)
            .as_str(),
    );
    assert!(said.ends_with("cycles 0\nended 0\n0\n0\n"), "{said}");
}

#[test]
fn eight_clients_of_a_killed_daemon_end_and_its_nodes_vanish() {
    let said = script(
        "200",
        "serve --nodes both --card 7 --substreams 4
        cuse-pcm add --card 8 --substreams 4
        clients=
        for n in 1 2 3 4; do for c in 7 8; do
            aplay -q -D hw:$c -t raw -f dat /dev/zero 2>/dev/null & clients=\"$clients $!\"
        done; done
        until [ $(cuse-pcm status | grep -c RUNNING) = 8 ]; do sleep 0.2; done
        kill -KILL $card; wait $card 2>/dev/null
        for client in $clients; do timeout 20 tail --pid=$client -f /dev/null; wait $client; echo client $?; done
        sleep 1; ls /dev/snd | grep -c 'C[78]'; grep -c 'cuse-pcm /dev' /proc/mounts
        serve --nodes both --card 7; ls -d /run/cuse-pcm/nodes-* | wc -l; cuse-pcm status | head -1",
    );
    let expected = [
        "added: card 8 (CUSE_1) in /dev/snd\n",
        &"client 1\n".repeat(8),
        "0\n0\n1\nNodes in /dev/snd\n",
    ];
    assert_eq!(said, expected.concat());
}

#[test]
fn both_nodes_of_a_card_lead_to_one_substream_and_each_can_do_what_it_can() {
    let said = script(
        "120",
        "sox -n -r 48000 -b 16 -c 2 in.wav synth 1 sine 440 vol 0.5
        serve --nodes both --card 7 --playback wav:/tmp/out.wav
        stat -c '%F %U %G %a' /dev/snd/controlC7 /dev/snd/pcmC7D0p /dev/snd/pcmC7D0c
        as_user aplay -q -M -D hw:7 in.wav; echo played $?
        setpriv --reuid=65534 --regid=65534 --clear-groups aplay -q -D hw:7 in.wav 2>/dev/null; echo nobody $?
        IFS=: read a b </sys/class/cuse/'snd!pcmC7D0p'/dev; mkdir n; mknod n/pcmC7D0p c $a $b
        IFS=: read a b </sys/class/cuse/'snd!pcmC7D0c'/dev; mknod n/pcmC7D0c c $a $b
        device-client n/pcmC7D0p
        aplay -q -D hw:7 -t raw -f dat /dev/zero & client=$!
        until cuse-pcm status | grep -q RUNNING; do sleep 0.1; done
        device-client n/pcmC7D0p 2>&1
        kill $client; wait $client; kill $card; wait $card; echo ended $?
        ls /dev/snd | grep -c C7; grep -c cuse-pcm /proc/mounts
        sox in.wav -t raw in.raw; sox out.wav -t raw out.raw
        [ \"$(head -c $(stat -c %s in.raw) out.raw | sha256sum)\" = \"$(sha256sum <in.raw)\" ] && echo same",
    );
    let node = "regular file root audio 660\n";
    let begins = format!("character special file root audio 660\n{node}{node}played 0\nnobody 1\n");
    let rest = said.strip_prefix(&begins).expect(&said);
    let device = "can pause: true\ncan be mapped: false\nmap: errno 19\n";
    let rest = rest.strip_prefix(device).expect(&said);
    assert!(
        rest.ends_with(
            "drain: done\nError: Os { code: 16, kind: ResourceBusy, message: \"Device or resource busy\" }\n\
             ended 0\n0\n0\nsame\n"
        ),
        "{said}"
    );
}
