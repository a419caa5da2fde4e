//! An open PCM file: what belongs to the descriptor alone, and the way of every PCM ioctl to its handler.
//!
//! The checks come in the kernel's order (§1.7): type byte, disconnected stream, number; a 32-bit client's own numbers
//! are served without a look at the state.

use hw_backends::units::Now;
use uapi::Errno;
use uapi::compat::pcm as compat;
use uapi::dmabuf;
use uapi::ioctl::kind;
use uapi::pcm::State;
use uapi::pcm::table;

use super::argument::Argument;
use super::table::Table;
use super::{
    Outcome, pcm_compat, pcm_dmabuf, pcm_old, pcm_position, pcm_setup, pcm_t32, pcm_transfer,
};
use crate::card::{Card, Member, SubstreamId};
use crate::pcm::Substream;
use crate::request::Abi;

/// What belongs to one descriptor of a substream, also where several share it.
#[derive(Debug)]
pub(crate) struct PcmFile {
    /// The substream.
    pub(crate) substream: SubstreamId,
    /// Open flags, for where the current ones cannot be found out.
    pub(crate) flags: u32,
    /// Protocol version the client says it speaks.
    pub(crate) user_pversion: u32,
}

impl PcmFile {
    pub(crate) fn new(substream: SubstreamId, flags: u32) -> PcmFile {
        PcmFile {
            substream,
            flags,
            user_pversion: 0,
        }
    }
}

/// One ioctl under way.
#[derive(Debug)]
pub(crate) struct PcmCall<'a, 'b> {
    /// The descriptor.
    pub(crate) file: &'a mut PcmFile,
    /// The card.
    pub(crate) card: &'a mut Card,
    /// The argument.
    pub(crate) argument: &'a mut Argument<'b>,
    /// The substream that LINK names, if it does name one.
    pub(crate) linked: Option<Member>,
    /// The time.
    pub(crate) now: &'a Now,
}

impl PcmCall<'_, '_> {
    /// The substream of the descriptor.
    pub(crate) fn substream(&mut self) -> Result<&mut Substream, Errno> {
        self.card
            .substream_mut(&self.file.substream)
            .ok_or(Errno::ENXIO)
    }
}

/// A handler of one ioctl.
pub(super) type Handler = fn(&mut PcmCall<'_, '_>) -> Outcome;

/// The substream of this card behind the descriptor number that LINK passes; `None` for any other ioctl.
pub(crate) fn link_target(argument: &Argument<'_>, files: &Table, card: &Card) -> Option<Member> {
    if argument.cmd != table::LINK {
        return None;
    }
    let file = argument.memory.open_file(value(argument))?;
    files.substream(file).map(|id| card.own(&id))
}

/// An `int` passed in the argument word.
fn value(argument: &Argument<'_>) -> i32 {
    let [a, b, c, d, ..] = argument.arg.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// Handles one ioctl.
pub(crate) fn ioctl(call: &mut PcmCall<'_, '_>) -> Outcome {
    let cmd = call.argument.cmd;
    if kind(cmd) != table::KIND {
        return Outcome::Done(Err(Errno::ENOTTY));
    }
    let narrow = call.argument.abi == Abi::Compat;
    if let Some(own) = pcm_compat::handler(cmd).filter(|_| narrow) {
        return together(call, own);
    }
    match call.substream() {
        Err(errno) => return Outcome::Done(Err(errno)),
        Ok(substream) if substream.state() == State::Disconnected => {
            return Outcome::Done(Err(Errno::EBADFD));
        }
        Ok(_) => {}
    }
    if narrow && compat::find(cmd).is_none() && dmabuf::find(cmd).is_none() {
        return Outcome::Done(Err(Errno::ENOTTY));
    }
    match handler(cmd) {
        // These two look at the group from outside.
        Some(handler) if matches!(cmd, table::LINK | table::UNLINK) => handler(call),
        Some(handler) => together(call, handler),
        None => Outcome::Done(Err(Errno::ENOTTY)),
    }
}

/// Handles one ioctl with the whole group there (§9.1).
fn together(call: &mut PcmCall<'_, '_>, handler: Handler) -> Outcome {
    let PcmCall {
        file,
        card,
        argument,
        linked,
        now,
    } = call;
    let id = file.substream;
    card.together(&id, now, |card| {
        handler(&mut PcmCall {
            file,
            card,
            argument,
            linked: *linked,
            now,
        })
    })
}

/// Who handles which number.
fn handler(cmd: u32) -> Option<Handler> {
    Some(match cmd {
        table::WRITEI_FRAMES | table::READI_FRAMES => pcm_transfer::interleaved,
        table::WRITEN_FRAMES | table::READN_FRAMES => pcm_transfer::noninterleaved,
        table::SYNC_PTR => pcm_position::sync_ptr,
        table::STATUS => pcm_position::status,
        table::STATUS_EXT => pcm_position::status_ext,
        table::DELAY => pcm_position::delay,
        table::HWSYNC => pcm_position::hwsync,
        table::REWIND => pcm_position::rewind,
        table::FORWARD => pcm_position::forward,
        table::PREPARE => pcm_position::prepare,
        table::RESET => pcm_position::reset,
        table::START => pcm_position::start,
        table::DROP => pcm_position::drop_frames,
        table::DRAIN => pcm_position::drain,
        table::PAUSE => pcm_position::pause,
        table::RESUME => pcm_position::resume,
        table::XRUN => pcm_position::xrun,
        table::PVERSION => pcm_setup::pversion,
        table::INFO => pcm_setup::info,
        table::TSTAMP => pcm_setup::tstamp,
        table::TTSTAMP => pcm_setup::ttstamp,
        table::USER_PVERSION => pcm_setup::user_pversion,
        table::HW_REFINE => pcm_setup::hw_refine,
        table::HW_PARAMS => pcm_setup::hw_params,
        table::HW_FREE => pcm_setup::hw_free,
        table::SW_PARAMS => pcm_setup::sw_params,
        table::CHANNEL_INFO => pcm_setup::channel_info,
        table::LINK => pcm_setup::link,
        table::UNLINK => pcm_setup::unlink,
        table::HW_REFINE_OLD => pcm_old::hw_refine,
        table::HW_PARAMS_OLD => pcm_old::hw_params,
        dmabuf::EXPORT => pcm_dmabuf::export,
        dmabuf::ATTACH => pcm_dmabuf::attach,
        dmabuf::DETACH => pcm_dmabuf::detach,
        compat::STATUS_T32 => pcm_t32::status,
        compat::STATUS_EXT_T32 => pcm_t32::status_ext,
        compat::SYNC_PTR_T32 => pcm_t32::sync_ptr,
        _ => return None,
    })
}

/// PAUSE's argument: push or release.
pub(super) fn flag(call: &PcmCall<'_, '_>) -> bool {
    value(call.argument) != 0
}

#[cfg(test)]
mod tests {
    use super::{dmabuf, handler, table};

    #[test]
    fn every_number_of_the_table_has_a_handler_and_no_other_has() {
        let without: Vec<_> = table::TABLE
            .iter()
            .chain(dmabuf::TABLE)
            .filter(|row| handler(row.cmd).is_none())
            .map(|r| r.name)
            .collect();
        assert!(without.is_empty(), "{without:?}");
        assert!(handler(0x417f).is_none());
    }
}
