//! §11.8: subscription, events by read and poll.

use uapi::control::elem::event;

use super::*;

#[test]
fn subscription_is_asked_begun_and_ended() {
    let mut desk = Desk::new();
    let ask = |desk: &mut Desk| {
        let mut value = -1i32;
        assert_eq!(desk.call(0, cmd::SUBSCRIBE_EVENTS, &mut value), Ok(0));
        value
    };
    assert_eq!(ask(&mut desk), 0);
    for _ in 0..2 {
        let mut value = 5i32;
        assert_eq!(desk.call(0, cmd::SUBSCRIBE_EVENTS, &mut value), Ok(0));
        assert_eq!(value, 5, "nothing is written back");
        assert_eq!(ask(&mut desk), 1);
    }
    desk.write(0, numid(1), &[1, 1]).unwrap();
    assert_eq!(desk.files[0].poll(), READABLE);
    assert_eq!(desk.call(0, cmd::SUBSCRIBE_EVENTS, &mut 0i32), Ok(0));
    assert_eq!(ask(&mut desk), 0);
    desk.subscribe(0);
    assert_eq!(desk.events(0), [], "ending discards what waited");
}

#[test]
fn read_checks_subscription_then_size_then_whether_anything_waits() {
    let mut desk = Desk::new();
    let mut bytes = vec![];
    assert_eq!(desk.files[0].read(0, &mut bytes), Err(Errno::EBADFD));
    desk.subscribe(0);
    assert_eq!(desk.files[0].read(71, &mut bytes), Err(Errno::EINVAL));
    assert_eq!(desk.files[0].read(72, &mut bytes), Ok(false));
    assert_eq!(desk.files[0].poll(), 0);
    assert!(bytes.is_empty());
}

#[test]
fn an_unsubscribed_file_is_never_readable() {
    let mut desk = Desk::new();
    desk.write(0, numid(1), &[1, 1]).unwrap();
    assert_eq!(desk.files[0].poll(), 0);
}

#[test]
fn a_change_is_told_to_every_subscriber_and_to_the_writer() {
    let mut desk = Desk::new();
    desk.subscribe(0);
    desk.subscribe(1);
    desk.write(0, numid(1), &[1, 1]).unwrap();
    assert_eq!(desk.events(0), [(1, event::MASK_VALUE)]);
    assert_eq!(desk.events(1), [(1, event::MASK_VALUE)]);
    desk.write(0, numid(1), &[1, 1]).unwrap();
    assert_eq!(desk.events(1), [], "the same value is no change");
}

#[test]
fn an_event_names_its_element() {
    let mut desk = Desk::new();
    desk.subscribe(1);
    desk.write(0, numid(3), &[1, 1]).unwrap();
    let mut bytes = vec![];
    assert_eq!(desk.files[1].read(4096, &mut bytes), Ok(true));
    let told = Event::read_from_bytes(&bytes).unwrap();
    assert_eq!(told.event_type, 0);
    assert_eq!(
        told.id,
        ElemId {
            numid: 3,
            ..named("Capture Volume")
        }
    );
}

#[test]
fn events_of_one_element_are_one_event_in_the_first_ones_place() {
    let mut desk = Desk::new();
    desk.subscribe(1);
    let mut info = integer("User");
    info.access = access::READWRITE | access::TLV_WRITE;
    desk.add(0, &mut info).unwrap();
    desk.write(0, numid(2), &[0, 1]).unwrap();
    desk.write(0, info.id, &[5]).unwrap();
    desk.write(0, numid(2), &[0, 0]).unwrap();
    let want = [
        (7, event::MASK_ADD | event::MASK_VALUE),
        (2, event::MASK_VALUE),
    ];
    assert_eq!(desk.events(1), want);
    desk.write(0, info.id, &[6]).unwrap();
    desk.remove(0, info.id).unwrap();
    assert_eq!(desk.events(1), [(7, event::MASK_REMOVE)]);
}

#[test]
fn read_takes_as_many_whole_events_as_fit() {
    let mut desk = Desk::new();
    desk.subscribe(0);
    for id in 1..=4 {
        desk.write(0, numid(id), &[0, 0]).unwrap();
    }
    let sizes = [143, 72 * 2, 4096].map(|size| {
        let mut bytes = vec![];
        assert_eq!(desk.files[0].read(size, &mut bytes), Ok(true));
        bytes.len()
    });
    assert_eq!(sizes, [72, 144, 72]);
    assert_eq!(desk.files[0].poll(), 0);
}

#[test]
fn a_value_that_changes_by_itself_is_told() {
    let cell = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let seen = cell.clone();
    let about = Description::mixer("Meter", Kind::Boolean).read_only();
    let get = move || seen.load(std::sync::atomic::Ordering::Relaxed);
    let mut control = crate::card::control::Control::new();
    control
        .add(Box::new(Knob::new(about, get, |_| Ok(()))))
        .unwrap();
    control.take_events();
    assert!(control.take_events().is_empty());
    cell.store(1, std::sync::atomic::Ordering::Relaxed);
    let told = control.take_events();
    assert_eq!(
        told.iter()
            .map(|e| (e.id.numid, e.mask))
            .collect::<Vec<_>>(),
        [(1, 1)]
    );
    assert!(control.take_events().is_empty());
}

#[test]
fn a_subscriber_who_never_reads_costs_bounded_memory() {
    let mut queue = EventQueue::default();
    let event = |numid| Event {
        event_type: 0,
        mask: 1,
        id: ElemId { numid, ..named("") },
    };
    (0..200_000).for_each(|id| queue.push(event(id)));
    let mut read = 0;
    while queue.pop().is_some() {
        read += 1;
    }
    assert_eq!(read, 1 << 16);
    queue.push(event(5));
    assert_eq!(queue.pop().map(|e| e.id.numid), Some(5));
}
