//! What real programs call, in their order: all of it succeeds. The sequences are those of alsa-utils and tinyalsa on a
//! card of the kernel's.

use uapi::control::elem::{ElemList, Tlv};

use super::*;

impl Desk {
    /// Opens as alsa-lib does.
    fn snd_ctl_open(&mut self) -> usize {
        let file = self.open();
        self.call(file, cmd::PVERSION, &mut 0u32).unwrap();
        self.call(file, cmd::CARD_INFO, &mut CardInfo::new_zeroed())
            .unwrap();
        file
    }

    fn close(&mut self, file: usize) {
        let mut file = self.files.remove(file);
        file.release(&mut self.card);
    }

    /// The list in two calls, as every program does.
    fn list(&mut self, file: usize) -> Vec<ElemId> {
        let mut list = ElemList::new_zeroed();
        self.call(file, cmd::ELEM_LIST, &mut list).unwrap();
        (list.space, list.pids) = (list.count, OTHER);
        self.call(file, cmd::ELEM_LIST, &mut list).unwrap();
        assert_eq!(list.used, list.count);
        let id = |place: u32| {
            let mut id = ElemId::new_zeroed();
            self.memories[file]
                .read(OTHER + 64 * u64::from(place), id.as_mut_bytes())
                .unwrap();
            id
        };
        (0..list.used).map(id).collect()
    }

    fn tlv_of(&mut self, file: usize, info: &ElemInfo) {
        if info.access & access::TLV_READ != 0 {
            let mut tlv = Tlv {
                numid: info.id.numid,
                length: 4096,
            };
            self.call(file, cmd::TLV_READ, &mut tlv).unwrap();
        }
    }
}

#[test]
fn alsactl_store_then_restore() {
    let mut desk = Desk::new();
    let file = desk.snd_ctl_open();
    let mut kept = vec![];
    for id in desk.list(file) {
        let info = desk.info(file, id).unwrap();
        kept.push(desk.read(file, id).unwrap());
        desk.tlv_of(file, &info);
    }
    desk.close(file);
    desk.write(0, numid(1), &[3, 3]).unwrap();

    let file = desk.snd_ctl_open();
    for mut value in kept {
        let info = desk.info(file, value.id).unwrap();
        desk.tlv_of(file, &info);
        if info.access & access::WRITE != 0 {
            desk.call(file, cmd::ELEM_WRITE, &mut value).unwrap();
        }
    }
    assert_eq!(
        desk.read(file, numid(1)).unwrap().value.integer()[..2],
        [120, 120]
    );
}

#[test]
fn amixer_cset_and_contents() {
    let mut desk = Desk::new();
    let file = desk.snd_ctl_open();
    let id = named("Master Playback Volume");
    let info = desk.info(file, id).unwrap();
    desk.read(file, info.id).unwrap();
    desk.write(file, info.id, &[60, 60]).unwrap();
    for id in desk.list(file) {
        let info = desk.info(file, id).unwrap();
        if info.elem_type == elem_type::ENUMERATED {
            for item in 0..info.value.enumerated().items {
                let mut info = blank_info(id);
                info.value.enumerated_mut().item = item;
                desk.call(file, cmd::ELEM_INFO, &mut info).unwrap();
                assert_eq!(info.value.enumerated().item, item);
            }
        }
        desk.read(file, id).unwrap();
        desk.tlv_of(file, &info);
    }
    assert_eq!(
        desk.read(file, numid(1)).unwrap().value.integer()[..2],
        [60, 60]
    );
}

#[test]
fn amixer_events_and_alsactl_monitor() {
    let mut desk = Desk::new();
    let file = desk.snd_ctl_open();
    desk.list(file);
    desk.subscribe(file);
    assert_eq!(desk.files[file].poll(), 0);
    desk.write(0, numid(1), &[60, 60]).unwrap();
    assert_eq!(desk.files[file].poll(), READABLE);
    assert_eq!(desk.events(file), [(1, 1)]);
    assert_eq!(desk.files[file].poll(), 0);
}

#[test]
fn tinymix_contents() {
    let mut desk = Desk::new();
    let file = desk.open();
    desk.call(file, cmd::CARD_INFO, &mut CardInfo::new_zeroed())
        .unwrap();
    let ids = desk.list(file);
    let infos: Vec<ElemInfo> = ids.iter().map(|id| desk.info(file, *id).unwrap()).collect();
    assert_eq!(infos.len(), 6);
    for info in infos {
        desk.read(file, info.id).unwrap();
    }
}

/// The test program `user-ctl-element-set` of alsa-lib: a set of 900 elements, their events one by one, lock, values,
/// TLV, removal.
#[test]
fn user_ctl_element_set() {
    let mut desk = Desk::new();
    let file = desk.snd_ctl_open();
    desk.subscribe(file);
    let mut info = integer("userspace-control-element-INTEGER");
    (info.owner, info.count) = (900, 128);
    info.access = access::READWRITE | access::TLV_WRITE;
    desk.add(file, &mut info).unwrap();
    let first = info.id.numid;
    for place in 0..900 {
        assert_eq!(desk.files[file].poll(), READABLE);
        let mut bytes = vec![];
        assert_eq!(desk.files[file].read(EVENT, &mut bytes), Ok(true));
        let event = Event::read_from_bytes(&bytes).unwrap();
        assert_eq!((event.id.numid, event.id.index), (first + place, place));
    }
    assert_eq!(desk.files[file].poll(), 0);
    for place in 0..900 {
        let id = ElemId {
            index: place,
            ..ElemId {
                numid: 0,
                ..info.id
            }
        };
        desk.unlock(file, id).unwrap();
        desk.lock(file, id).unwrap();
        let told = desk.info(file, id).unwrap();
        assert_eq!((told.count, told.id.numid), (128, first + place));
        desk.write(file, id, &[1; 128]).unwrap();
        assert_eq!(desk.read(file, id).unwrap().value.integer()[127], 1);
    }
    let mut tlv = Tlv {
        numid: first,
        length: 16,
    };
    assert_eq!(desk.call(file, cmd::TLV_WRITE, &mut tlv), Ok(1));
    assert_eq!(desk.call(file, cmd::TLV_READ, &mut tlv), Ok(0));
    desk.remove(file, info.id).unwrap();
    assert_eq!(desk.events(file).len(), 900);
}
