//! What a daemon tells of its cards.

use std::fmt::Write as _;
use std::path::PathBuf;

use hw_backends::units::Direction;
use serde::{Deserialize, Serialize};
use uapi::pcm::format::FORMATS;

use crate::cli::daemon::{Daemon, Served};
use crate::file::status::StreamLook;

/// All cards of a daemon.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct Status {
    /// Where the nodes are.
    directory: PathBuf,
    cards: Vec<CardStatus>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CardStatus {
    number: u32,
    id: String,
    name: String,
    nodes: Vec<String>,
    /// A client keeps the daemon from looking: nothing is known of the streams.
    held_up: bool,
    streams: Vec<StreamStatus>,
    /// Who has the control node open, once for each file.
    control: Vec<Owner>,
}

/// Sizes and positions in frames.
#[derive(Debug, Serialize, Deserialize)]
struct StreamStatus {
    device: u32,
    direction: String,
    subdevice: u32,
    /// As in `/proc/asound`; CLOSED where nobody has it open.
    state: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    parameters: Option<Parameters>,
    hw_ptr: u64,
    appl_ptr: u64,
    avail: u64,
    xruns: u64,
    owners: Vec<Owner>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Parameters {
    format: String,
    rate: u32,
    channels: u32,
    period_size: u64,
    buffer_size: u64,
}

/// A process; 0 and no name where it is not known.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    pid: u32,
    comm: String,
}

impl Status {
    /// As it is now.
    pub(in crate::cli) fn of(daemon: &Daemon) -> Status {
        Status {
            directory: daemon.directory().to_path_buf(),
            cards: daemon
                .cards()
                .iter()
                .map(|card| CardStatus::of(daemon, card))
                .collect(),
        }
    }

    /// For people.
    pub(in crate::cli) fn text(&self) -> String {
        let mut text = format!("Nodes in {}\n", self.directory.display());
        if self.cards.is_empty() {
            text.push_str("No cards; `cuse-pcm add` adds one\n");
        }
        for card in &self.cards {
            // Writing to a string does not fail.
            let _ = writeln!(text, "\ncard {}: {} [{}]", card.number, card.id, card.name);
            if card.held_up {
                text.push_str("  a client holds it up: no more is known\n");
            }
            for stream in &card.streams {
                stream.tell(&mut text);
            }
            if !card.control.is_empty() {
                let _ = writeln!(text, "  control       {}", owners(&card.control));
            }
        }
        text
    }
}

impl CardStatus {
    fn of(daemon: &Daemon, card: &Served) -> CardStatus {
        let look = daemon.look(card);
        let held_up = look.is_none();
        let (streams, control) = look.map_or_else(Default::default, |l| (l.streams, l.control));
        CardStatus {
            number: card.number,
            id: card.id.clone(),
            name: card.name.clone(),
            nodes: card.nodes.clone(),
            held_up,
            streams: streams.iter().map(StreamStatus::of).collect(),
            control: control.into_iter().map(Owner::of).collect(),
        }
    }
}

impl StreamStatus {
    fn of(look: &StreamLook) -> StreamStatus {
        let direction = match look.id.direction {
            Direction::Playback => "playback",
            Direction::Capture => "capture",
        };
        let parameters = look.params.map(|params| {
            let row = FORMATS.iter().find(|row| row.number == params.format);
            Parameters {
                format: row.map_or_else(|| params.format.to_string(), |row| row.name.to_owned()),
                rate: params.rate,
                channels: params.channels,
                period_size: params.period_size,
                buffer_size: params.buffer_size,
            }
        });
        let (state, place) = match look.snapshot {
            Some(s) => (
                format!("{:?}", s.state).to_uppercase(),
                [s.hw_ptr, s.appl_ptr, s.avail, s.xruns],
            ),
            None => ("CLOSED".to_owned(), [0; 4]),
        };
        let [hw_ptr, appl_ptr, avail, xruns] = place;
        StreamStatus {
            device: look.id.device,
            direction: direction.to_owned(),
            subdevice: look.id.subdevice,
            state,
            parameters,
            hw_ptr,
            appl_ptr,
            avail,
            xruns,
            owners: look.owners.iter().copied().map(Owner::of).collect(),
        }
    }

    fn tell(&self, text: &mut String) {
        let name = format!("{} {},{}", self.direction, self.device, self.subdevice);
        let _ = write!(text, "  {name:<13} {}", self.state);
        if let Some(p) = &self.parameters {
            let _ = write!(
                text,
                "  {} {} Hz {} ch, period {}, buffer {}, hw_ptr {}, appl_ptr {}",
                p.format,
                p.rate,
                p.channels,
                p.period_size,
                p.buffer_size,
                self.hw_ptr,
                self.appl_ptr
            );
        }
        if self.xruns > 0 {
            let _ = write!(text, ", xruns {}", self.xruns);
        }
        if !self.owners.is_empty() {
            let _ = write!(text, "  by {}", owners(&self.owners));
        }
        text.push('\n');
    }
}

impl Owner {
    fn of(pid: u32) -> Owner {
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let comm = comm.trim_end().to_owned();
        Owner { pid, comm }
    }
}

fn owners(all: &[Owner]) -> String {
    let one = |owner: &Owner| match (owner.pid, owner.comm.as_str()) {
        (0, _) => "an unknown process".to_owned(),
        (pid, "") => format!("process {pid}"),
        (pid, comm) => format!("{comm} ({pid})"),
    };
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}
