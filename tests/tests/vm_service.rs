//! The services, as systemd runs them and udev sees its devices, on Linux 6.12 in the virtual machine.
#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
use std::process::Command;

use cuse_pcm_tests::harness::{folder, program, words};
use cuse_pcm_tests::vm;

/// What is installed is copied from the folder $1 to where it belongs; a device that writes a file is added to the
/// configuration's card. The lines printed are `name=value`.
const SCRIPT: &str = r#"
cp -r "$1"/. /; cd /tmp
cat >>/etc/cuse-pcm.toml <<END
[[card.pcm]]
playback = "wav:out.wav"
capture = "none"
END
as_user() { setpriv --reuid=1000 --regid=1000 --init-groups "$@"; }
main() { systemctl show --property MainPID --value cuse-pcm; }
of_udev() { udevadm info --query property --property "$2" --value /dev/snd/$1; }
tags_of() { of_udev $1 CURRENT_TAGS | tr : '\n' | sort | xargs; }
left() {
    echo $1=$(ls /dev/snd | grep -c C7) $(ls /sys/class/cuse | wc -l) $(pidof cuse-pcm | wc -w) \
        $(grep -c '^cuse-pcm' /proc/mounts) $(ls -d /run/cuse-pcm 2>/dev/null | wc -l)
}
arrived() {
    sox in.wav -t raw in.raw; sox /var/lib/cuse-pcm/out.wav -t raw out.raw; rm /var/lib/cuse-pcm/out.wav
    [ "$(head -c $(stat -c %s in.raw) out.raw | sha256sum)" = "$(sha256sum <in.raw)" ]; echo $1=$?
}

systemd-analyze verify --man=no cuse-pcm.service cuse-pcm-both.service; echo verified=$?
systemctl daemon-reload; udevadm control --reload
# The service brings the module back.
rmmod cuse
systemctl start cuse-pcm; echo started=$?
udevadm settle
for node in controlC7 pcmC7D0p pcmC7D0c pcmC7D1p; do
    echo $node=$(stat -c '%F %U %G %a' /dev/snd/$node) $(tags_of $node)
done
echo wants=$(of_udev controlC7 SYSTEMD_WANTS)
echo cuse=$(stat -c '%U %a' /dev/cuse)
cuse-pcm status >/tmp/status; echo told=$? $(grep -c Cable /tmp/status)
cuse-pcm add --card 9 --id Second >/dev/null; echo added=$? $(stat -c '%G %a' /dev/snd/controlC9)
cuse-pcm remove Second >/dev/null; echo removed=$? $(ls /dev/snd | grep -c C9)
echo privileges=$(awk '/^(CapEff|CapBnd|NoNewPrivs|Seccomp):/ { print $2 }' /proc/$(main)/status)
systemd-analyze security --threshold=25 cuse-pcm.service >/tmp/exposure; echo exposed=$?
tail -n 1 /tmp/exposure >&2

sox -n -r 48000 -b 16 -c 2 in.wav synth 0.4 sine 440 vol 0.5
as_user aplay -q -D hw:Cable,1 in.wav; echo played=$?
# The flags of another user's file, and a link by its number.
as_user device-client /dev/snd/pcmC7D0p >client; echo client=$? $(grep -c errno client) $(tail -n 3 client)
kill -KILL $(main); sleep 1
for i in $(seq 100); do systemctl --quiet is-active cuse-pcm && break; sleep 0.2; done
echo again=$(systemctl show --property NRestarts --value cuse-pcm) $(as_user aplay -l | grep -c '^card 7.*device 0:')
# What was killed had no time to end its file.
as_user aplay -q -D hw:Cable,1 in.wav; echo played_again=$?
systemctl stop cuse-pcm; echo stopped=$? $(systemctl is-active cuse-pcm)
echo file=$(stat -c '%U %a' /var/lib/cuse-pcm/out.wav)
left left; arrived arrived

# The other one: what it mounts is seen here, and mapped.
systemctl start cuse-pcm-both; echo both=$?
echo both_privileges=$(awk '/^(CapEff|NoNewPrivs|Seccomp):/ { print $2 }' /proc/$(systemctl show --property MainPID --value cuse-pcm-both)/status)
systemd-analyze security --threshold=45 cuse-pcm-both.service >/tmp/exposure; echo both_exposed=$?
tail -n 1 /tmp/exposure >&2
echo mounts=$(grep -c '^cuse-pcm /dev/snd/pcmC7D' /proc/mounts)
as_user aplay -q -M -D hw:Cable,1 in.wav; echo mapped=$?
systemctl stop cuse-pcm-both; echo both_stopped=$? $(systemctl is-active cuse-pcm-both)
left both_left; arrived both_arrived

# The rule leaves alone what the options ask for.
cuse-pcm serve --nodes cuse --card 8 --owner user --group 4 --mode 640 >said & card=$!
until grep -q ready: said; do kill -0 $card || exit 99; sleep 0.1; done
udevadm settle; udevadm trigger --action=change --subsystem-match=cuse; udevadm settle
echo asked=$(stat -c '%U %g %a' /dev/snd/controlC8) $(tags_of controlC8)
kill $card; wait $card; echo ended=$?
"#;

/// Bits of the capabilities that a unit file names.
fn capabilities(unit: &str) -> u64 {
    let known = [
        ("CAP_CHOWN", 0),
        ("CAP_DAC_READ_SEARCH", 2),
        ("CAP_FOWNER", 3),
        ("CAP_SYS_PTRACE", 19),
        ("CAP_SYS_ADMIN", 21),
    ];
    let named = unit
        .lines()
        .find_map(|line| line.strip_prefix("CapabilityBoundingSet="));
    named
        .unwrap()
        .split_whitespace()
        .map(|name| 1 << known.iter().find(|(n, _)| *n == name).expect(name).1)
        .sum()
}

#[test]
fn the_services_bring_cards_with_the_privileges_they_say_and_leave_nothing() {
    let root = folder();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let installed = Command::new("make")
        .arg("-C")
        .arg(&here)
        .arg("install")
        .arg(format!("PROGRAM={}", program().display()))
        .arg(format!("DESTDIR={}", root.path().display()))
        .env_remove("MAKEFLAGS")
        .output()
        .unwrap();
    assert!(installed.status.success(), "{}", words(&installed));
    let root = root.path().to_str().unwrap();
    let options = ["--systemd", "--time-limit", "600", "--share", root];
    let output = vm::run(&options, &["bash", "-c", SCRIPT, "bash", root]);

    let capabilities = |unit: &str| {
        let unit = std::fs::read_to_string(here.join("dist").join(unit)).unwrap();
        format!("{:016x}", capabilities(&unit))
    };
    let both = capabilities("cuse-pcm-both.service");
    let capabilities = capabilities("cuse-pcm.service");
    let node = "character special file root audio 660";
    let expected = [
        "verified=0".to_owned(),
        "started=0".to_owned(),
        format!("controlC7={node} seat systemd uaccess"),
        format!("pcmC7D0p={node} seat uaccess"),
        format!("pcmC7D0c={node} seat uaccess"),
        format!("pcmC7D1p={node} seat uaccess"),
        "wants=sound.target".to_owned(),
        "cuse=root 600".to_owned(),
        "told=0 1".to_owned(),
        "added=0 audio 660".to_owned(),
        "removed=0 0".to_owned(),
        // No new privileges; a filter of system calls.
        format!("privileges={capabilities} {capabilities} 1 2"),
        "exposed=0".to_owned(),
        "played=0".to_owned(),
        // The three are expected: it cannot be mapped, and what it asks twice.
        "client=0 3 fill: all more: all drain: done".to_owned(),
        "again=1 1".to_owned(),
        "played_again=0".to_owned(),
        "stopped=0 inactive".to_owned(),
        "file=root 640".to_owned(),
        "left=0 0 0 0 0".to_owned(),
        "arrived=0".to_owned(),
        "both=0".to_owned(),
        format!("both_privileges={both} 1 2"),
        "both_exposed=0".to_owned(),
        "mounts=3".to_owned(),
        "mapped=0".to_owned(),
        "both_stopped=0 inactive".to_owned(),
        "both_left=0 0 0 0 0".to_owned(),
        "both_arrived=0".to_owned(),
        "asked=user 4 640 seat systemd uaccess".to_owned(),
        "ended=0".to_owned(),
    ];
    let said = String::from_utf8_lossy(&output.stdout);
    let said: Vec<&str> = said.lines().filter(|line| line.contains('=')).collect();
    assert_eq!(said, expected, "{}", words(&output));
}
