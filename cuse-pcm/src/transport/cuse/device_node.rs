//! The node of a character device, as the machine sees it: whether its name is free, its number, its owner.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Mode, Uid};

/// Where the kernel makes sound devices.
pub const DIRECTORY: &str = "/dev/snd";

/// Who may use a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

impl Default for Access {
    /// As distributions have it for sound devices: root and the group `audio`, or root alone where there is no such
    /// group.
    fn default() -> Access {
        let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
        Access {
            uid: 0,
            gid: number_of(&groups, "audio").unwrap_or(0),
            mode: 0o660,
        }
    }
}

/// The number of a group in the text of `/etc/group`, or of a user in that of `/etc/passwd`.
#[must_use]
pub fn number_of(list: &str, name: &str) -> Option<u32> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let number = fields.nth(1)?.parse().ok()?;
        found.then_some(number)
    })
}

/// The kernel's own directory for the device `name`.
#[must_use]
pub fn class_directory(name: &str) -> PathBuf {
    // A slash in a device's name is an exclamation mark there.
    Path::new("/sys/class/cuse").join(format!("snd!{name}"))
}

/// What has the name already, if anything does.
#[must_use]
pub fn taken_by(name: &str) -> Option<PathBuf> {
    [Path::new(DIRECTORY).join(name), class_directory(name)]
        .into_iter()
        .find(|path| path.symlink_metadata().is_ok())
}

/// What has the number of a card already, if anything does: another card's node, the kernel, or a device of a card that
/// was removed and is open still.
#[must_use]
pub fn holder(card: u32) -> Option<PathBuf> {
    let control = taken_by(&format!("controlC{card}"));
    let known = || {
        let known = Path::new("/proc/asound").join(format!("card{card}"));
        known.exists().then_some(known)
    };
    let left = || {
        let devices = std::fs::read_dir(class_directory("").parent()?).ok()?;
        let begins = format!("snd!pcmC{card}D");
        let mut paths = devices.flatten().map(|device| device.path());
        paths.find(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy());
            name.is_some_and(|name| name.starts_with(&begins))
        })
    };
    control.or_else(known).or_else(left)
}

/// Lets those that `access` names use the node `name`; returns its device number (`st_rdev`).
///
/// # Errors
/// What the system says; `NotFound` where the kernel made no such device, `AlreadyExists` where the node is another
/// device's.
pub fn settle(name: &str, access: &Access) -> io::Result<u64> {
    let told = std::fs::read_to_string(class_directory(name).join("dev"))?;
    let number = device_number(&told).ok_or(io::ErrorKind::InvalidData)?;
    let path = Path::new(DIRECTORY).join(name);
    let node = std::fs::symlink_metadata(&path)?;
    if !node.file_type().is_char_device() || node.rdev() != number {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let (uid, gid) = (Uid::from_raw(access.uid), Gid::from_raw(access.gid));
    rustix::fs::chownat(CWD, &path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    rustix::fs::chmodat(
        CWD,
        &path,
        Mode::from_raw_mode(access.mode),
        AtFlags::empty(),
    )?;
    Ok(number)
}

/// Takes the node `name` away, if it is that of the device `number`.
///
/// # Errors
/// What the system says; none where the node is not there or is another device's.
pub fn remove(name: &str, number: u64) -> io::Result<()> {
    let path = Path::new(DIRECTORY).join(name);
    match std::fs::symlink_metadata(&path) {
        Ok(node) if node.file_type().is_char_device() && node.rdev() == number => {
            std::fs::remove_file(&path)
        }
        _ => Ok(()),
    }
}

/// The number that the text `major:minor` names.
fn device_number(text: &str) -> Option<u64> {
    let (major, minor) = text.trim().split_once(':')?;
    Some(rustix::fs::makedev(
        major.parse().ok()?,
        minor.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\naudio2:x:5:\naudio:*:29:user,other\n";
        assert_eq!(number_of(groups, "audio"), Some(29));
        assert_eq!(number_of(groups, "aud"), None);
        assert_eq!(number_of("audio\naudio:x:many:\n", "audio"), None);
    }

    #[test]
    fn a_device_number_is_read_as_stat_gives_it() {
        let zero = std::fs::metadata("/dev/zero").unwrap();
        assert_eq!(device_number("1:5\n"), Some(zero.rdev()));
        assert_eq!(device_number("1"), None);
    }

    #[test]
    fn the_kernels_directory_has_no_slash_in_its_name() {
        assert_eq!(
            class_directory("pcmC7D0p"),
            Path::new("/sys/class/cuse/snd!pcmC7D0p")
        );
    }
}
