//! The directory that shall hold the nodes: is it there, is it free, and who takes it away again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, unmount};

use super::Failure;
use crate::config::Config;
use crate::container::SND_DIRECTORY;

/// A directory to mount on. If it was made here, it is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    made: bool,
}

impl Directory {
    /// Makes sure that `path` is a directory where the cards of `config` can be mounted without hiding others.
    ///
    /// `/dev/snd` is made where it is not there; any other directory has to exist.
    pub(super) fn take(path: &Path, config: &Config) -> Result<Directory, Failure> {
        let is_system = path == Path::new(SND_DIRECTORY);
        end_dead_mount(path)?;
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound && is_system => {
                return Directory::make(path);
            }
            Err(error) => {
                return Err(Failure::new(format!(
                    "Cannot use the directory {}: {error}",
                    path.display()
                ))
                .try_this(format!("mkdir -p {}", path.display())));
            }
        };
        let names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        for card in &config.cards {
            let node = path.join(format!("controlC{}", card.number));
            let known = Path::new("/proc/asound").join(format!("card{}", card.number));
            let holder = [node, known]
                .into_iter()
                .take(1 + usize::from(is_system))
                .find(|path| path.exists());
            if let Some(holder) = holder {
                let what = format!(
                    "Card number {} is in use: {} exists",
                    card.number,
                    holder.display()
                );
                return Err(Failure::new(what)
                    .try_this("another number with --card, or another directory with --at"));
            }
        }
        if is_system
            && names
                .iter()
                .any(|name| name.starts_with("control") || name.starts_with("pcm"))
        {
            return Err(Failure::new(format!(
                "{} holds other cards, and the mount would hide them",
                path.display()
            ))
            .try_this("serve in a directory of its own with --at DIR, or use `cuse-pcm run`"));
        }
        Ok(Directory {
            path: path.to_path_buf(),
            made: false,
        })
    }

    /// Where.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn make(path: &Path) -> Result<Directory, Failure> {
        std::fs::create_dir(path).map_err(|error| {
            Failure::new(format!("Cannot make the directory {}: {error}", path.display()))
                .try_this("run it as root, serve in a directory of your own with --at DIR, or use `cuse-pcm run`")
        })?;
        Ok(Directory {
            path: path.to_path_buf(),
            made: true,
        })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.made {
            if let Err(error) = std::fs::remove_dir(&self.path) {
                log::warn!(
                    "Cannot remove the directory {}: {error}",
                    self.path.display()
                );
            }
        }
    }
}

/// A daemon that was killed leaves a mount that answers nothing: it is taken away.
pub(in crate::cli) fn end_dead_mount(path: &Path) -> Result<(), Failure> {
    let dead = |path: &Path| {
        std::fs::metadata(path).is_err_and(|error| {
            error.raw_os_error() == Some(rustix::io::Errno::NOTCONN.raw_os_error())
        })
    };
    if !dead(path) {
        return Ok(());
    }
    log::info!(
        "{} is the mount of a daemon that is gone: unmounting it",
        path.display()
    );
    unmount(path, UnmountFlags::DETACH).map_err(|error| {
        Failure::new(format!(
            "Cannot unmount {}, whose daemon is gone: {error}",
            path.display()
        ))
        .try_this(format!("umount -l {} (as root)", path.display()))
    })
}
