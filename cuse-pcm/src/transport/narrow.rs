//! Which programs are 32-bit ones, as far as can be told when they open a node.
//!
//! Such a program's status and control records are not the card's, and the kernel opens a file behind an open with the
//! program's own flags: one of more than 2 GiB, as a ring with its pages is, only if they include O_LARGEFILE. So its
//! opens get memory of another kind, with records as it lays them out. (A driver of the kernel lets it map the ring only,
//! as it tells who is a 32-bit program by its first ioctl.)

use std::fs::File;
use std::io::Read;

/// How an ELF file begins, and that it is made for 32 bits.
const ELF_32: [u8; 5] = *b"\x7fELF\x01";

/// Whether the thread `tid` runs a 32-bit program. One that cannot be looked at passes for a 64-bit one.
pub(super) fn is_32_bit(tid: u32) -> bool {
    let mut first = [0; ELF_32.len()];
    File::open(format!("/proc/{tid}/exe"))
        .and_then(|mut program| program.read_exact(&mut first))
        .is_ok_and(|()| first == ELF_32)
}

#[cfg(test)]
mod tests {
    use super::is_32_bit;

    #[test]
    fn this_program_and_one_that_is_not_there_are_no_32_bit_ones() {
        assert!(!is_32_bit(std::process::id()));
        assert!(!is_32_bit(u32::MAX));
    }
}
