//! A directory of the daemon's own to mount on, where nobody looks for nodes.

use std::path::{Path, PathBuf};

use super::Failure;
use super::serve::end_dead_mount;

/// Where such directories are made.
pub(super) const RUN_DIRECTORY: &str = "/run/cuse-pcm";

/// The directory; removed when dropped.
#[derive(Debug)]
pub(super) struct Hidden {
    path: PathBuf,
}

impl Hidden {
    /// Makes it, and takes away what daemons that were killed left.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn make() -> Result<Hidden, Failure> {
        let path = Path::new(RUN_DIRECTORY).join(format!("nodes-{}", std::process::id()));
        clean(Path::new(RUN_DIRECTORY));
        std::fs::create_dir_all(&path).map_err(|error| {
            Failure::new(format!(
                "Cannot make the directory {}: {error}",
                path.display()
            ))
            .try_this("run it as root")
        })?;
        Ok(Hidden { path })
    }

    /// Where.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir(&self.path) {
            log::warn!("Cannot remove {}: {error}", self.path.display());
        }
    }
}

/// Unmounts and removes the directories of daemons that are gone.
fn clean(run: &Path) {
    let Ok(entries) = std::fs::read_dir(run) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("nodes-"));
        let Some(process) = process else { continue };
        if Path::new("/proc").join(process).exists() {
            continue;
        }
        if let Err(failure) = end_dead_mount(&entry.path()) {
            let _ = failure.report();
        }
        // Not if somebody else mounted something there.
        let _ = std::fs::remove_dir(entry.path());
    }
}
