//! Numbers of a card's control elements, which scripts must not depend on: a card of ours has other elements of its own
//! than the kernel's.

use uapi::control::elem::{ElemInfo, access, elem_type};
use uapi::control::table;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::call::{Arg, Call, Node};
use super::side::{NUMID, SLOTS, Side};

/// A file that no script uses.
const SLOT: u8 = SLOTS as u8 - 1;

impl Side {
    /// Finds out which number the next element gets, and how many there are; from now on a script's own elements are
    /// numbered from [`NUMID`], and lists begin with them. Elements of earlier scripts go.
    pub fn begin_elements(&mut self) {
        (self.numid_base, self.elements) = (NUMID, 0);
        self.play(&Call::Open {
            slot: SLOT,
            node: Node::Control,
            flags: libc::O_RDWR,
        });
        self.sweep();
        let mut info = ElemInfo::new_zeroed();
        info.id.name[..5].copy_from_slice(b"probe");
        (info.elem_type, info.count, info.owner) = (elem_type::BOOLEAN, 1, 1);
        let added = self.elements_call(table::ELEM_ADD, info.as_bytes().to_vec());
        let added = ElemInfo::read_from_bytes(&added).unwrap_or(info);
        self.elements_call(table::ELEM_REMOVE, added.id.as_bytes().to_vec());
        let count = self.all_ids().0;
        self.play(&Call::Close { slot: SLOT });
        (self.numid_base, self.elements) = (added.id.numid + 1, count);
    }

    fn elements_call(&mut self, cmd: u32, bytes: Vec<u8>) -> Vec<u8> {
        let arg = Arg::Bytes(bytes);
        self.play(&Call::Ioctl {
            slot: SLOT,
            cmd,
            arg,
        })
        .bytes
    }

    /// How many elements there are, and their ids.
    fn all_ids(&mut self) -> (u32, Vec<u8>) {
        let outcome = self.play(&Call::Ioctl {
            slot: SLOT,
            cmd: table::ELEM_LIST,
            arg: Arg::List {
                offset: 0,
                space: 4096,
            },
        });
        let count = outcome.bytes.get(12..16).map_or(0, |word| {
            u32::from_le_bytes([word[0], word[1], word[2], word[3]])
        });
        (count, outcome.data)
    }

    /// Removes every element that a client made.
    fn sweep(&mut self) {
        let (count, ids) = self.all_ids();
        for id in ids.chunks_exact(64).take(count as usize) {
            let mut info = ElemInfo::new_zeroed();
            info.id.as_mut_bytes().copy_from_slice(id);
            let told = self.elements_call(table::ELEM_INFO, info.as_bytes().to_vec());
            let told = ElemInfo::read_from_bytes(&told).unwrap_or(info);
            if told.access & access::USER != 0 {
                self.elements_call(table::ELEM_REMOVE, id.to_vec());
            }
        }
    }
}
