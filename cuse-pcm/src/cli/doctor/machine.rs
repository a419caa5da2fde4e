//! The facts about this machine that the checks judge. Only reads; what must be tried is tried in a process of its own.

use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, getrlimit};
use rustix::thread::{CapabilitySet, capabilities};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// Release of the kernel, as uname(2) says.
    pub(super) release: String,
    /// Opening `/dev/fuse`: the error, if any.
    pub(super) fuse: Result<(), String>,
    /// What a run of the hidden probe said: the kind of namespace, or the error.
    pub(super) namespace: Result<String, String>,
    /// CAP_SYS_ADMIN, and in the initial user namespace.
    pub(super) admin: bool,
    /// `kernel.yama.ptrace_scope`; 0 where there is no such knob.
    pub(super) ptrace_scope: u32,
    /// RLIMIT_MEMLOCK, bytes; `None` for no limit.
    pub(super) memlock: Option<u64>,
    /// `aplay` is in the PATH.
    pub(super) aplay: bool,
    /// `/dev/udmabuf`, `/dev/dma_heap/system` and `/dev/cuse` exist.
    pub(super) udmabuf: bool,
    pub(super) dma_heap: bool,
    pub(super) cuse: bool,
}

impl Machine {
    /// Looks around.
    pub(super) fn look() -> Machine {
        let fuse = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/fuse");
        Machine {
            release: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            fuse: fuse.map(|_| ()).map_err(|error| error.to_string()),
            namespace: try_namespace(),
            admin: may_administer() && in_initial_user_namespace(),
            ptrace_scope: read("/proc/sys/kernel/yama/ptrace_scope")
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
            memlock: getrlimit(Resource::Memlock).current,
            aplay: in_path("aplay"),
            udmabuf: Path::new("/dev/udmabuf").exists(),
            dma_heap: Path::new("/dev/dma_heap/system").exists(),
            cuse: Path::new("/dev/cuse").exists(),
        }
    }

    /// Major and minor number of the kernel; (0, 0) if it tells something else.
    pub(super) fn kernel(&self) -> (u32, u32) {
        let mut numbers = self
            .release
            .split(|c: char| !c.is_ascii_digit())
            .map(|part| part.parse::<u32>().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }
}

/// Is this program in the PATH?
pub(in crate::cli) fn in_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn may_administer() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

fn in_initial_user_namespace() -> bool {
    read("/proc/self/uid_map")
        .is_some_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]))
}

/// Lets a child do what `run` does.
fn try_namespace() -> Result<String, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("Cannot find this program: {error}"))?;
    let output = Command::new(program)
        .args(["--quiet", "probe-namespace"])
        .output()
        .map_err(|error| format!("Cannot run this program once more: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}
