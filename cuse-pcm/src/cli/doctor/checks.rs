//! Judges the facts: each check is a pure function of them.

use super::machine::Machine;
use super::{Check, Verdict};

/// Bytes that a ring of a usual size and its pages need to be locked.
const RING_BYTES: u64 = 512 * 1024;

/// Every check, in the order of the report.
pub(super) fn all(machine: &Machine) -> Vec<Check> {
    vec![
        kernel(machine),
        fuse(machine),
        private(machine),
        client_memory(machine),
        mmap(machine),
        passthrough(machine),
        locked_memory(machine),
        alsa_utils(machine),
        dma_buf(machine),
        cuse(machine),
    ]
}

fn good(name: &'static str, found: impl Into<String>) -> Check {
    Check {
        name,
        verdict: Verdict::Good,
        found: found.into(),
        advice: None,
    }
}

fn flawed(
    name: &'static str,
    verdict: Verdict,
    found: impl Into<String>,
    advice: impl Into<String>,
) -> Check {
    Check {
        name,
        verdict,
        found: found.into(),
        advice: Some(advice.into()),
    }
}

fn kernel(machine: &Machine) -> Check {
    let found = format!("Linux {}", machine.release);
    if machine.kernel() >= (5, 2) {
        good("kernel", found)
    } else {
        flawed(
            "kernel",
            Verdict::Bad,
            found,
            "Linux 5.2 or later is needed (6.6 or later for mmap)",
        )
    }
}

fn fuse(machine: &Machine) -> Check {
    let Err(error) = &machine.fuse else {
        return good("/dev/fuse", "can be opened");
    };
    let advice = if error.contains("denied") {
        "let every user open it, as distributions do: `chmod 0666 /dev/fuse` as root; or run as root"
    } else {
        "`modprobe fuse` as root; a container has to be started with --device /dev/fuse"
    };
    flawed("/dev/fuse", Verdict::Bad, error.clone(), advice)
}

fn private(machine: &Machine) -> Check {
    match &machine.namespace {
        Ok(kind) => good("private /dev/snd", kind.clone()),
        Err(error) => {
            let mut lines = error
                .lines()
                .map(|line| line.trim_start_matches("cuse-pcm: "));
            let found = lines.next().unwrap_or("the probe failed and said nothing");
            let advice = lines
                .next()
                .unwrap_or("run as root")
                .trim_start_matches("try: ");
            flawed("private /dev/snd", Verdict::Bad, found, advice)
        }
    }
}

fn client_memory(machine: &Machine) -> Check {
    const NAME: &str = "client memory";
    match machine.ptrace_scope {
        scope @ 0..=2 => good(
            NAME,
            format!("can be reached (kernel.yama.ptrace_scope = {scope})"),
        ),
        scope => flawed(
            NAME,
            Verdict::Bad,
            format!("kernel.yama.ptrace_scope = {scope}: no process may reach another's memory"),
            "set kernel.yama.ptrace_scope to 0, 1 or 2 in /etc/sysctl.d and reboot (3 cannot be taken back)",
        ),
    }
}

fn mmap(machine: &Machine) -> Check {
    if machine.kernel() >= (6, 6) {
        good(
            "mmap",
            "page-cache nodes can be mapped by any user (Linux 6.6 or later)",
        )
    } else {
        flawed(
            "mmap",
            Verdict::Limited,
            "not on this kernel",
            "programs that use read and write work; Linux 6.6 brings mmap",
        )
    }
}

fn passthrough(machine: &Machine) -> Check {
    const NAME: &str = "passthrough";
    if machine.kernel() < (6, 9) {
        return flawed(
            NAME,
            Verdict::Limited,
            "not on this kernel",
            "Linux 6.9 brings it, where it is configured",
        );
    }
    if machine.admin {
        good(NAME, "allowed (root, Linux 6.9 or later)")
    } else {
        flawed(
            NAME,
            Verdict::Limited,
            "not for this user",
            "run as root on the host for it; page-cache nodes serve otherwise",
        )
    }
}

fn locked_memory(machine: &Machine) -> Check {
    const NAME: &str = "locked memory";
    match machine.memlock {
        None => good(NAME, "unlimited"),
        Some(bytes) if bytes >= RING_BYTES || machine.admin => {
            good(NAME, format!("{} KiB", bytes / 1024))
        }
        Some(bytes) => flawed(
            NAME,
            Verdict::Limited,
            format!("{} KiB", bytes / 1024),
            "rings of page-cache nodes are locked in memory: raise `ulimit -l` (memlock in /etc/security/limits.conf)",
        ),
    }
}

fn alsa_utils(machine: &Machine) -> Check {
    if machine.aplay {
        good("alsa-utils", "aplay is installed")
    } else {
        flawed(
            "alsa-utils",
            Verdict::Limited,
            "no aplay",
            "`apt-get install alsa-utils`; `cuse-pcm demo` needs it",
        )
    }
}

fn dma_buf(machine: &Machine) -> Check {
    let found = match (machine.udmabuf, machine.dma_heap) {
        (true, true) => "/dev/udmabuf, /dev/dma_heap/system",
        (true, false) => "/dev/udmabuf",
        (false, true) => "/dev/dma_heap/system",
        (false, false) => {
            return flawed(
                "dma-buf",
                Verdict::Limited,
                "neither /dev/udmabuf nor /dev/dma_heap/system",
                "`modprobe udmabuf` as root, where the kernel has it; rings cannot be exported as dma-bufs without",
            );
        }
    };
    good("dma-buf", found)
}

fn cuse(machine: &Machine) -> Check {
    if machine.cuse {
        good("/dev/cuse", "exists")
    } else {
        flawed(
            "/dev/cuse",
            Verdict::Limited,
            "does not exist",
            "`modprobe cuse` as root; mounted nodes serve without",
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

    use super::*;

    fn able() -> Machine {
        Machine {
            release: "6.12.1-amd64".to_owned(),
            fuse: Ok(()),
            namespace: Ok("as root".to_owned()),
            admin: true,
            ptrace_scope: 1,
            memlock: Some(8 << 20),
            aplay: true,
            udmabuf: true,
            dma_heap: true,
            cuse: true,
        }
    }

    fn verdict(machine: &Machine, name: &str) -> Verdict {
        all(machine)
            .into_iter()
            .find(|check| check.name == name)
            .expect("the check exists")
            .verdict
    }

    #[test]
    fn an_able_machine_has_no_flaw() {
        assert!(
            all(&able())
                .iter()
                .all(|check| check.verdict == Verdict::Good && check.advice.is_none())
        );
    }

    #[test]
    fn every_flaw_comes_with_advice() {
        let poor = Machine {
            release: "4.4.0".to_owned(),
            fuse: Err("No such file or directory".to_owned()),
            namespace: Err("cuse-pcm: Cannot mount\ncuse-pcm: try: root".to_owned()),
            admin: false,
            ptrace_scope: 3,
            memlock: Some(65536),
            aplay: false,
            udmabuf: false,
            dma_heap: false,
            cuse: false,
        };
        assert!(
            all(&poor)
                .iter()
                .all(|check| check.verdict != Verdict::Good && check.advice.is_some())
        );
    }

    #[test]
    fn a_hidden_fuse_device_makes_run_impossible() {
        let machine = Machine {
            fuse: Err("No such file or directory".to_owned()),
            ..able()
        };
        assert_eq!(verdict(&machine, "/dev/fuse"), Verdict::Bad);
    }

    #[test]
    fn passthrough_needs_root_and_linux_6_9() {
        assert_eq!(
            verdict(
                &Machine {
                    admin: false,
                    ..able()
                },
                "passthrough"
            ),
            Verdict::Limited
        );
        let old = Machine {
            release: "6.8.0".to_owned(),
            ..able()
        };
        assert_eq!(verdict(&old, "passthrough"), Verdict::Limited);
    }

    #[test]
    fn the_probe_s_words_are_passed_on() {
        let words = "cuse-pcm: Cannot make a mount namespace: x\ncuse-pcm: try: y";
        let machine = Machine {
            namespace: Err(words.to_owned()),
            ..able()
        };
        let check = all(&machine)
            .into_iter()
            .find(|check| check.name == "private /dev/snd")
            .expect("there");
        assert_eq!(check.found, "Cannot make a mount namespace: x");
        assert_eq!(check.advice.as_deref(), Some("y"));
    }
}
