//! The WAV files of the demo: S16_LE, stereo.

use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use super::melody::RATE;
use crate::cli::Failure;

const SPEC: WavSpec = WavSpec {
    channels: 2,
    sample_rate: RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// Writes samples, left and right in turn.
pub(super) fn write(path: &Path, samples: &[i16]) -> Result<(), Failure> {
    let written = WavWriter::create(path, SPEC).and_then(|mut writer| {
        samples
            .iter()
            .try_for_each(|&sample| writer.write_sample(sample))?;
        writer.finalize()
    });
    written.map_err(|error| Failure::new(format!("Cannot write {}: {error}", path.display())))
}

/// Reads them back.
pub(super) fn read(path: &Path) -> Result<Vec<i16>, Failure> {
    let failed = |why: String| {
        Failure::new(format!(
            "Nothing usable arrived in {}: {why}",
            path.display()
        ))
    };
    let reader = WavReader::open(path).map_err(|error| failed(error.to_string()))?;
    if reader.spec() != SPEC {
        return Err(failed(format!("it holds {:?}", reader.spec())));
    }
    let samples: Result<Vec<i16>, _> = reader.into_samples().collect();
    samples.map_err(|error| failed(error.to_string()))
}
