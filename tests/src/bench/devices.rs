//! Round trips on character devices: the card's, a bare CUSE server's that answers at once, and a kernel driver's own.
//! For a machine with CUSE and snd-dummy: the virtual one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use uapi::pcm::{Status, SyncPtr, XferI};
use zerocopy::FromZeros;

use super::measure::{bare_ioctl, round};
use super::report::{Goal, Row};
use crate::bare_cuse;
use crate::client::{PcmClient, Setup, cmd};
use crate::harness::{program, wait_until};

const ROUNDS: usize = 60;
/// Calls of a round; as many times 4 KiB as the smaller ring has room for.
const CALLS: u32 = 15;
const CARD: &str = "/dev/snd/pcmC7D0p";
const KERNEL: &str = "/dev/snd/pcmC0D0p";
const BARE: &str = "a bare CUSE server that answers at once";
const DRIVER: &str = "the same ioctl of snd-dummy";

/// A process that ends with this value.
#[derive(Debug)]
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve_card() -> io::Result<Background> {
    let mut child = Command::new(program())
        .args(["serve", "--nodes", "cuse", "--card", "7"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    assert!(line.starts_with("ready"), "serve said {line:?}");
    Ok(Background(child))
}

fn serve_bare() -> io::Result<Background> {
    let here = std::env::current_exe()?;
    let bare = Background(Command::new(here.with_file_name("bare-cuse")).spawn()?);
    wait_until("the bare device is there", Duration::from_secs(10), || {
        Path::new(bare_cuse::PATH).exists()
    });
    Ok(bare)
}

/// The three devices; the two streams are prepared.
#[derive(Debug)]
struct Devices {
    card: PcmClient,
    bare: File,
    kernel: PcmClient,
    _served: [Background; 2],
}

impl Devices {
    fn open() -> io::Result<Devices> {
        let served = [serve_card()?, serve_bare()?];
        let stream = |path| -> io::Result<PcmClient> {
            let pcm = PcmClient::open(Path::new(path), 0)?;
            pcm.set_up(&Setup {
                period: 1024,
                buffer: 16384,
                ..Setup::default()
            })?;
            Ok(pcm)
        };
        let (card, kernel) = (stream(CARD)?, stream(KERNEL)?);
        let bare = OpenOptions::new()
            .read(true)
            .write(true)
            .open(bare_cuse::PATH)?;
        Ok(Devices {
            card,
            bare,
            kernel,
            _served: served,
        })
    }

    /// The streams' rings are empty again.
    fn empty(&self) -> io::Result<()> {
        for pcm in [&self.card, &self.kernel] {
            pcm.call(cmd::DROP)?;
            pcm.call(cmd::PREPARE)?;
        }
        Ok(())
    }

    /// The quickest round of each: the card beside the bare device, and beside the kernel's driver.
    fn rows<T: Copy>(&self, name: &str, command: u32, argument: T) -> io::Result<[Row; 2]> {
        let mut quickest = [f64::MAX; 3];
        let files = [self.card.file(), &self.bare, self.kernel.file()];
        for _ in 0..ROUNDS {
            for (quickest, file) in quickest.iter_mut().zip(files) {
                self.empty()?;
                let mut argument = argument;
                let took = round(CALLS, || bare_ioctl(file, command, &mut argument));
                *quickest = quickest.min(took);
            }
        }
        let [card, bare, kernel] = quickest.map(|seconds| seconds * 1e6);
        let row = |beside, floor, floor_is, goal| Row {
            name: format!("{name} on CUSE{beside}"),
            unit: "µs",
            card,
            floor,
            floor_is,
            goal,
        };
        Ok([
            row("", bare, BARE, Some(Goal::AtMost(1.15))),
            row(", beside snd-dummy", kernel, DRIVER, None),
        ])
    }
}

/// Round trips of SYNC_PTR, STATUS and a 4 KiB WRITEI.
///
/// # Errors
/// What starting the servers and setting up the streams give: there may be no CUSE or no snd-dummy here.
pub fn round_trips() -> io::Result<Vec<Row>> {
    let devices = Devices::open()?;
    let mut sync = SyncPtr::new_zeroed();
    sync.flags = SyncPtr::APPL | SyncPtr::AVAIL_MIN;
    let data = vec![1u8; 4096];
    let write = XferI {
        result: 0,
        buf: data.as_ptr() as u64,
        frames: 1024,
    };
    let rows = [
        devices.rows("SYNC_PTR", cmd::SYNC_PTR, sync)?,
        devices.rows("STATUS", cmd::STATUS, Status::new_zeroed())?,
        devices.rows("WRITEI, 4 KiB", cmd::WRITEI, write)?,
    ];
    Ok(rows.concat())
}
