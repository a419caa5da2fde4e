//! Standard output, which may be a closed pipe.

use std::io::Write as _;

use super::Failure;

/// Writes `text` to standard output at once. A reader that went away (`| head`) is no failure.
///
/// # Errors
/// Where it cannot be written for another reason (disk full).
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::new(format!(
            "Cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}
