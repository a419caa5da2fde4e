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
    /// Begins a file of at most `limit` bytes of samples; what was there before is gone once its new header stands.
    pub(super) fn create(path: &Path, spec: Spec, limit: u64) -> io::Result<Writer> {
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
        let limit = limit.min(DATA_MAX);
        let limit = limit - limit % frame.max(1);
        Ok(Writer {
            file,
            path: path.to_path_buf(),
            spec,
            header,
            data_bytes: 0,
            limit,
        })
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
        if after % 2 == 1 {
            self.file.write_all_at(&[0], self.offset(after))
        } else {
            Ok(())
        }
    }

    fn offset(&self, data: u64) -> u64 {
        self.header.as_bytes().len() as u64 + data
    }
}

/// A new file appears under its name with its header in it.
fn create_whole(path: &Path, header: &[u8]) -> io::Result<File> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = path.with_file_name(name);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&new)?;
    let placed = file
        .write_all_at(header, 0)
        .and_then(|()| std::fs::rename(&new, path));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::super::format::{Encoding, parse};
    use super::*;
    use crate::bench::{Folder, noise};

    const MONO8: Spec = Spec {
        encoding: Encoding::Int { bytes: 1, valid: 8 },
        channels: 1,
        rate: 8000,
    };

    fn samples(path: &Path) -> Vec<u8> {
        let bytes = std::fs::read(path).unwrap();
        let read = |at: u64, into: &mut [u8]| {
            let at = usize::try_from(at).unwrap();
            bytes.get(at..at + into.len()).is_some_and(|b| {
                into.copy_from_slice(b);
                true
            })
        };
        let contents = parse(bytes.len() as u64, read).unwrap();
        let at = usize::try_from(contents.data_offset).unwrap();
        bytes[at..at + usize::try_from(contents.data_bytes).unwrap()].to_vec()
    }

    #[test]
    fn the_file_is_whole_after_each_append_also_of_odd_length() {
        let folder = Folder::new();
        let path = folder.path("a.wav");
        let bytes = noise(10, 1);
        let mut writer = Writer::create(&path, MONO8, DATA_MAX).unwrap();

        for n in 1..=10 {
            writer.append(&bytes[n - 1..n]).unwrap();

            assert_eq!(samples(&path), bytes[..n]);
            assert_eq!(
                std::fs::metadata(&path).unwrap().len(),
                (44 + n + n % 2) as u64
            );
            hound::WavReader::open(&path).unwrap();
        }
    }

    #[test]
    fn a_new_file_appears_with_its_header_and_leaves_nothing_beside_it() {
        let folder = Folder::new();

        Writer::create(&folder.path("a.wav"), MONO8, DATA_MAX).unwrap();

        let names: Vec<_> = std::fs::read_dir(&folder.0)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names, ["a.wav"]);
        assert_eq!(
            hound::WavReader::open(folder.path("a.wav")).unwrap().len(),
            0
        );
    }

    #[test]
    fn an_old_recording_makes_way() {
        let folder = Folder::new();
        std::fs::write(folder.path("a.wav"), vec![7; 100_000]).unwrap();

        let mut writer = Writer::create(&folder.path("a.wav"), MONO8, DATA_MAX).unwrap();
        writer.append(&[1, 2]).unwrap();

        assert_eq!(std::fs::metadata(folder.path("a.wav")).unwrap().len(), 46);
    }

    #[test]
    fn a_failed_append_leaves_the_file_as_it_was() {
        let folder = Folder::new();
        let path = folder.path("a.wav");
        let mut writer = Writer::create(&path, MONO8, DATA_MAX).unwrap();
        writer.append(&[1, 2, 3]).unwrap();
        // A descriptor that cannot write stands for a full disk.
        writer.file = File::open(&path).unwrap();

        assert!(writer.append(&[4]).is_err());

        assert_eq!(samples(&path), [1, 2, 3]);
        assert_eq!(writer.data_bytes, 3);
    }

    #[test]
    fn names_are_numbered_before_the_extension() {
        assert_eq!(
            numbered(Path::new("/a/out.wav"), 1),
            Path::new("/a/out.wav")
        );
        assert_eq!(
            numbered(Path::new("/a/out.wav"), 2),
            Path::new("/a/out.2.wav")
        );
        assert_eq!(numbered(Path::new("out"), 3), Path::new("out.3"));
    }
}
