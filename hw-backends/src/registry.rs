//! From the words on a command line to devices.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::drive::Speed;
use crate::gain::Gain;
use crate::hardware::Hardware;
use crate::notify::Notifier;
use crate::null::Null;
use crate::ops::PcmOps;
use crate::units::Direction;
use crate::wav;

/// Which device stands behind one direction of a PCM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// Consumes everything, gives silence.
    Null {
        /// By the clock, or as fast as the client can.
        speed: Speed,
    },
    /// A WAV file.
    Wav {
        /// The file.
        path: PathBuf,
        /// By the clock, or as fast as the client can.
        speed: Speed,
        /// What a capture gives after the file's last frame.
        at_end: AtEnd,
        /// Each capture goes on where the last one ended, instead of at the beginning.
        resume: bool,
    },
    /// What is played comes back on the capture side of the same PCM.
    Loopback,
}

/// What a capture from a file does after its last frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// Silence for ever.
    #[default]
    Silence,
    /// From the beginning again.
    Loop,
    /// The stream ends: xrun, and EIO at the next start.
    End,
}

/// Why a device cannot be had. Says what failed, on what, and what to do.
#[derive(Debug)]
pub struct Error {
    what: String,
    source: Option<std::io::Error>,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Error {
        Error {
            what: what.into(),
            source: None,
        }
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Error {
        Error {
            what: what.into(),
            source: Some(source),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}

const KNOWN: &str = "null, wav:PATH or loopback";

impl FromStr for Spec {
    type Err = Error;

    /// `null[,free-run]` | `wav:PATH[,free-run][,at-end=silence|loop|end][,continue]` | `loopback`. A path may hold commas
    /// and colons: options are recognised at the end only.
    fn from_str(text: &str) -> Result<Spec, Error> {
        let (name, rest) = text.split_at(text.find([':', ',']).unwrap_or(text.len()));
        match name {
            "null" => parse_null(text, rest),
            "wav" => parse_wav(text, rest),
            "loopback" if rest.is_empty() => Ok(Spec::Loopback),
            "loopback" => Err(Error::new(format!(
                "Backend \"{text}\": loopback takes no options; write \"loopback\""
            ))),
            _ => Err(Error::new(format!(
                "There is no backend \"{text}\"; use {KNOWN}"
            ))),
        }
    }
}

fn parse_null(text: &str, rest: &str) -> Result<Spec, Error> {
    match rest {
        "" => Ok(Spec::Null { speed: Speed::Real }),
        ",free-run" | ",speed=free" => Ok(Spec::Null { speed: Speed::Free }),
        ",speed=real" => Ok(Spec::Null { speed: Speed::Real }),
        _ => Err(Error::new(format!(
            "Backend \"{text}\": the only option of null is free-run; write \"null,free-run\""
        ))),
    }
}

fn parse_wav(text: &str, rest: &str) -> Result<Spec, Error> {
    let mut path = rest.strip_prefix(':').unwrap_or("");
    let (mut speed, mut at_end, mut resume) = (Speed::Real, AtEnd::Silence, false);
    while let Some((before, option)) = path.rsplit_once(',') {
        match option {
            "free-run" | "speed=free" => speed = Speed::Free,
            "speed=real" => speed = Speed::Real,
            "at-end=silence" => at_end = AtEnd::Silence,
            "at-end=loop" => at_end = AtEnd::Loop,
            "at-end=end" => at_end = AtEnd::End,
            "continue" => resume = true,
            _ if option.starts_with("at-end=") => {
                return Err(Error::new(format!(
                    "Backend \"{text}\": {option} is not known; use at-end=silence, loop or end"
                )));
            }
            _ => break,
        }
        path = before;
    }
    if path.is_empty() {
        return Err(Error::new(format!(
            "Backend \"{text}\" names no file; write wav:PATH, for example wav:out.wav"
        )));
    }
    Ok(Spec::Wav {
        path: PathBuf::from(path),
        speed,
        at_end,
        resume,
    })
}

/// What all devices of a card are built with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `SNDRV_PCM_INFO_*` flags that the card's nodes cannot offer, removed from every device's.
    pub without_info: u32,
    /// Rung by devices when something happened outside a call.
    pub notifier: Notifier,
}

/// The substreams of one PCM, both directions, and what sets them.
#[derive(Debug, Default)]
pub struct Devices {
    /// Playback substreams.
    pub playback: Vec<Box<dyn PcmOps>>,
    /// Capture substreams.
    pub capture: Vec<Box<dyn PcmOps>>,
    /// Rate shift of each loopback cable (one for each substream), 100000 is nominal; empty without loopback.
    pub rate_shift: Vec<Arc<AtomicU32>>,
}

/// One direction of a PCM.
#[derive(Clone, Debug)]
pub struct Side {
    /// Which device.
    pub spec: Spec,
    /// How many substreams.
    pub substreams: u32,
    /// Its volume.
    pub gain: Arc<Gain>,
    /// The limits it takes over from another device.
    pub like: Option<Hardware>,
}

/// Builds the devices of one PCM. Files are looked at now: what cannot work is said at start-up.
///
/// # Errors
/// A file that cannot be read or written; loopback on one side only.
pub fn open(
    playback: Option<&Side>,
    capture: Option<&Side>,
    options: &Options,
) -> Result<Devices, Error> {
    let mut devices = Devices::default();
    let is_loopback = |side: Option<&Side>| side.is_some_and(|side| side.spec == Spec::Loopback);
    match (playback, capture) {
        (Some(player), Some(recorder)) if is_loopback(playback) && is_loopback(capture) => {
            return Ok(loopback(player, recorder, options));
        }
        _ if is_loopback(playback) || is_loopback(capture) => {
            return Err(Error::new(
                "A loopback needs both ends; give --playback loopback and --capture loopback",
            ));
        }
        _ => {}
    }
    if let Some(side) = playback {
        devices.playback = build(side, Direction::Playback, options)?;
    }
    if let Some(side) = capture {
        devices.capture = build(side, Direction::Capture, options)?;
    }
    Ok(devices)
}

fn build(
    side: &Side,
    direction: Direction,
    options: &Options,
) -> Result<Vec<Box<dyn PcmOps>>, Error> {
    match &side.spec {
        Spec::Null { speed } => Ok((0..side.substreams)
            .map(|_| masked(Null::new(direction, *speed), side, options))
            .collect()),
        Spec::Wav {
            path,
            speed,
            at_end,
            resume,
        } => {
            let settings = wav::Settings {
                path,
                speed: *speed,
                at_end: *at_end,
                resume: *resume,
            };
            match direction {
                Direction::Playback => {
                    let devices =
                        wav::playback(&settings, side.substreams, &side.gain, &options.notifier)?;
                    Ok(devices
                        .into_iter()
                        .map(|d| masked(d, side, options))
                        .collect())
                }
                Direction::Capture => {
                    let devices = wav::capture(&settings, side.substreams, &side.gain)?;
                    Ok(devices
                        .into_iter()
                        .map(|d| masked(d, side, options))
                        .collect())
                }
            }
        }
        Spec::Loopback => Err(Error::new(
            "Backend \"loopback\" is not built yet; use null",
        )),
    }
}

/// Cables between the substreams of both directions; where one has fewer, the rest of the other plays to nobody or hears
/// silence.
fn loopback(player: &Side, recorder: &Side, options: &Options) -> Devices {
    let mut devices = Devices::default();
    for n in 0..player.substreams.max(recorder.substreams) {
        let (playback, capture, shift) =
            crate::loopback::cable(Arc::clone(&player.gain), Arc::clone(&recorder.gain));
        if n < player.substreams {
            devices.playback.push(masked(playback, player, options));
        }
        if n < recorder.substreams {
            devices.capture.push(masked(capture, recorder, options));
        }
        devices.rate_shift.push(shift);
    }
    devices
}

fn masked(device: impl PcmOps + 'static, side: &Side, options: &Options) -> Box<dyn PcmOps> {
    Box::new(Masked {
        device,
        like: side.like.clone(),
        confined: matches!(side.spec, Spec::Wav { .. }),
        without_info: options.without_info,
    })
}

/// A device with the limits of another one, and without the capabilities that its node cannot offer.
#[derive(Debug)]
struct Masked<D> {
    device: D,
    like: Option<Hardware>,
    /// Its own limits of rates and channels count as well.
    confined: bool,
    without_info: u32,
}

impl<D: PcmOps> PcmOps for Masked<D> {
    fn hardware(&self) -> Hardware {
        let mut hardware = self.device.hardware();
        if let Some(model) = &self.like {
            hardware = hardware.like(model, self.confined);
        }
        hardware.info &= !self.without_info;
        hardware
    }

    fn needs(&self) -> crate::dma::Needs {
        self.device.needs()
    }

    fn open(&mut self) -> Result<(), uapi::Errno> {
        self.device.open()
    }

    fn close(&mut self) {
        self.device.close();
    }

    fn hw_params(
        &mut self,
        params: &crate::params::Params,
        ring: &crate::dma::Ring,
        ring_changed: bool,
    ) -> Result<(), uapi::Errno> {
        self.device.hw_params(params, ring, ring_changed)
    }

    fn hw_free(&mut self) {
        self.device.hw_free();
    }

    fn prepare(&mut self) -> Result<(), uapi::Errno> {
        self.device.prepare()
    }

    fn trigger(
        &mut self,
        trigger: crate::ops::Trigger,
        view: &crate::ops::View,
        now: &crate::units::Now,
    ) -> Result<(), uapi::Errno> {
        self.device.trigger(trigger, view, now)
    }

    fn sync_stop(&mut self) {
        self.device.sync_stop();
    }

    fn pointer(&mut self, view: &crate::ops::View, now: &crate::units::Now) -> crate::ops::Pointer {
        self.device.pointer(view, now)
    }

    fn ack(&mut self, view: &crate::ops::View) -> Result<(), uapi::Errno> {
        self.device.ack(view)
    }

    fn delay(&mut self, now: &crate::units::Now) -> i64 {
        self.device.delay(now)
    }

    fn next_event(&self, view: &crate::ops::View) -> Option<crate::units::Nanos> {
        self.device.next_event(view)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::hardware::info;

    fn wav(path: &str) -> Spec {
        Spec::Wav {
            path: path.into(),
            speed: Speed::Real,
            at_end: AtEnd::Silence,
            resume: false,
        }
    }

    #[test]
    fn a_path_may_hold_commas_and_colons() {
        assert_eq!(
            "wav:/a,b:c,free-runner.wav".parse::<Spec>().unwrap(),
            wav("/a,b:c,free-runner.wav")
        );
    }

    #[test]
    fn options_are_taken_from_the_end() {
        let spec = "wav:a,free-run.wav,at-end=loop,continue,free-run"
            .parse::<Spec>()
            .unwrap();

        let path = "a,free-run.wav".into();
        assert_eq!(
            spec,
            Spec::Wav {
                path,
                speed: Speed::Free,
                at_end: AtEnd::Loop,
                resume: true
            }
        );
    }

    #[test]
    fn an_unknown_backend_names_the_known_ones() {
        let error = "pulse".parse::<Spec>().unwrap_err().to_string();

        assert!(
            error.contains("pulse") && error.contains("loopback"),
            "{error}"
        );
    }

    #[test]
    fn a_wav_without_path_is_refused() {
        assert!("wav".parse::<Spec>().is_err());
        assert!("wav:".parse::<Spec>().is_err());
        assert!("wav:,free-run".parse::<Spec>().is_err());
    }

    #[test]
    fn a_wrong_at_end_is_refused_with_the_choices() {
        let error = "wav:a.wav,at-end=stop"
            .parse::<Spec>()
            .unwrap_err()
            .to_string();

        assert!(
            error.contains("at-end=stop") && error.contains("silence"),
            "{error}"
        );
    }

    fn side(spec: &str, substreams: u32) -> Side {
        Side {
            spec: spec.parse().unwrap(),
            substreams,
            gain: Arc::default(),
            like: None,
        }
    }

    #[test]
    fn a_loopback_with_one_end_is_refused() {
        let error = open(
            Some(&side("loopback", 1)),
            Some(&side("null", 1)),
            &Options::default(),
        );

        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("--capture loopback")
        );
    }

    #[test]
    fn each_substream_has_a_device_and_each_cable_a_shift() {
        let devices = open(
            Some(&side("loopback", 3)),
            Some(&side("loopback", 2)),
            &Options::default(),
        )
        .unwrap();

        assert_eq!(
            (
                devices.playback.len(),
                devices.capture.len(),
                devices.rate_shift.len()
            ),
            (3, 2, 3)
        );
    }

    #[test]
    fn what_a_node_cannot_offer_is_removed() {
        let options = Options {
            without_info: info::PAUSE,
            ..Options::default()
        };

        let devices = open(Some(&side("null", 1)), None, &options).unwrap();

        assert_eq!(
            devices.playback[0].hardware().info & (info::PAUSE | info::MMAP),
            info::MMAP
        );
    }
}
