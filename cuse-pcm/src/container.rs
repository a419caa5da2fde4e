//! A private `/dev/snd` for this process and its children: namespaces and mounts.
//!
//! Nothing here touches what other processes see, and all of it disappears with the last process inside. Knows nothing
//! of cards: it hands out an empty directory for one to be mounted on.

mod namespace;
mod private_dev;

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

pub use namespace::{Kind, enter};

/// Where programs look for sound devices.
pub const SND_DIRECTORY: &str = "/dev/snd";

/// Makes sure that `/dev/snd` exists, inside a mount namespace of our own (see [`enter`]).
///
/// Where the host has it, it is used as it is: the card is mounted over it. Where it has not, `/dev` itself is
/// replaced by a private copy, for a directory made on the host's `/dev` would stay behind.
///
/// # Errors
/// [`Error::Mount`] where `/dev` cannot be replaced.
pub fn snd_directory() -> Result<PathBuf, Error> {
    let directory = Path::new(SND_DIRECTORY);
    if !directory.is_dir() {
        private_dev::replace(Path::new("/dev"))?;
        private_dev::make_directory(directory)?;
    }
    Ok(directory.to_path_buf())
}

/// Why there is no private `/dev/snd`.
#[derive(Debug)]
pub enum Error {
    /// unshare(2) refused.
    Namespace(Errno),
    /// The user and group of the new user namespace could not be set.
    Identity {
        /// The file of `/proc/self`.
        file: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A mount was refused.
    Mount {
        /// Where.
        on: PathBuf,
        /// Why.
        source: Errno,
    },
}

impl Error {
    /// What the person at the terminal can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        let restricted = |knob: &str, good: &str| {
            std::fs::read_to_string(format!("/proc/sys/{knob}"))
                .is_ok_and(|value| value.trim() != good)
        };
        let knob = if restricted("kernel/apparmor_restrict_unprivileged_userns", "0") {
            Some("kernel.apparmor_restrict_unprivileged_userns=0")
        } else if restricted("kernel/unprivileged_userns_clone", "1") {
            Some("kernel.unprivileged_userns_clone=1")
        } else {
            std::fs::read_to_string("/proc/sys/user/max_user_namespaces")
                .is_ok_and(|value| value.trim() == "0")
                .then_some("user.max_user_namespaces=15000")
        };
        match knob {
            Some(knob) => {
                format!("run it as root, or let users make namespaces: sysctl -w {knob} (as root)")
            }
            None => "run it as root; inside a container, start that with --cap-add SYS_ADMIN --security-opt \
                     seccomp=unconfined --security-opt apparmor=unconfined --device /dev/fuse; `cuse-pcm doctor` tells \
                     more"
                .to_owned(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Namespace(source) => write!(f, "Cannot make a mount namespace: {source}"),
            Error::Identity { file, source } => {
                write!(f, "Cannot write /proc/self/{file}: {source}")
            }
            Error::Mount { on, source } => write!(f, "Cannot mount on {}: {source}", on.display()),
        }
    }
}

impl std::error::Error for Error {}
