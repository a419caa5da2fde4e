//! Transfers: WRITEI, READI, WRITEN, READN, read(2) and write(2), straight between the client's memory and the ring
//! (§7).

use std::sync::Arc;

use hw_backends::units::{Direction, Now};
use uapi::Errno;
use uapi::compat::pcm as compat;
use uapi::pcm::{State, XferI, XferN};
use zerocopy::IntoBytes;

use super::pcm::PcmCall;
use super::pcm_compat;
use super::samples::{Kept, Samples, offset};
use super::table::{Kind, OpenFile};
use super::transfer_result::{ResultMember, Style};
use super::wait::{Next, Waiting, Work, without_restart};
use super::{Files, Outcome};
use crate::card::SubstreamId;
use crate::pcm::{Layout, Step, Substream, Transfer};
use crate::request::{Answer, ClientMemory, FileHandle, Reply};

/// Most channels that a call with one buffer a channel can move.
const CHANNELS_MAX: usize = 128;

/// How many frames, at least two rings, and how many copies (of a chunk, or of a chunk's channel) are made before others
/// come first. Only a stream whose device has overtaken its client has that much room.
const TURN_FRAMES: u64 = 0x1_0000;
const TURN_COPIES: u32 = 4096;

/// How a transfer is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TransferAnswer {
    /// Result into the structure.
    Ioctl(ResultMember),
    /// How many bytes: this many were asked for, in so many frames.
    Write(usize, u64),
    /// The bytes.
    Read,
}

/// A transfer that waits.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Of which substream.
    pub(crate) substream: SubstreamId,
    /// How far it came.
    pub(crate) transfer: Transfer,
    /// The client's side.
    pub(crate) samples: Kept,
    /// How to answer.
    pub(crate) answer: TransferAnswer,
    /// It has had its turn, and goes on after a while.
    pub(crate) yielded: bool,
}

impl Pending {
    /// Goes on after a wake-up.
    pub(crate) fn run(
        &mut self,
        substream: &mut Substream,
        memory: &dyn ClientMemory,
        now: &Now,
    ) -> Next {
        let (transfer, mut samples) = (&mut self.transfer, self.samples.lend());
        let next = run(substream, transfer, &mut samples, memory, now);
        self.yielded = next == Next::Yields;
        next
    }
}

impl TransferAnswer {
    /// Answers.
    pub(crate) fn send(
        self,
        result: Result<u64, Errno>,
        collected: &[u8],
        reply: Reply,
        memory: &dyn ClientMemory,
    ) {
        match (self, result) {
            (TransferAnswer::Ioctl(member), result) => member.send(result, reply, memory),
            (TransferAnswer::Write(asked, frames), Ok(moved)) => {
                reply.send(&Answer::Written(share(asked, moved, frames)));
            }
            (TransferAnswer::Read, Ok(_)) => reply.send(&Answer::Data(collected)),
            (_, Err(errno)) => reply.fail(without_restart(errno)),
        }
    }
}

/// The bytes of `moved` of `frames` frames that take `asked` bytes.
fn share(asked: usize, moved: u64, frames: u64) -> usize {
    let (asked, moved, frames) = (asked as u128, u128::from(moved), u128::from(frames));
    let bytes = asked.saturating_mul(moved).checked_div(frames).unwrap_or(0);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Goes on until the transfer is over or has to wait.
fn run(
    substream: &mut Substream,
    transfer: &mut Transfer,
    samples: &mut Samples<'_>,
    memory: &dyn ClientMemory,
    now: &Now,
) -> Next {
    let ring = substream.params().map_or(0, |params| params.buffer_size);
    let mut frames = TURN_FRAMES.max(ring.saturating_mul(2));
    let mut copies = TURN_COPIES;
    let reach = samples.reach(substream, memory);
    loop {
        match substream.next_step(transfer, now) {
            Step::Done(result) => return Next::Done(result),
            Step::Wait { timeout } => return Next::Waits(timeout),
            Step::Copy(_) if frames == 0 || copies == 0 => return Next::Yields,
            Step::Copy(mut chunk) => {
                if chunk.done_frames < reach {
                    chunk.frames = chunk.frames.min(reach.saturating_sub(chunk.done_frames));
                }
                let copied = samples.copy(substream, &chunk, memory);
                substream.commit(transfer, &chunk, copied, now);
                frames = frames.saturating_sub(chunk.frames);
                copies = copies.saturating_sub(samples.copies());
            }
        }
    }
}

/// WRITEI, READI: which way the samples go depends on the substream alone (§1.8).
pub(super) fn interleaved(call: &mut PcmCall<'_, '_>) -> Outcome {
    let x = match configured(call).and_then(|()| call.argument.get::<XferI>()) {
        Ok(x) => x,
        Err(errno) => return Outcome::Done(Err(errno)),
    };
    let samples = if x.buf == 0 {
        Samples::Null
    } else {
        Samples::Client(x.buf)
    };
    transfer(call, Layout::Interleaved, x.frames, samples, Style::Native)
}

/// WRITEN, READN.
pub(super) fn noninterleaved(call: &mut PcmCall<'_, '_>) -> Outcome {
    let mut list = [0_u64; CHANNELS_MAX];
    match channel_list(call, &mut list) {
        Ok((frames, list)) => transfer(
            call,
            Layout::Noninterleaved,
            frames,
            Samples::Channels(list),
            Style::Native,
        ),
        Err(errno) => Outcome::Done(Err(errno)),
    }
}

fn channel_list<'l>(
    call: &mut PcmCall<'_, '_>,
    list: &'l mut [u64; CHANNELS_MAX],
) -> Result<(u64, &'l [u64]), Errno> {
    configured(call)?;
    let channels = offset(u64::from(call.substream()?.channels()))?;
    let list = list.get_mut(..channels).ok_or(Errno::EINVAL)?;
    let x: XferN = call.argument.get()?;
    if let Err(errno) = call.argument.memory.read(x.bufs, list.as_mut_bytes()) {
        // Nothing was moved, and the structure says so (§1.8).
        call.argument.put(&0_i64)?;
        return Err(errno);
    }
    Ok((x.frames, list))
}

/// WRITEI, READI of a 32-bit client.
pub(super) fn interleaved_compat(call: &mut PcmCall<'_, '_>) -> Outcome {
    let x = match directed(call).and_then(|()| call.argument.get::<compat::XferI>()) {
        Ok(x) => x,
        Err(errno) => return Outcome::Done(Err(errno)),
    };
    let samples = match x.buf {
        0 => Samples::Null,
        address => Samples::Client(address.into()),
    };
    let frames = x.frames.into();
    transfer(call, Layout::Interleaved, frames, samples, Style::Compat)
}

/// WRITEN, READN of a 32-bit client.
pub(super) fn noninterleaved_compat(call: &mut PcmCall<'_, '_>) -> Outcome {
    let mut list = [0_u64; CHANNELS_MAX];
    match channel_list_compat(call, &mut list) {
        Ok((frames, list)) => transfer(
            call,
            Layout::Noninterleaved,
            frames,
            Samples::Channels(list),
            Style::CompatCount,
        ),
        Err(errno) => Outcome::Done(Err(errno)),
    }
}

fn channel_list_compat<'l>(
    call: &mut PcmCall<'_, '_>,
    list: &'l mut [u64; CHANNELS_MAX],
) -> Result<(u64, &'l [u64]), Errno> {
    directed(call)?;
    let channels = offset(u64::from(call.substream()?.channels()))?;
    let list = list.get_mut(..channels).ok_or(Errno::EINVAL)?;
    let mut narrow = [0_u32; CHANNELS_MAX];
    let narrow = narrow.get_mut(..channels).ok_or(Errno::EINVAL)?;
    let x: compat::XferN = call.argument.get()?;
    let memory = call.argument.memory;
    memory.read(x.bufs.into(), narrow.as_mut_bytes())?;
    for (to, from) in list.iter_mut().zip(narrow) {
        *to = (*from).into();
    }
    Ok((x.frames.into(), list))
}

/// A 32-bit client's transfer has to be of the file's direction, then it is as for others.
fn directed(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    if pcm_compat::direction(call.argument.cmd) != call.file.substream.direction {
        return Err(Errno::EINVAL);
    }
    configured(call)
}

/// In OPEN a transfer ioctl touches nothing.
fn configured(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    match call.substream()?.state() {
        State::Open => Err(Errno::EBADFD),
        _ => Ok(()),
    }
}

fn transfer(
    call: &mut PcmCall<'_, '_>,
    layout: Layout,
    frames: u64,
    mut samples: Samples<'_>,
    style: Style,
) -> Outcome {
    let (id, now, memory) = (call.file.substream, call.now, call.argument.memory);
    let null = matches!(samples, Samples::Null);
    let result = call.substream().and_then(|substream| {
        samples.announce(substream, frames, memory)?;
        let mut transfer = substream.begin_transfer(layout, frames, null, now)?;
        match run(substream, &mut transfer, &mut samples, memory, now) {
            Next::Done(result) => result.map(Ok),
            Next::Waits(timeout) => Ok(Err((timeout, transfer, false))),
            Next::Yields => Ok(Err((None, transfer, true))),
        }
    });
    let result = match result {
        Ok(Ok(frames)) => Ok(frames),
        Err(errno) => Err(errno),
        Ok(Err((timeout, transfer, yielded))) => {
            let (arg, out_size) = (call.argument.arg, call.argument.out_size());
            if style == Style::Native {
                // What another thread sees of `result` meanwhile; the final store will tell if it cannot be written.
                let _ = memory.write(arg, 0_i64.as_bytes());
            }
            let answer = TransferAnswer::Ioctl(ResultMember {
                arg,
                out_size,
                style,
            });
            let samples = samples.keep();
            let pending = Pending {
                substream: id,
                transfer,
                samples,
                answer,
                yielded,
            };
            return Outcome::Wait(timeout, Work::Transfer(pending));
        }
    };
    let told = style.tell(result);
    let stored = call.argument.put_bytes(told.stored());
    Outcome::Done(stored.and(told.code))
}

impl Files {
    /// read(2) on a PCM file.
    pub(super) fn read_samples(
        &mut self,
        file: FileHandle,
        size: usize,
        reply: Reply,
        memory: Arc<dyn ClientMemory>,
        now: &Now,
    ) {
        let mut collected = std::mem::take(&mut self.scratch);
        collected.clear();
        let samples = Samples::Collect(&mut collected, size);
        let answer = TransferAnswer::Read;
        let io = Io {
            file,
            direction: Direction::Capture,
            size,
            answer,
        };
        self.read_write(&io, samples, reply, memory, now);
        self.scratch = collected;
    }

    /// write(2).
    pub(super) fn write(
        &mut self,
        file: FileHandle,
        data: &[u8],
        reply: Reply,
        memory: Arc<dyn ClientMemory>,
        now: &Now,
    ) {
        let (direction, size) = (Direction::Playback, data.len());
        let io = Io {
            file,
            direction,
            size,
            answer: TransferAnswer::Write(size, 0),
        };
        self.read_write(&io, Samples::Message(data), reply, memory, now);
    }

    fn read_write(
        &mut self,
        io: &Io,
        mut samples: Samples<'_>,
        reply: Reply,
        memory: Arc<dyn ClientMemory>,
        now: &Now,
    ) {
        let id = match self.transferable(io) {
            Ok(id) => id,
            Err(errno) => return reply.fail(errno),
        };
        let begun = self.card.together(&id, now, |card| {
            let substream = card.substream_mut(&id).ok_or(Errno::ENODEV)?;
            let (mut transfer, frames) = begin_bytes(substream, io.size, now)?;
            let next = run(substream, &mut transfer, &mut samples, &*memory, now);
            Ok((transfer, frames, next))
        });
        let (transfer, frames, next) = match begun {
            Ok(begun) => begun,
            Err(errno) => return reply.fail(errno),
        };
        let answer = match io.answer {
            TransferAnswer::Write(size, _) => TransferAnswer::Write(size, frames),
            other => other,
        };
        let (timeout, yielded) = match next {
            Next::Waits(timeout) => (timeout, false),
            Next::Yields => (None, true),
            Next::Done(result) => {
                let collected = match &samples {
                    Samples::Collect(bytes, _) => bytes.as_slice(),
                    _ => &[],
                };
                return answer.send(result, collected, reply, &*memory);
            }
        };
        let work = Work::Transfer(Pending {
            substream: id,
            transfer,
            samples: samples.keep(),
            answer,
            yielded,
        });
        let waiting = Waiting {
            file: Some(io.file),
            reply,
            memory,
            work,
        };
        self.parked.park(waiting, timeout, &mut self.card, now);
    }

    fn transferable(&mut self, io: &Io) -> Result<SubstreamId, Errno> {
        if self.gone {
            return Err(Errno::ENODEV);
        }
        let id = match self.table.get_mut(io.file) {
            None => return Err(Errno::EBADF),
            Some(OpenFile {
                kind: Kind::Control(_),
                ..
            }) => return Err(Errno::EINVAL),
            Some(OpenFile {
                kind: Kind::Pcm(file),
                ..
            }) => file.substream,
        };
        if id.direction != io.direction {
            return Err(Errno::EINVAL);
        }
        Ok(id)
    }
}

/// A read(2) or write(2).
struct Io {
    file: FileHandle,
    direction: Direction,
    size: usize,
    answer: TransferAnswer,
}

/// §7.1 for byte counts.
fn begin_bytes(
    substream: &mut Substream,
    size: usize,
    now: &Now,
) -> Result<(Transfer, u64), Errno> {
    if matches!(substream.state(), State::Open | State::Disconnected) {
        return Err(Errno::EBADFD);
    }
    let frames = substream
        .frames_of_bytes(size as u64)
        .ok_or(Errno::EINVAL)?;
    let transfer = substream.begin_transfer(Layout::Interleaved, frames, false, now)?;
    Ok((transfer, frames))
}
