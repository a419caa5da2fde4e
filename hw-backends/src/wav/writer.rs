//! A WAV file that is valid at any moment: samples first, then a header that claims them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::format::{DATA_MAX, Header, Spec};

/// A file being written. However the process ends, the header never claims samples that are not there.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    path: PathBuf,
    spec: Spec,
    header: Header,
    data_bytes: u64,
    limit: u64,
}

impl Writer {
    /// Begins the file; what was there before is gone once its new header stands.
    pub(super) fn create(path: &Path, spec: Spec) -> io::Result<Writer> {
        let mut header = Header::new();
        header.fill(&spec, 0);
        let file = match OpenOptions::new().write(true).open(path) {
            Ok(file) => {
                file.write_all_at(header.as_bytes(), 0)?;
                file.set_len(header.as_bytes().len() as u64)?;
                file
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => create_whole(path, header.as_bytes())?,
            Err(e) => return Err(e),
        };
        let frame = u64::from(spec.channels) * u64::from(spec.encoding.bytes());
        let limit = DATA_MAX - DATA_MAX % frame.max(1);
        Ok(Writer { file, path: path.to_path_buf(), spec, header, data_bytes: 0, limit })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes of samples still fit; always whole frames.
    pub(super) fn room(&self) -> u64 {
        self.limit - self.data_bytes
    }

    /// Appends whole frames, at most [`room`](Self::room) bytes.
    ///
    /// # Errors
    /// What write(2) gives. The file is as before, then.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let before = self.data_bytes;
        let after = before + bytes.len() as u64;
        let claimed = u32::try_from(after).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let written = self.samples(before, bytes).and_then(|()| {
            self.header.fill(&self.spec, claimed);
            self.file.write_all_at(self.header.as_bytes(), 0)
        });
        match written {
            Ok(()) => self.data_bytes = after,
            Err(_) => {
                // Tidies up only: the header does not claim what is cut off.
                let _ = self.file.set_len(self.offset(before) + before % 2);
            }
        }
        written
    }

    /// A pad byte makes an odd length even; the next samples go over it.
    fn samples(&self, before: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.offset(before))?;
        let after = before + bytes.len() as u64;
        if after % 2 == 1 { self.file.write_all_at(&[0], self.offset(after)) } else { Ok(()) }
    }

    fn offset(&self, data: u64) -> u64 {
        self.header.as_bytes().len() as u64 + data
    }

    #[cfg(test)]
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }
}

/// A new file appears under its name with its header in it.
fn create_whole(path: &Path, header: &[u8]) -> io::Result<File> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = path.with_file_name(name);
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
    let placed = file.write_all_at(header, 0).and_then(|()| std::fs::rename(&new, path));
    match placed {
        Ok(()) => Ok(file),
        Err(e) => {
            let _ = std::fs::remove_file(&new);
            Err(e)
        }
    }
}

/// The name of the `number`th file: `out.wav`, `out.2.wav`, `out.3.wav`...
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    if number <= 1 {
        return path.to_path_buf();
    }
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(format!(".{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}
