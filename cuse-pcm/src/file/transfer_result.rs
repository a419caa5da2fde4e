//! What a transfer ioctl leaves in its structure and returns: not the same for 64-bit and 32-bit clients (§1.8).

use uapi::Errno;

use crate::request::{Answer, ClientMemory, Reply};

/// The result of a transfer ioctl: the first member of its structure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResultMember {
    /// Address of the structure.
    pub(super) arg: u64,
    /// How many bytes of it the answer can carry.
    pub(super) out_size: usize,
    /// What is stored there.
    pub(super) style: Style,
}

/// How a transfer ioctl tells its result (§1.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// 64 bits: 0 at first, then frames or −errno.
    Native,
    /// 32 bits: frames, on success.
    Compat,
    /// The same, and the call returns the frames.
    CompatCount,
}

/// What is stored of a result, if it is; and what the call returns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    bytes: [u8; 8],
    length: usize,
    /// What the call returns.
    pub(super) code: Result<i32, Errno>,
}

impl Told {
    /// The bytes of the member; none if it stays as it is.
    pub(super) fn stored(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Style {
    /// Tells a result.
    pub(super) fn tell(self, result: Result<u64, Errno>) -> Told {
        let mut bytes = [0; 8];
        if self == Style::Native {
            let (bytes, length) = (signed(result).to_ne_bytes(), 8);
            let code = result.map(|_| 0);
            return Told {
                bytes,
                length,
                code,
            };
        }
        let count = result.map(|frames| i32::try_from(frames).unwrap_or(i32::MAX));
        let narrow = count.unwrap_or(0).to_ne_bytes();
        bytes.iter_mut().zip(narrow).for_each(|(to, b)| *to = b);
        let code = match self {
            Style::CompatCount => count,
            _ => count.map(|_| 0),
        };
        let length = if count.is_ok() { narrow.len() } else { 0 };
        Told {
            bytes,
            length,
            code,
        }
    }
}

impl ResultMember {
    /// Answers a call that waited.
    pub(super) fn send(self, result: Result<u64, Errno>, reply: Reply, memory: &dyn ClientMemory) {
        let told = self.style.tell(result);
        let bytes = told.stored();
        if bytes.len() <= self.out_size {
            reply.send(&Answer::Ioctl(told.code, bytes));
        } else {
            let stored = memory.write(self.arg, bytes);
            reply.send(&Answer::Ioctl(stored.and(told.code), &[]));
        }
    }
}

/// The result member: frames, or −errno.
pub(crate) fn signed(result: Result<u64, Errno>) -> i64 {
    match result {
        Ok(frames) => i64::try_from(frames).unwrap_or(i64::MAX),
        Err(errno) => i64::from(errno.0).wrapping_neg(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_64_bit_client_finds_frames_or_errno_and_the_call_never_counts() {
        let told = Style::Native.tell(Ok(7));
        assert_eq!(
            (told.stored(), told.code),
            (&7_i64.to_ne_bytes()[..], Ok(0))
        );
        let told = Style::Native.tell(Err(Errno::EPIPE));
        assert_eq!(told.stored(), (-32_i64).to_ne_bytes());
        assert_eq!(told.code, Err(Errno::EPIPE));
    }

    #[test]
    fn a_32_bit_client_finds_frames_only_and_is_told_them_if_it_has_a_buffer_a_channel() {
        for (style, code) in [(Style::Compat, 0), (Style::CompatCount, 7)] {
            let told = style.tell(Ok(7));
            assert_eq!(
                (told.stored(), told.code),
                (&7_i32.to_ne_bytes()[..], Ok(code))
            );
            let told = style.tell(Err(Errno::EPIPE));
            assert_eq!((told.stored(), told.code), (&[][..], Err(Errno::EPIPE)));
        }
    }
}
