//! A client that sends anything: the daemon lives, and the other client hears no difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![allow(
    unsafe_code,
    reason = "ioctls with arbitrary arguments are what is tested"
)]

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use cuse_pcm_tests::client::{CONTROL_OFFSET, PcmClient, STATUS_OFFSET, Setup, cmd};
use cuse_pcm_tests::harness::{folder, served_kinds};
use cuse_pcm_tests::place::{mappable, place};
use cuse_pcm_tests::sample_formats::FORMATS;
use cuse_pcm_tests::served::Served;
use cuse_pcm_tests::wav_file::WavFile;

/// How many hostile calls; fewer on an emulated processor.
fn ioctls() -> u64 {
    if place().is_some() { 5_000 } else { 1_000_000 }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A number that tends to the edges.
    fn edge(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3 => 0x7fff_ffff_ffff_ffff,
            4 => self.below(5000),
            5 => u64::from(u32::MAX) + self.below(3),
            6 => 0xffff_ffff - self.below(70000),
            _ => self.next(),
        }
    }
}

/// Memory that hostile arguments lie in: any call may write anywhere into it, and just behind it nothing is mapped.
struct Arena {
    address: *mut u8,
}

const ARENA: usize = 1 << 20;

impl Arena {
    fn new() -> Arena {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new private mapping at an address of the kernel's choice.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                ARENA,
                prot,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(address, libc::MAP_FAILED);
        Arena {
            address: address.cast(),
        }
    }

    fn scribble(&self, random: &mut Random) -> u64 {
        let at = random.below((ARENA - 4096) as u64) as usize & !7;
        for word in 0..random.below(80) as usize {
            let mut value = random.edge();
            if random.below(6) == 0 {
                // A pointer that is good.
                value = self.address as u64 + random.below(ARENA as u64 - 70000);
            }
            let to = self.address.wrapping_add(at + word * 8).cast::<u64>();
            // SAFETY: at + 80 words lie inside the arena, which is ours and aligned.
            unsafe { to.write_volatile(value) };
        }
        self.address as u64 + at as u64
    }
}

fn hostile_ioctl(random: &mut Random, file: &File, arena: &Arena) {
    let nr = match random.below(6) {
        0 => random.below(256),
        _ => [
            0, 1, 2, 3, 4, 0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x20,
            0x21, 0x22, 0x23, 0x24, 0x30, 0x31, 0x32, 0x40, 0x41, 0x42, 0x43, 0x45, 0x46, 0x47,
            0x48, 0x49, 0x50, 0x51, 0x52, 0x53, 0x61, 0xd0, 0xd1,
        ][random.below(40) as usize],
    };
    let sizes = [
        0, 4, 8, 16, 24, 64, 72, 80, 136, 152, 256, 272, 288, 376, 608, 1224,
    ];
    let size = if random.below(12) == 0 {
        random.below(0x4000)
    } else {
        sizes[random.below(16) as usize]
    };
    let kind = [0x41, 0x55, 0x54, random.below(256)][random.below(4) as usize];
    if kind == 0x55 && nr == 0x13 {
        // A volume is anybody's to change; then the other client does hear a difference.
        return;
    }
    let command = (random.below(4) << 30) | (size << 16) | (kind << 8) | nr;
    let argument = match random.below(10) {
        0 => random.edge(),
        1 => arena.address as u64 + ARENA as u64 - random.below(64),
        _ => arena.scribble(random),
    };
    // SAFETY: what the kernel and the daemon write for such a call lies in the arena, or they give EFAULT: a number
    // carries its size, pointers in structures are ones of the arena or of nowhere, and nobody else uses the arena.
    // Other addresses of this process come up by chance only, one in 2⁴⁰.
    let _ = unsafe { libc::ioctl(file.as_raw_fd(), command, argument) };
}

fn attack(nodes: &[PathBuf], seed: u64, count: &AtomicU64) {
    let mut random = Random(seed);
    let arena = Arena::new();
    let open = |node: &PathBuf| {
        let mut options = OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            options.read(true).write(true),
            libc::O_NONBLOCK,
        );
        options.open(node)
    };
    while count.load(Relaxed) < ioctls() {
        let Ok(file) = open(&nodes[random.below(nodes.len() as u64) as usize]) else {
            continue;
        };
        for _ in 0..2000 {
            hostile_ioctl(&mut random, &file, &arena);
            count.fetch_add(1, Relaxed);
        }
    }
}

/// Plays correctly, in a loop, on a substream whose pages somebody scribbles over.
fn scribble_while_playing(node: &Path, stop: &AtomicBool) {
    let mut random = Random(77);
    while !stop.load(Relaxed) {
        let Ok(pcm) = PcmClient::open(node, libc::O_NONBLOCK) else {
            continue;
        };
        let (status, control) = (pcm.map(STATUS_OFFSET, 4096), pcm.map(CONTROL_OFFSET, 4096));
        if pcm
            .set_up(&Setup {
                access: 0,
                ..Setup::default()
            })
            .is_err()
        {
            continue;
        }
        let ring = pcm.map(0, 1920 * 4);
        let _ = pcm.writei(&[0; 1920 * 4], 1920);
        let _ = pcm.call(cmd::START);
        for _ in 0..2000 {
            for page in [&status, &control, &ring].into_iter().flatten() {
                page.put(
                    (random.below(16) * 8) as usize,
                    &random.edge().to_le_bytes(),
                );
            }
            let _ = match random.below(5) {
                0 => pcm.status().map(|_| 0),
                1 => pcm.call(cmd::HWSYNC),
                2 => pcm.call(cmd::PREPARE),
                3 => pcm.call(cmd::START),
                _ => pcm.writei(&[0; 400], 100).map(|_| 0),
            };
        }
    }
}

fn survives(kind: &[&str]) {
    let folder = folder();
    let output = folder.path().join("out.wav");
    let wav = format!("wav:{},free-run", output.display());
    let card = ["--playback", &wav, "--capture", "null", "--substreams", "4"];
    let served = Served::start(&[kind, &card].concat());
    let nodes: Vec<PathBuf> = ["pcmC0D0p", "pcmC0D0c", "controlC0"]
        .iter()
        .map(|n| served.node(n))
        .collect();
    let format = FORMATS.iter().find(|f| f.name == "S16_LE").unwrap();
    let sound = format.noise(2 * 480 * 500, 4242);
    let (count, stop) = (AtomicU64::new(0), AtomicBool::new(false));

    let honest = PcmClient::open(&nodes[0], 0).unwrap();
    honest.set_up(&Setup::default()).unwrap();
    let mut chunks = sound.chunks(480 * 4);
    thread::scope(|scope| {
        let scribbler = scope.spawn(|| {
            if mappable() {
                scribble_while_playing(&nodes[0], &stop);
            }
        });
        let attackers: Vec<_> = (0..2)
            .map(|i| {
                scope.spawn({
                    let (nodes, count) = (&nodes, &count);
                    move || attack(nodes, 1000 + i, count)
                })
            })
            .collect();
        while count.load(Relaxed) < ioctls() {
            if let Some(chunk) = chunks.next() {
                assert_eq!(honest.writei(chunk, 480).unwrap(), 480);
            }
            thread::sleep(std::time::Duration::from_millis(2));
        }
        for attacker in attackers {
            attacker.join().unwrap();
        }
        stop.store(true, Relaxed);
        scribbler.join().unwrap();
    });
    for chunk in chunks {
        assert_eq!(honest.writei(chunk, 480).unwrap(), 480);
    }
    honest.call(cmd::DRAIN).unwrap();
    drop(honest);
    // A panic is caught, and said.
    let said = served.said();
    assert!(!said.contains("internal error"), "{said}");
    let played = WavFile::read(&output).unwrap();
    assert!(
        played.data == sound,
        "the honest client's {} bytes arrived as {}",
        sound.len(),
        played.data.len()
    );
}

#[test]
fn a_million_random_ioctls_and_scribbled_pages() {
    survives(served_kinds()[0]);
}

#[test]
fn a_million_random_ioctls_and_scribbled_pages_on_page_cache_nodes() {
    survives(&["--nodes", "page-cache"]);
}
