//! Names for numbers.

use uapi::ioctl::{kind, nr, size};

/// An ioctl's name in the header, without its common prefix.
#[must_use]
pub fn ioctl_name(cmd: u32) -> String {
    let table = match kind(cmd) {
        b'A' => uapi::pcm::table::TABLE,
        b'U' => uapi::control::table::TABLE,
        _ => &[],
    };
    match table.iter().find(|row| row.cmd == cmd) {
        Some(row) if kind(cmd) == b'U' => format!("CTL_{}", row.name),
        Some(row) => row.name.to_owned(),
        None => format!("{}:{:02x}:{}", char::from(kind(cmd)), nr(cmd), size(cmd)),
    }
}

/// An errno's name; its number where it has none here.
#[must_use]
pub fn errno_name(errno: i32) -> String {
    let known = [
        (1, "EPERM"),
        (2, "ENOENT"),
        (4, "EINTR"),
        (5, "EIO"),
        (6, "ENXIO"),
        (9, "EBADF"),
        (11, "EAGAIN"),
        (12, "ENOMEM"),
        (13, "EACCES"),
        (14, "EFAULT"),
        (16, "EBUSY"),
        (19, "ENODEV"),
        (22, "EINVAL"),
        (25, "ENOTTY"),
        (28, "ENOSPC"),
        (29, "ESPIPE"),
        (32, "EPIPE"),
        (38, "ENOSYS"),
        (77, "EBADFD"),
        (86, "ESTRPIPE"),
        (92, "ENOPROTOOPT"),
        (114, "EALREADY"),
    ];
    let name = known.iter().find(|(number, _)| *number == errno);
    name.map_or_else(|| format!("errno {errno}"), |(_, name)| (*name).to_owned())
}

/// A stream's state in words.
#[must_use]
pub fn state_name(state: i32) -> &'static str {
    const STATES: [&str; 9] = [
        "OPEN",
        "SETUP",
        "PREPARED",
        "RUNNING",
        "XRUN",
        "DRAINING",
        "PAUSED",
        "SUSPENDED",
        "DISCONNECTED",
    ];
    usize::try_from(state)
        .ok()
        .and_then(|n| STATES.get(n))
        .copied()
        .unwrap_or("?")
}

/// Flags of open(2).
#[must_use]
pub fn flags_in_words(flags: i32) -> String {
    let access = ["O_RDONLY", "O_WRONLY", "O_RDWR", "3"];
    let mut words = access[(flags & 3) as usize].to_owned();
    for (flag, name) in [
        (libc::O_NONBLOCK, "|O_NONBLOCK"),
        (libc::O_APPEND, "|O_APPEND"),
    ] {
        if flags & flag != 0 {
            words.push_str(name);
        }
    }
    words
}
