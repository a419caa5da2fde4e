//! HW_REFINE and HW_PARAMS with the 256-byte structure of the first ALSA releases, which native kernels still take
//! (§1.4).

use uapi::Errno;
use uapi::pcm::{HwParams, Interval, Mask};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use super::Outcome;
use super::pcm::PcmCall;

/// Masks and intervals lie closer together in the old numbering: 0 to 2, then 3 and on.
const MASKS: u32 = 7;
const SHIFT: u32 = 5;

/// `struct snd_pcm_hw_params_old`, 256 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct OldHwParams {
    flags: u32,
    masks: [u32; 3],
    intervals: [Interval; 12],
    rmask: u32,
    cmask: u32,
    info: u32,
    msbits: u32,
    rate_num: u32,
    rate_den: u32,
    fifo_size: u64,
    reserved: [u8; 64],
}

const _: () = assert!(size_of::<OldHwParams>() == 256);

fn widen(mask: u32) -> u32 {
    (mask & MASKS) | ((mask & !MASKS) << SHIFT)
}

fn narrow(mask: u32) -> u32 {
    (mask & MASKS) | ((mask >> SHIFT) & !MASKS)
}

impl OldHwParams {
    fn to_new(self) -> HwParams {
        let mut new = HwParams::new_zeroed();
        new.flags = self.flags;
        new.masks = self.masks.map(|word| Mask {
            bits: [word, 0, 0, 0, 0, 0, 0, 0],
        });
        new.intervals = self.intervals;
        (new.rmask, new.cmask) = (widen(self.rmask), widen(self.cmask));
        (new.info, new.msbits) = (self.info, self.msbits);
        (new.rate_num, new.rate_den) = (self.rate_num, self.rate_den);
        new.fifo_size = self.fifo_size;
        new
    }

    fn from_new(new: &HwParams) -> OldHwParams {
        OldHwParams {
            flags: new.flags,
            masks: new.masks.map(|mask| {
                let [word, ..] = mask.bits;
                word
            }),
            intervals: new.intervals,
            rmask: narrow(new.rmask),
            cmask: narrow(new.cmask),
            info: new.info,
            msbits: new.msbits,
            rate_num: new.rate_num,
            rate_den: new.rate_den,
            fifo_size: new.fifo_size,
            reserved: [0; 64],
        }
    }
}

/// HW_REFINE_OLD.
pub(super) fn hw_refine(call: &mut PcmCall<'_, '_>) -> Outcome {
    convert(call, |call, params| call.substream()?.hw_refine(params)).into()
}

/// HW_PARAMS_OLD.
pub(super) fn hw_params(call: &mut PcmCall<'_, '_>) -> Outcome {
    let now = call.now;
    convert(call, |call, params| {
        call.substream()?.hw_params(params, now)
    })
    .into()
}

fn convert(
    call: &mut PcmCall<'_, '_>,
    action: impl FnOnce(&mut PcmCall<'_, '_>, &mut HwParams) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut params = call.argument.get::<OldHwParams>()?.to_new();
    action(call, &mut params)?;
    call.argument.put(&OldHwParams::from_new(&params))
}

#[cfg(test)]
mod tests {
    use super::{narrow, widen};

    #[test]
    fn old_interval_bits_follow_the_three_masks_at_once() {
        assert_eq!(widen(0b1_1111), 0x307);
        assert_eq!(narrow(0x307), 0b1_1111);
        assert_eq!(narrow(widen(0x7fff)), 0x7fff);
    }
}
