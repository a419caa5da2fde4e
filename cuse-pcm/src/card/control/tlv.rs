//! TLV: what else there is to know of an element, as type, length and value. Fixed for the elements of the card's own
//! devices; whatever a client wrote, for user-defined ones.

use uapi::Errno;
use uapi::control::elem::{Tlv, access};
use zerocopy::IntoBytes;

use super::entry::Source;
use super::{Control, by_number};

/// Bytes of type and length.
const HEADER: u32 = 8;

impl Control {
    /// The set that a TLV call means, by its place.
    fn tlv_place(&self, tlv: &Tlv) -> Result<(usize, u32), Errno> {
        if tlv.numid == 0 || tlv.length < HEADER {
            return Err(Errno::EINVAL);
        }
        self.locate(&by_number(tlv.numid))
    }

    /// What TLV_READ stores in the client, at most `tlv.length` bytes.
    ///
    /// # Errors
    /// EINVAL: number 0, or a length below 8; ENOENT; ENXIO: no TLV to read; ENOMEM: a device's TLV is longer; ENOSPC: a
    /// user-defined element's TLV is longer.
    #[doc(alias = "SNDRV_CTL_IOCTL_TLV_READ")]
    pub fn read_tlv(&self, tlv: &Tlv) -> Result<&[u8], Errno> {
        let (place, _) = self.tlv_place(tlv)?;
        let entry = self.entries.get(place).ok_or(Errno::ENOENT)?;
        if entry.access() & access::TLV_READ == 0 {
            return Err(Errno::ENXIO);
        }
        let (stored, too_long) = match &entry.source {
            Source::Device(_, about) => (about.tlv.as_bytes(), Errno::ENOMEM),
            Source::User(user) => (user.tlv().unwrap_or_default(), Errno::ENOSPC),
        };
        if stored.is_empty() {
            return Err(Errno::ENXIO);
        }
        if (tlv.length as usize) < stored.len() {
            Err(too_long)
        } else {
            Ok(stored)
        }
    }

    /// Takes `tlv.length` bytes as the TLV of a user-defined element; says whether they differ from before. `fetch`
    /// fills them.
    ///
    /// # Errors
    /// EINVAL: number 0, or a length below 8 or above 128 KiB; ENOENT; ENXIO: the element's TLV is fixed; EPERM: another
    /// file has locked the element; ENOMEM: the budget is spent; whatever `fetch` says.
    #[doc(alias = "SNDRV_CTL_IOCTL_TLV_WRITE")]
    pub fn write_tlv(
        &mut self,
        file: u64,
        tlv: &Tlv,
        fetch: &mut dyn FnMut(&mut [u8]) -> Result<(), Errno>,
    ) -> Result<bool, Errno> {
        let place = self.tlv_call(file, tlv, access::TLV_WRITE)?;
        self.write_user_tlv(place, tlv.length as usize, fetch)
    }

    /// What TLV_COMMAND says: no element takes commands.
    ///
    /// # Errors
    /// EINVAL: number 0, or a length below 8; ENOENT; ENXIO.
    #[doc(alias = "SNDRV_CTL_IOCTL_TLV_COMMAND")]
    pub fn command_tlv(&self, file: u64, tlv: &Tlv) -> Result<(), Errno> {
        self.tlv_call(file, tlv, access::TLV_COMMAND)?;
        Err(Errno::ENXIO)
    }

    /// The checks before a call that is no reading.
    fn tlv_call(&self, file: u64, tlv: &Tlv, needed: u32) -> Result<usize, Errno> {
        let (place, offset) = self.tlv_place(tlv)?;
        let entry = self.entries.get(place).ok_or(Errno::ENOENT)?;
        if entry.access() & access::TLV_CALLBACK == 0 || entry.access() & needed == 0 {
            return Err(Errno::ENXIO);
        }
        if entry.locks.held_by_other(offset, file) {
            return Err(Errno::EPERM);
        }
        Ok(place)
    }
}
