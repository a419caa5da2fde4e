//! Ioctls that identify and configure: PVERSION to SW_PARAMS, CHANNEL_INFO, LINK and UNLINK.

use uapi::Errno;
use uapi::pcm::{ChannelInfo, HwParams, SwParams, table};

use super::Outcome;
use super::pcm::PcmCall;

/// PVERSION: the protocol version.
pub(super) fn pversion(call: &mut PcmCall<'_, '_>) -> Outcome {
    call.argument.put(&table::VERSION).into()
}

/// INFO: in every state.
pub(super) fn info(call: &mut PcmCall<'_, '_>) -> Outcome {
    let id = call.file.substream;
    let card = call.card.identity.number;
    let device = call.card.device(id.device);
    match device.and_then(|device| device.info(card, id.direction, id.subdevice)) {
        Some(info) => call.argument.put(&info).into(),
        None => Outcome::Done(Err(Errno::ENXIO)),
    }
}

/// TSTAMP: does nothing, and does not even look at its argument.
pub(super) fn tstamp(_call: &mut PcmCall<'_, '_>) -> Outcome {
    Outcome::Done(Ok(0))
}

/// TTSTAMP: the clock of the timestamps.
pub(super) fn ttstamp(call: &mut PcmCall<'_, '_>) -> Outcome {
    let kind = call.argument.get::<i32>();
    kind.and_then(|kind| call.substream()?.ttstamp(kind)).into()
}

/// USER_PVERSION: kept for this descriptor.
pub(super) fn user_pversion(call: &mut PcmCall<'_, '_>) -> Outcome {
    call.argument
        .get()
        .map(|version| call.file.user_pversion = version)
        .into()
}

/// HW_REFINE: stored only on success.
pub(super) fn hw_refine(call: &mut PcmCall<'_, '_>) -> Outcome {
    refine(call).into()
}

fn refine(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let mut params: HwParams = call.argument.get()?;
    call.substream()?.hw_refine(&mut params)?;
    call.argument.put(&params)
}

/// HW_PARAMS: stored only on success.
pub(super) fn hw_params(call: &mut PcmCall<'_, '_>) -> Outcome {
    configure(call).into()
}

fn configure(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let mut params: HwParams = call.argument.get()?;
    let now = call.now;
    call.substream()?.hw_params(&mut params, now)?;
    call.argument.put(&params)
}

/// HW_FREE.
pub(super) fn hw_free(call: &mut PcmCall<'_, '_>) -> Outcome {
    let now = call.now;
    call.substream()
        .and_then(|substream| substream.hw_free(now))
        .into()
}

/// SW_PARAMS: stored even when it fails (§1.8).
pub(super) fn sw_params(call: &mut PcmCall<'_, '_>) -> Outcome {
    let mut params: SwParams = match call.argument.get() {
        Ok(params) => params,
        Err(errno) => return Outcome::Done(Err(errno)),
    };
    let now = call.now;
    let result = call
        .substream()
        .and_then(|substream| substream.sw_params(&mut params, now));
    call.argument.put(&params).and(result).into()
}

/// CHANNEL_INFO: reads `channel` although its number says `_IOR`.
pub(super) fn channel_info(call: &mut PcmCall<'_, '_>) -> Outcome {
    layout(call).into()
}

fn layout(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let asked: ChannelInfo = call.argument.get()?;
    let info = call.substream()?.channel_info(asked.channel)?;
    call.argument.put(&info)
}

/// LINK: the descriptor's number comes in the argument word (§9.1).
pub(super) fn link(call: &mut PcmCall<'_, '_>) -> Outcome {
    let target = call.linked.ok_or(Errno::EBADFD);
    target
        .and_then(|target| call.card.link(&call.file.substream, &target))
        .into()
}

/// UNLINK: leaves the group; a drain that waits for its end goes on without it.
pub(super) fn unlink(call: &mut PcmCall<'_, '_>) -> Outcome {
    call.card.unlink(&call.file.substream).into()
}
