//! DMABUF_EXPORT, DMABUF_ATTACH, DMABUF_DETACH: descriptors that go to, or come from, the client.

use uapi::Errno;

use super::Outcome;
use super::pcm::PcmCall;

/// EXPORT: the client finds a new descriptor's number where it asked for it.
pub(super) fn export(call: &mut PcmCall<'_, '_>) -> Outcome {
    give(call).into()
}

fn give(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let now = call.now;
    let shared = call.substream()?.dmabuf_export(now)?;
    let (memory, at) = (call.argument.memory, call.argument.arg);
    memory.give_descriptor(&shared, at)
}

/// ATTACH: the client names one of its descriptors. EBADF: it has none of that number, or it cannot be fetched.
pub(super) fn attach(call: &mut PcmCall<'_, '_>) -> Outcome {
    take(call).into()
}

fn take(call: &mut PcmCall<'_, '_>) -> Result<(), Errno> {
    let number: i32 = call.argument.get()?;
    let descriptor = call.argument.memory.take_descriptor(number)?;
    let now = call.now;
    call.substream()?.dmabuf_attach(descriptor, now)
}

/// DETACH.
pub(super) fn detach(call: &mut PcmCall<'_, '_>) -> Outcome {
    let now = call.now;
    call.substream()
        .and_then(|substream| substream.dmabuf_detach(now))
        .into()
}
