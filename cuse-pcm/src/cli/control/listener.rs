//! The daemon's side of the control socket.
//!
//! Whoever may connect is trusted with the cards, but not with the daemon's time: each peer has a thread of its own, few
//! at a time, and neither a slow one nor one that says too much keeps others waiting.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, Mode};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use serde_json::{Map, Value};

use super::report::Status;
use super::{Answer, Ask};
use crate::cli::Failure;
use crate::cli::daemon::Daemon;
use crate::cli::options::check;
use crate::config::{CardPlan, Config, DEFAULT_ID};

/// Most peers at a time.
const PEERS: usize = 8;
/// Longest line, bytes.
const LINE: usize = 65_536;
/// How long a peer may take to say a line, or to take an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A daemon that is reached from several threads, until it is taken out to be ended.
pub(in crate::cli) type Shared = Arc<Mutex<Option<Daemon>>>;

/// The socket; gone when dropped.
#[derive(Debug)]
pub(in crate::cli) struct Listener {
    path: PathBuf,
    /// A directory that was made for it.
    made: Option<PathBuf>,
    /// Its drop ends the thread.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens at `path`, for this user alone.
    ///
    /// # Errors
    /// `AddrInUse` where another daemon listens there; else what the system says.
    pub(in crate::cli) fn open(path: &Path, daemon: &Shared) -> std::io::Result<Listener> {
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let made = directory.filter(|directory| !directory.exists());
        if let Some(directory) = made {
            std::fs::create_dir_all(directory)?;
        }
        if path.symlink_metadata().is_ok() {
            match UnixStream::connect(path) {
                Ok(_) => return Err(ErrorKind::AddrInUse.into()),
                // Left by a daemon that was killed.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                }
                Err(error) => return Err(error),
            }
        }
        let listener = bind(path)?;
        let (stop, stopped) = UnixStream::pair()?;
        let daemon = Arc::clone(daemon);
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || accept(&listener, &stopped, &daemon))?;
        Ok(Listener {
            path: path.to_path_buf(),
            made: made.map(Path::to_path_buf),
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            log::warn!("Cannot remove {}: {error}", self.path.display());
        }
        if let Some(made) = &self.made {
            // Unless somebody else uses it by now.
            let _ = std::fs::remove_dir(made);
        }
    }
}

/// Nobody can connect before the socket is this user's alone.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    let kind = SocketType::STREAM;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::fs::chmodat(
        CWD,
        path,
        Mode::RUSR | Mode::WUSR,
        rustix::fs::AtFlags::empty(),
    )?;
    rustix::net::listen(&socket, 16)?;
    Ok(UnixListener::from(socket))
}

fn accept(listener: &UnixListener, stopped: &UnixStream, daemon: &Shared) {
    let peers = Arc::new(AtomicUsize::new(0));
    loop {
        let mut wanted = [
            PollFd::new(listener, PollFlags::IN),
            PollFd::new(stopped, PollFlags::IN),
        ];
        if poll(&mut wanted, None).is_err() {
            continue;
        }
        if !wanted[1].revents().is_empty() {
            return;
        }
        let Ok((stream, _)) = listener.accept() else {
            // No descriptors, most likely.
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        let (daemon, peers) = (Arc::clone(daemon), Arc::clone(&peers));
        let started = std::thread::Builder::new()
            .name("peer".into())
            .spawn(move || {
                let before = peers.fetch_add(1, Ordering::AcqRel);
                // A peer that goes away in the middle is no concern of ours.
                let _ = converse(stream, (before < PEERS).then_some(&daemon));
                peers.fetch_sub(1, Ordering::AcqRel);
            });
        if let Err(error) = started {
            log::warn!("A peer cannot be answered: {error}");
        }
    }
}

/// Answers line by line; without a daemon refuses.
fn converse(mut stream: UnixStream, daemon: Option<&Shared>) -> std::io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut said = Vec::new();
    loop {
        let answer = match daemon {
            None => failed(&Failure::new("Too many peers at once").try_this("again in a moment")),
            Some(daemon) => match line(&mut stream, &mut said)? {
                Line::Said(line) => answer(&line, daemon),
                Line::TooLong => failed(&Failure::new(format!("A line has at most {LINE} bytes"))),
                Line::End => return Ok(()),
            },
        };
        let mut bytes = serde_json::to_vec(&answer)?;
        bytes.push(b'\n');
        stream.write_all(&bytes)?;
        if daemon.is_none() || said.len() > LINE {
            return Ok(());
        }
    }
}

/// What came.
enum Line {
    Said(Vec<u8>),
    TooLong,
    End,
}

/// The next line; `said` is what came of it already.
fn line(stream: &mut UnixStream, said: &mut Vec<u8>) -> std::io::Result<Line> {
    let since = Instant::now();
    loop {
        if let Some(end) = said.iter().position(|byte| *byte == b'\n') {
            let rest = said.split_off(end.saturating_add(1));
            return Ok(Line::Said(std::mem::replace(said, rest)));
        }
        if said.len() > LINE {
            return Ok(Line::TooLong);
        }
        let left = PATIENCE.saturating_sub(since.elapsed());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let mut some = [0u8; 4096];
        match stream.read(&mut some) {
            Ok(0) => return Ok(Line::End),
            Ok(count) => said.extend(some.iter().take(count)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn answer(line: &[u8], daemon: &Shared) -> Answer {
    let ask: Ask = match serde_json::from_slice(line) {
        Ok(ask) => ask,
        Err(error) => {
            let failure = Failure::new(format!("That cannot be asked: {error}"));
            return failed(&failure.try_this("{\"status\":{}}, for example"));
        }
    };
    let mut daemon = daemon.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(daemon) = daemon.as_mut() else {
        return failed(&Failure::new("The daemon is about to end"));
    };
    let done = match ask {
        Ask::Add { card } => add(card, daemon),
        Ask::Remove { card } => daemon.remove(&card).map(|removed| Answer::Removed {
            number: removed.number,
            id: removed.id,
            in_use: removed.in_use,
        }),
        Ask::Status {} => Ok(Answer::Status(Status::of(daemon))),
    };
    done.unwrap_or_else(|failure| failed(&failure))
}

fn add(mut card: Map<String, Value>, daemon: &mut Daemon) -> Result<Answer, Failure> {
    let refused = |error: &dyn std::fmt::Display| {
        Failure::new(error.to_string()).try_this("`cuse-pcm add --help` lists what there is")
    };
    // What is null was not said.
    card.retain(|_, value| !value.is_null());
    if !card.contains_key("number") {
        card.insert("number".to_owned(), daemon.lowest_free()?.into());
    }
    if !card.contains_key("id") && !card.contains_key("like") {
        card.insert("id".to_owned(), daemon.free_id(DEFAULT_ID).into());
    }
    let plan: CardPlan = serde_json::from_value(Value::Object(card))
        .map_err(|error| refused(&format!("That is no card: {error}")))?;
    let mut config = Config { cards: vec![plan] };
    check(&config).map_err(|error| refused(&error))?;
    config.look_up().map_err(|error| refused(&error))?;
    let directory = daemon.directory().to_path_buf();
    let plan = config
        .cards
        .first()
        .ok_or_else(|| Failure::new("No card"))?;
    let added = daemon.add(plan)?;
    Ok(Answer::Added {
        number: added.number,
        id: added.id.clone(),
        directory,
    })
}

fn failed(failure: &Failure) -> Answer {
    let (what, remedy) = failure.words();
    Answer::Failed {
        what: what.to_owned(),
        remedy: remedy.map(str::to_owned),
    }
}
