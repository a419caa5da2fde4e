//! The memory and the descriptors of the thread that waits for an answer.
//!
//! The thread sits in its system call meanwhile, so neither its memory nor its number goes away. Whether we may reach
//! it is the kernel's ptrace rule: same user, or a privilege over the client.
#![allow(
    unsafe_code,
    reason = "process_vm_readv and process_vm_writev take raw addresses"
)]

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hw_backends::dma::Area;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};
use uapi::Errno;

use crate::request::{CardIndex, ClientMemory, FileHandle};

/// Said once: the daemon may not touch clients' memory.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// One calling thread, seen through one open descriptor.
#[derive(Debug)]
pub struct Client {
    tid: u32,
    descriptor: Descriptor,
    /// Process id once found out, else 0.
    process: AtomicU32,
    /// The descriptor's number where it was last found, plus one; else 0.
    found: AtomicU32,
    /// Whether its memory may not be reached.
    out_of_reach: OnceLock<bool>,
    /// The other open files.
    neighbours: Option<Box<dyn Neighbours>>,
    /// Where areas are cached pages of a node: the way for bytes, so that only this program and never the kernel faults
    /// on such a page. The kernel would hold the process's map while it waits for a reader, who may need that map.
    detour: Option<Mutex<Box<[u8]>>>,
}

/// An open file, of whichever card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Whose it is, unless it is the same card's.
    pub elsewhere: Option<CardIndex>,
    /// What its card calls it.
    pub file: FileHandle,
}

/// Where an open file was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Process id.
    pub process: u32,
    /// Descriptor.
    pub descriptor: u32,
}

/// The open files of the cards on one mount, or of all character devices, seen from one of them.
pub trait Neighbours: Send + Sync + fmt::Debug {
    /// The open file on this inode.
    fn on_inode(&self, inode: u64) -> Option<Neighbour>;

    /// The open file on this device that was opened with such flags (`O_*`). Where there are several: the one that was
    /// asked through a descriptor which `is_it`, or the only one of which no descriptor is known.
    fn on_device(
        &self,
        number: u64,
        flags: u32,
        is_it: &dyn Fn(Place) -> Option<bool>,
    ) -> Option<Neighbour>;

    /// The file itself was just asked through this descriptor.
    fn seen_at(&self, place: Place);
}

/// Most of a client's descriptors that are looked through, some microseconds each, while the card waits.
const DESCRIPTORS_MAX: usize = 4096;

/// How the descriptor that a request came through is told from the thread's others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptor {
    /// Not at all.
    Unknown,
    /// By an inode of its own, numbered so.
    Inode(u64),
    /// It is on the device of this number (`st_rdev`), opened with these flags (`O_*`). Others may be as well.
    Device {
        /// Device number.
        number: u64,
        /// Open flags.
        flags: u32,
    },
}

/// Bytes copied at a time on the detour.
const DETOUR: usize = 16384;

impl Client {
    /// The thread `tid`, which came through a descriptor on an inode of its own, numbered `inode`; 0 if that is shared.
    #[must_use]
    pub fn new(tid: u32, inode: u64) -> Client {
        let descriptor = if inode == 0 {
            Descriptor::Unknown
        } else {
            Descriptor::Inode(inode)
        };
        Client::through(tid, descriptor)
    }

    /// The thread `tid`, which came through `descriptor`.
    #[must_use]
    pub fn through(tid: u32, descriptor: Descriptor) -> Client {
        Client {
            tid,
            descriptor,
            process: AtomicU32::new(0),
            found: AtomicU32::new(0),
            out_of_reach: OnceLock::new(),
            neighbours: None,
            detour: None,
        }
    }

    /// The same for opens whose areas are cached pages of a node.
    #[must_use]
    pub fn with_cached_areas(tid: u32, inode: u64) -> Client {
        Client {
            detour: Some(Mutex::new(vec![0xff; DETOUR].into())),
            ..Client::new(tid, inode)
        }
    }

    /// The same, with the files that another of its descriptors may name.
    #[must_use]
    pub fn among(mut self, neighbours: Box<dyn Neighbours>) -> Client {
        self.neighbours = Some(neighbours);
        self
    }

    /// The thread.
    #[must_use]
    pub fn tid(&self) -> u32 {
        self.tid
    }

    fn copy(&self, way: Way, address: u64, local: *mut u8, length: usize) -> Result<(), Errno> {
        self.transfer(way, address, local, length).map_err(|cause| {
            if cause.raw_os_error() != Some(libc::EFAULT) {
                self.refused(&cause);
            }
            Errno::EFAULT
        })
    }

    fn transfer(
        &self,
        way: Way,
        address: u64,
        local: *mut u8,
        length: usize,
    ) -> Result<(), std::io::Error> {
        let fault = || std::io::Error::from_raw_os_error(libc::EFAULT);
        if length == 0 {
            return Ok(());
        }
        let (Ok(pid), Ok(remote)) = (libc::pid_t::try_from(self.tid), usize::try_from(address))
        else {
            return Err(fault());
        };
        if pid == 0 {
            let why = "the caller is in a process id namespace that is not visible here";
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, why));
        }
        let local = libc::iovec {
            iov_base: local.cast(),
            iov_len: length,
        };
        let remote = libc::iovec {
            iov_base: std::ptr::without_provenance_mut(remote),
            iov_len: length,
        };
        let copied = match way {
            // SAFETY: `local` is writable for `length` bytes: the callers below pass a slice or an area they borrow.
            // The kernel checks the remote side.
            Way::In => unsafe {
                libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0)
            },
            // SAFETY: as above, only read.
            Way::Out => unsafe {
                libc::process_vm_writev(pid, &raw const local, 1, &raw const remote, 1, 0)
            },
        };
        if usize::try_from(copied) == Ok(length) {
            return Ok(());
        }
        // Part of it was there.
        Err(if copied < 0 {
            std::io::Error::last_os_error()
        } else {
            fault()
        })
    }

    /// Whether the thread's memory may not be reached, whatever is at `address`. Once found out, that stays.
    #[must_use]
    pub fn is_out_of_reach(&self, address: u64) -> bool {
        *self.out_of_reach.get_or_init(|| {
            let mut byte = 0u8;
            let Err(cause) = self.transfer(Way::In, address, &raw mut byte, 1) else {
                return false;
            };
            cause.raw_os_error() != Some(libc::EFAULT)
        })
    }

    /// Flags (`O_*`) of the descriptor on inode number `inode`.
    fn flags_on(&self, inode: u64) -> Option<u32> {
        let last = self.found.load(Ordering::Relaxed).checked_sub(1);
        let there = last.and_then(|number| descriptor_flags(self.tid, number, inode));
        there.or_else(|| {
            let (number, flags) = find_descriptor(self.tid, inode, DESCRIPTORS_MAX)?;
            self.found.store(number.wrapping_add(1), Ordering::Relaxed);
            Some(flags)
        })
    }

    /// The open file behind a descriptor of the thread.
    fn named(&self, descriptor: i32) -> Option<Neighbour> {
        let descriptor = u32::try_from(descriptor).ok()?;
        let named = information(self.tid, descriptor)?;
        if let Descriptor::Device { .. } = self.descriptor {
            use std::os::unix::fs::MetadataExt as _;
            let link = format!("/proc/{}/fd/{descriptor}", self.tid);
            let number = std::fs::metadata(link).ok()?.rdev();
            let flags = u32::from_str_radix(field(&named, "flags:")?, 8).ok()?;
            let is_it = |place: Place| same_file(self.tid, descriptor, place);
            return self.neighbours.as_ref()?.on_device(number, flags, &is_it);
        }
        self.file_flags()?;
        let own = self.found.load(Ordering::Relaxed).checked_sub(1)?;
        // An inode's number says something within one file system only.
        if field(&named, "mnt_id:")? != field(&information(self.tid, own)?, "mnt_id:")? {
            return None;
        }
        let inode = field(&named, "ino:")?.parse().ok()?;
        self.neighbours.as_ref()?.on_inode(inode)
    }

    /// Looks which descriptor the thread asks through right now, and takes note of it; for those on a device.
    pub fn look(&self) -> Option<u32> {
        let Descriptor::Device { number, .. } = self.descriptor else {
            return None;
        };
        let descriptor = asked_through(self.tid)?;
        let flags = flags_on_device(self.tid, descriptor, number)?;
        if let Some(neighbours) = &self.neighbours {
            let process = self.process();
            neighbours.seen_at(Place {
                process,
                descriptor,
            });
        }
        Some(flags)
    }

    fn refused(&self, cause: &dyn fmt::Display) {
        if !REFUSED.swap(true, Ordering::Relaxed) {
            log::error!(
                "Cannot reach the memory of client thread {}: {cause}. Transfers that point elsewhere answer EFAULT; \
                 run the daemon as the client's user in the same process id namespace, or with CAP_SYS_PTRACE",
                self.tid
            );
        }
    }
}

#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

impl ClientMemory for Client {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Errno> {
        self.copy(Way::In, address, into.as_mut_ptr(), into.len())
    }

    fn write(&self, address: u64, from: &[u8]) -> Result<(), Errno> {
        self.copy(Way::Out, address, from.as_ptr().cast_mut(), from.len())
    }

    fn read_area(&self, address: u64, into: &Area) -> Result<(), Errno> {
        let Some(detour) = &self.detour else {
            return self.copy(Way::In, address, into.as_ptr(), into.len());
        };
        let mut bytes = detour.lock().unwrap_or_else(PoisonError::into_inner);
        for offset in (0..into.len()).step_by(DETOUR) {
            let n = DETOUR.min(into.len() - offset);
            let part = bytes.get_mut(..n).ok_or(Errno::EFAULT)?;
            self.read(address.saturating_add(offset as u64), part)?;
            into.write(offset, part);
        }
        Ok(())
    }

    fn write_area(&self, address: u64, from: &Area) -> Result<(), Errno> {
        let Some(detour) = &self.detour else {
            return self.copy(Way::Out, address, from.as_ptr(), from.len());
        };
        let mut bytes = detour.lock().unwrap_or_else(PoisonError::into_inner);
        for offset in (0..from.len()).step_by(DETOUR) {
            let n = DETOUR.min(from.len() - offset);
            let part = bytes.get_mut(..n).ok_or(Errno::EFAULT)?;
            from.read(offset, part);
            self.write(address.saturating_add(offset as u64), part)?;
        }
        Ok(())
    }

    fn file_flags(&self) -> Option<u32> {
        if self.tid == 0 {
            return None;
        }
        match self.descriptor {
            Descriptor::Unknown => None,
            Descriptor::Inode(inode) => self.flags_on(inode),
            Descriptor::Device { number, flags } => {
                let alike = |now: &u32| (now ^ flags) & LASTING == 0;
                let seen = self.look().filter(alike);
                seen.or_else(|| agreed_flags(self.tid, number, flags))
            }
        }
    }

    fn process(&self) -> u32 {
        let known = self.process.load(Ordering::Relaxed);
        if known != 0 || self.tid == 0 {
            return known;
        }
        let found = thread_group(self.tid).unwrap_or(0);
        self.process.store(found, Ordering::Relaxed);
        found
    }

    fn take_descriptor(&self, number: i32) -> Result<OwnedFd, Errno> {
        let process = i32::try_from(self.process()).ok().and_then(Pid::from_raw);
        let process = process.ok_or(Errno::EBADF)?;
        if number < 0 {
            return Err(Errno::EBADF);
        }
        let fetched =
            rustix::process::pidfd_open(process, PidfdFlags::empty()).and_then(|process| {
                rustix::process::pidfd_getfd(process, number, PidfdGetfdFlags::empty())
            });
        fetched.map_err(|error| {
            if error != rustix::io::Errno::BADF {
                self.refused(&error);
            }
            Errno::EBADF
        })
    }

    fn open_file(&self, descriptor: i32) -> Option<FileHandle> {
        let named = self.named(descriptor)?;
        named.elsewhere.is_none().then_some(named.file)
    }

    fn open_file_elsewhere(&self, descriptor: i32) -> Option<(CardIndex, FileHandle)> {
        let named = self.named(descriptor)?;
        Some((named.elsewhere?, named.file))
    }
}

/// Number and flags (`O_*`) of the descriptor of thread `tid` that is open on inode number `inode`, if it is among the
/// first `most`.
fn find_descriptor(tid: u32, inode: u64, most: usize) -> Option<(u32, u32)> {
    let entries = std::fs::read_dir(format!("/proc/{tid}/fdinfo")).ok()?;
    entries.flatten().take(most).find_map(|entry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        Some((number, descriptor_flags(tid, number, inode)?))
    })
}

/// Flags (`O_*`) of descriptor `number` of thread `tid`, if that is open on inode number `inode`.
fn descriptor_flags(tid: u32, number: u32, inode: u64) -> Option<u32> {
    let text = information(tid, number)?;
    let there: u64 = field(&text, "ino:")?.parse().ok()?;
    let flags = field(&text, "flags:")?;
    (there == inode).then(|| u32::from_str_radix(flags, 8).ok())?
}

/// What the kernel tells of descriptor `number` of thread `tid`.
fn information(tid: u32, number: u32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{tid}/fdinfo/{number}")).ok()
}

/// `O_ACCMODE` and `O_APPEND`: two opens of a device that differ there are told apart.
pub(super) const LASTING: u32 = 0o2003;

/// Flags (`O_*`) of the descriptors of thread `tid` on device `number` that were opened as `opened` was, if all have the
/// same.
fn agreed_flags(tid: u32, number: u64, opened: u32) -> Option<u32> {
    let entries = std::fs::read_dir(format!("/proc/{tid}/fd")).ok()?;
    let mut all = entries.flatten().take(DESCRIPTORS_MAX).filter_map(|entry| {
        let descriptor = entry.file_name().to_str()?.parse().ok()?;
        let flags = flags_on_device(tid, descriptor, number)?;
        ((flags ^ opened) & LASTING == 0).then_some(flags)
    });
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// Whether a descriptor of thread `tid` and the one at `place` are of the same open file; `None` where it cannot be told.
fn same_file(tid: u32, descriptor: u32, place: Place) -> Option<bool> {
    const KCMP_FILE: libc::c_int = 0;
    let pid = |id: u32| libc::pid_t::try_from(id).ok();
    let (a, b) = (pid(tid)?, pid(place.process)?);
    let (mine, theirs) = (
        libc::c_ulong::from(descriptor),
        libc::c_ulong::from(place.descriptor),
    );
    // SAFETY: compares what numbers stand for in the kernel; no memory is involved.
    match unsafe { libc::syscall(libc::SYS_kcmp, a, b, KCMP_FILE, mine, theirs) } {
        0 => Some(true),
        order if order > 0 => Some(false),
        // The process or its descriptor is gone, or may not be looked at.
        _ => None,
    }
}

/// Flags (`O_*`) of a descriptor of thread `tid`, if it is on device `number`.
fn flags_on_device(tid: u32, descriptor: u32, number: u64) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    // Follows to the open file itself; one that was closed meanwhile is none.
    let open = std::fs::metadata(format!("/proc/{tid}/fd/{descriptor}")).ok()?;
    if open.rdev() != number {
        return None;
    }
    u32::from_str_radix(field(&information(tid, descriptor)?, "flags:")?, 8).ok()
}

/// How often a thread is looked at that is still on its way to sleep, and how long after each time.
const LOOKS: u32 = 20;
const LOOK_AGAIN: Duration = Duration::from_micros(50);

/// The first argument of the call that thread `tid` waits in: of an ioctl, the descriptor. The kernel tells those who
/// may trace the thread.
fn asked_through(tid: u32) -> Option<u32> {
    let path = format!("/proc/{tid}/syscall");
    for _ in 0..LOOKS {
        let text = std::fs::read_to_string(&path).ok()?;
        if text.trim_end() != "running" {
            // Number, then the arguments; without any where it is in no call.
            let argument = text.split(' ').nth(1)?.strip_prefix("0x")?;
            let argument = u64::from_str_radix(argument, 16).ok()?;
            return u32::try_from(argument & u64::from(u32::MAX)).ok();
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    None
}

fn thread_group(tid: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    field(&text, "Tgid:")?.parse().ok()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn myself(inode: u64) -> Client {
        Client::new(
            rustix::thread::gettid()
                .as_raw_nonzero()
                .get()
                .cast_unsigned(),
            inode,
        )
    }

    #[test]
    fn reads_and_writes_the_memory_of_a_thread() {
        let mut theirs = [1u8, 2, 3, 4];
        let address = theirs.as_mut_ptr() as u64;
        let mut ours = [0u8; 4];
        myself(0).read(address, &mut ours).unwrap();
        assert_eq!(ours, [1, 2, 3, 4]);
        myself(0).write(address, &[9, 8]).unwrap();
        assert_eq!(std::hint::black_box(&theirs), &[9, 8, 3, 4]);
    }

    #[test]
    fn copies_straight_into_an_area() {
        let theirs = [7u8; 100];
        let area = Area::anonymous(100).unwrap();
        myself(0).read_area(theirs.as_ptr() as u64, &area).unwrap();
        let mut got = [0u8; 100];
        area.read(0, &mut got);
        assert_eq!(got, theirs);
    }

    #[test]
    fn an_address_that_is_not_mapped_is_efault() {
        let mut byte = [0];
        assert_eq!(myself(0).read(8, &mut byte), Err(Errno::EFAULT));
        assert_eq!(myself(0).write(u64::MAX - 3, &[1]), Err(Errno::EFAULT));
    }

    #[test]
    fn an_invisible_caller_is_efault() {
        let mut byte = [0];
        let address = byte.as_mut_ptr() as u64;
        assert_eq!(
            Client::new(0, 0).read(address, &mut byte),
            Err(Errno::EFAULT)
        );
    }

    #[test]
    fn nothing_to_copy_succeeds_at_any_address() {
        assert_eq!(myself(0).read(0, &mut []), Ok(()));
    }

    #[test]
    fn flags_are_those_of_the_descriptor_now() {
        let path = std::env::temp_dir().join(format!("cuse-pcm-fdinfo-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let client = myself(file.metadata().unwrap().ino());
        assert_eq!(client.file_flags().unwrap() & libc::O_NONBLOCK as u32, 0);
        rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::NONBLOCK).unwrap();
        assert_ne!(
            client.file_flags().unwrap() & libc::O_NONBLOCK as u32,
            0,
            "fd {}",
            file.as_raw_fd()
        );
    }

    #[test]
    fn a_descriptor_that_got_another_number_is_found_again() {
        let path = std::env::temp_dir().join(format!("cuse-pcm-fdinfo2-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let client = myself(file.metadata().unwrap().ino());
        assert!(client.file_flags().is_some());
        let other = file.try_clone().unwrap();
        drop(file);
        assert!(client.file_flags().is_some());
        drop(other);
    }

    #[test]
    fn a_client_of_many_descriptors_does_not_have_all_of_them_looked_through() {
        let path = std::env::temp_dir().join(format!("cuse-pcm-fdinfo3-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (me, inode) = (myself(0).tid(), file.metadata().unwrap().ino());
        let found = find_descriptor(me, inode, 4096).unwrap();
        assert_eq!(found.0, file.as_raw_fd().cast_unsigned());
        assert_eq!(find_descriptor(me, inode, 1), None);
    }

    /// Every inode is that of the file called like it.
    #[derive(Debug)]
    struct Everybody(Option<CardIndex>);

    impl Neighbours for Everybody {
        fn on_inode(&self, inode: u64) -> Option<Neighbour> {
            Some(Neighbour {
                elsewhere: self.0,
                file: FileHandle(inode),
            })
        }

        fn on_device(
            &self,
            number: u64,
            _flags: u32,
            _is_it: &dyn Fn(Place) -> Option<bool>,
        ) -> Option<Neighbour> {
            self.on_inode(number)
        }

        fn seen_at(&self, _place: Place) {}
    }

    #[test]
    fn a_descriptor_of_the_same_mount_leads_to_its_file() {
        let path = std::env::temp_dir().join(format!("cuse-pcm-linked-{}", std::process::id()));
        let create = || {
            let file = std::fs::File::create(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            (file.metadata().unwrap().ino(), file)
        };
        let ((own, _own_file), (other, other_file)) = (create(), create());
        let client = myself(own).among(Box::new(Everybody(None)));
        let named = other_file.as_raw_fd();
        assert_eq!(client.open_file(named), Some(FileHandle(other)));
        assert_eq!(client.open_file_elsewhere(named), None);
        let across = myself(own).among(Box::new(Everybody(Some(CardIndex(3)))));
        let file = Some((CardIndex(3), FileHandle(other)));
        assert_eq!(across.open_file_elsewhere(named), file);
        assert_eq!(across.open_file(named), None);
        let elsewhere = std::fs::File::open("/proc/self/status").unwrap();
        assert_eq!(client.open_file(elsewhere.as_raw_fd()), None);
        assert_eq!(client.open_file(-1), None);
        assert_eq!(client.open_file(i32::MAX), None);
        assert_eq!(myself(own).open_file(other_file.as_raw_fd()), None);
    }

    #[test]
    fn descriptors_of_one_open_file_are_told_from_those_of_two() {
        let open = || std::fs::File::open("/dev/null").unwrap();
        let (a, b) = (open(), open());
        let again = a.try_clone().unwrap();
        let number = |file: &std::fs::File| file.as_raw_fd().cast_unsigned();
        let same = |descriptor| {
            let place = Place {
                process: std::process::id(),
                descriptor,
            };
            same_file(myself(0).tid(), number(&a), place)
        };
        assert_eq!(same(number(&again)), Some(true));
        assert_eq!(same(number(&b)), Some(false));
        assert_eq!(same(9999), None);
    }

    #[test]
    fn flags_of_a_device_are_known_where_its_descriptors_agree() {
        let open = |write: bool| {
            std::fs::OpenOptions::new()
                .read(true)
                .write(write)
                .open("/dev/full")
                .unwrap()
        };
        let (a, b, read_only) = (open(true), open(true), open(false));
        let number = a.metadata().unwrap().rdev();
        let flags = |flags: i32| {
            let flags = flags.cast_unsigned();
            let client = Client::through(myself(0).tid(), Descriptor::Device { number, flags });
            client
                .file_flags()
                .map(|f| f & libc::O_NONBLOCK as u32 != 0)
        };
        rustix::fs::fcntl_setfl(&read_only, rustix::fs::OFlags::NONBLOCK).unwrap();
        assert_eq!(flags(libc::O_RDWR), Some(false));
        assert_eq!(flags(libc::O_RDONLY), Some(true));
        assert_eq!(flags(libc::O_WRONLY), None);
        rustix::fs::fcntl_setfl(&b, rustix::fs::OFlags::NONBLOCK).unwrap();
        assert_eq!(flags(libc::O_RDWR), None);
        drop(a);
        assert_eq!(flags(libc::O_RDWR), Some(true));
    }

    #[test]
    fn the_descriptor_is_the_one_that_the_thread_waits_on() {
        // A device on which reading waits.
        let open = || {
            std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/ptmx")
                .unwrap()
        };
        let (mut waited_on, other) = (open(), open());
        rustix::fs::fcntl_setfl(&other, rustix::fs::OFlags::NONBLOCK).unwrap();
        let number = other.metadata().unwrap().rdev();
        let (said, tid) = std::sync::mpsc::channel();
        let mut end = waited_on.try_clone().unwrap();
        let reader = std::thread::spawn(move || {
            said.send(myself(0).tid()).unwrap();
            let mut byte = [0];
            std::io::Read::read_exact(&mut waited_on, &mut byte).unwrap();
        });
        let tid = tid.recv().unwrap();
        let flags = libc::O_RDWR.cast_unsigned();
        let seen = || Client::through(tid, Descriptor::Device { number, flags }).file_flags();
        let known = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            seen().is_some_and(|flags| flags & libc::O_NONBLOCK as u32 == 0)
        });
        // A terminal echoes it.
        std::io::Write::write_all(&mut end, b"x\n").unwrap();
        reader.join().unwrap();
        assert!(known);
    }

    #[test]
    fn the_process_of_a_thread_is_its_group() {
        let tid = std::thread::spawn(|| (myself(0).process(), myself(0).tid()))
            .join()
            .unwrap();
        assert_eq!(tid.0, std::process::id());
        assert_ne!(tid.1, std::process::id());
    }
}
