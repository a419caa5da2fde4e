//! Reads and makes WAV files, apart from the card's own code.

use std::path::Path;

/// What a WAV file says of itself, and its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WavFile {
    /// 1 PCM, 3 float, 6 A-law, 7 µ-law (looked up behind 0xfffe).
    pub tag: u16,
    /// Channels.
    pub channels: u16,
    /// Rate, Hz.
    pub rate: u32,
    /// Storage bits of a sample.
    pub bits: u16,
    /// Sample bytes.
    pub data: Vec<u8>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl WavFile {
    /// Parses strictly: sizes that lie are an error.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn parse(bytes: &[u8]) -> Result<WavFile, String> {
        if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
            return Err("no RIFF/WAVE header".into());
        }
        let riff = u32_at(bytes, 4).ok_or("no RIFF size")? as usize + 8;
        if riff > bytes.len() {
            return Err(format!(
                "RIFF says {riff} bytes, the file has {}",
                bytes.len()
            ));
        }
        let mut at = 12;
        let mut format = None;
        while let (Some(id), Some(size)) = (bytes.get(at..at + 4), u32_at(bytes, at + 4)) {
            let body = bytes.get(at + 8..at + 8 + size as usize);
            let body =
                body.ok_or_else(|| format!("chunk at {at} says {size} bytes, the file has fewer"))?;
            match id {
                b"fmt " => format = Some(body),
                b"data" => return Self::from_chunks(format.ok_or("data before fmt")?, body),
                _ => {}
            }
            at += 8 + size as usize + (size as usize & 1);
        }
        Err("no data chunk".into())
    }

    fn from_chunks(format: &[u8], data: &[u8]) -> Result<WavFile, String> {
        let short = "fmt chunk too short";
        let mut tag = u16_at(format, 0).ok_or(short)?;
        if tag == 0xfffe {
            tag = u16_at(format, 24).ok_or(short)?;
        }
        Ok(WavFile {
            tag,
            channels: u16_at(format, 2).ok_or(short)?,
            rate: u32_at(format, 4).ok_or(short)?,
            bits: u16_at(format, 14).ok_or(short)?,
            data: data.to_vec(),
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(path: &Path) -> Result<WavFile, String> {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Self::parse(&bytes).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// The bytes of a file that holds this.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let frame = self.channels * self.bits / 8;
        let mut out = b"RIFF".to_vec();
        out.extend((36 + self.data.len() as u32).to_le_bytes());
        out.extend(b"WAVEfmt ");
        out.extend(16u32.to_le_bytes());
        out.extend(self.tag.to_le_bytes());
        out.extend(self.channels.to_le_bytes());
        out.extend(self.rate.to_le_bytes());
        out.extend((self.rate * u32::from(frame)).to_le_bytes());
        out.extend(frame.to_le_bytes());
        out.extend(self.bits.to_le_bytes());
        out.extend(b"data");
        out.extend((self.data.len() as u32).to_le_bytes());
        out.extend(&self.data);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_leads_its_data_is_refused() {
        let file = WavFile {
            tag: 1,
            channels: 2,
            rate: 48000,
            bits: 16,
            data: vec![1; 400],
        };
        let mut bytes = file.to_bytes();
        assert_eq!(WavFile::parse(&bytes).as_ref(), Ok(&file));
        bytes.truncate(bytes.len() - 1);
        assert!(WavFile::parse(&bytes).is_err());
    }
}
