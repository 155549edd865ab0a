//! What becomes of a message in the hand, move by move.

use std::time::Duration;

use bytes::Bytes;
use danube_wasm_broker::{ErrorKind, Message, MessageId};
use danube_wasm_model::RecordId;
use tokio::time::Instant;

use super::{in_flight::InFlight, stored_copy::StoredCopy};

fn place(offset: u64) -> MessageId {
    MessageId { partition: 3, offset }
}

fn message(offset: u64, text: &str) -> Message {
    Message {
        message_id: place(offset),
        topic: "/a/b".parse().expect("valid"),
        key: None,
        payload: Bytes::copy_from_slice(text.as_bytes()),
        attributes: Vec::new(),
        id: RecordId::from_broker(text.into()),
        publish_time_ms: 1,
        producer: "p".into(),
        schema: None,
        redeliveries: 0,
    }
}

fn copy(offset: u64, text: &str, at: u64) -> StoredCopy {
    StoredCopy {
        message: message(offset, text),
        place: place(at),
        incarnation: 0,
        time_ms: 7,
    }
}

/// A hand with these messages at offsets 10, 11 …, given to the caller as numbers 0, 1 ….
fn delivered(texts: &[&str]) -> InFlight {
    let mut in_flight = InFlight::default();
    (10..)
        .zip(texts)
        .for_each(|(offset, text)| in_flight.add_from_broker(message(offset, text), Instant::now()));
    let taken = in_flight.deliver(usize::MAX);
    let ids: Vec<_> = taken.iter().map(|message| message.message_id).collect();
    assert_eq!(ids, (0..texts.len() as u64).map(place).collect::<Vec<_>>());
    in_flight
}

#[test]
fn an_acknowledgement_follows_the_message_to_the_disk() {
    let mut in_flight = delivered(&["a", "b"]);
    assert_eq!(in_flight.start_spilling().len(), 2);
    assert_eq!(in_flight.oldest_since(), None);
    let plan = in_flight.plan_ack(&[place(0), place(1)]).expect("known");
    assert!(plan.spilling && plan.broker.is_empty() && plan.disk.is_empty());
    assert!(in_flight.finish_spilling(copy(10, "a", 50), 99).is_none());
    assert!(in_flight.finish_spilling(copy(11, "b", 51), 98).is_none());
    let plan = in_flight.plan_ack(&[place(0), place(1)]).expect("known");
    assert_eq!(plan.disk, [(0, place(50), 99), (1, place(51), 98)]);
    assert_eq!(in_flight.oldest_ms(), Some(7));
    in_flight.finish_ack([0, 1], true);
    assert_eq!(
        in_flight.plan_ack(&[place(0)]).expect("known"),
        Default::default(),
        "done is done"
    );
    assert_eq!(
        in_flight.plan_ack(&[place(2)]).expect_err("never given").kind,
        ErrorKind::NotFound
    );
}

#[test]
fn what_could_not_be_written_stays_at_the_broker() {
    let mut in_flight = delivered(&["a", "b", "c"]);
    let spilling = in_flight.start_spilling();
    in_flight.cancel_spilling(&spilling[1..]);
    let plan = in_flight.plan_ack(&[place(1)]).expect("known");
    assert_eq!(plan.broker, [(1, place(11))]);
    let again: Vec<_> = in_flight
        .start_spilling()
        .into_iter()
        .map(|message| message.message_id)
        .collect();
    assert_eq!(
        again,
        [place(12)],
        "neither what is on disk nor what is being acknowledged"
    );
}

#[test]
fn messages_are_given_in_order_wherever_they_are() {
    let mut in_flight = InFlight::default();
    (10..13).for_each(|offset| in_flight.add_from_broker(message(offset, "m"), Instant::now()));
    assert_eq!(in_flight.deliver(1).len(), 1);
    in_flight.start_spilling();
    assert!(in_flight.finish_spilling(copy(10, "m", 50), 1).is_none());
    assert!(in_flight.finish_spilling(copy(11, "m", 51), 1).is_none());
    in_flight.add_from_disk(copy(13, "m", 52), 1, Instant::now());
    let delivered: Vec<_> = in_flight
        .deliver(9)
        .iter()
        .map(|message| message.message_id.offset)
        .collect();
    assert_eq!(delivered, [1, 2, 3]);
    assert!(in_flight.deliver(9).is_empty());
}

#[test]
fn a_place_that_the_broker_used_again_is_another_message() {
    let mut in_flight = delivered(&["lost"]);
    assert!(in_flight.contains(&message(10, "lost")));
    assert!(!in_flight.contains(&message(10, "new")));
    in_flight.add_from_broker(message(10, "new"), Instant::now());
    let plan = in_flight.plan_ack(&[place(0)]).expect("known");
    assert!(
        plan.broker.is_empty() && !plan.spilling,
        "it would acknowledge the new one"
    );
    assert_eq!(in_flight.plan_ack(&[place(1)]).expect("known").broker, [(1, place(10))]);
}

#[test]
fn a_copy_finds_its_message_though_the_place_is_used_again() {
    let mut in_flight = delivered(&["old"]);
    in_flight.start_spilling();
    assert!(!in_flight.contains(&message(10, "new")));
    in_flight.add_from_broker(message(10, "new"), Instant::now());
    assert!(in_flight.finish_spilling(copy(10, "old", 50), 5).is_none());
    let plan = in_flight.plan_ack(&[place(0), place(1)]).expect("known");
    assert_eq!(
        (plan.disk, plan.broker),
        (vec![(0, place(50), 5)], vec![(1, place(10))])
    );
    assert!(in_flight.finish_spilling(copy(10, "foreign", 51), 6).is_some());
}

#[test]
fn what_could_not_be_acknowledged_is_not_held_and_comes_again_when_it_is_delivered_again() {
    let mut in_flight = delivered(&["a"]);
    assert_eq!(in_flight.plan_ack(&[place(0)]).expect("known").broker.len(), 1);
    assert!(
        in_flight.contains(&message(10, "a")),
        "its acknowledgement may yet arrive"
    );
    in_flight.finish_ack([0], false);
    assert_eq!(in_flight.oldest_since(), None);
    assert_eq!(
        in_flight.plan_ack(&[place(0)]).expect("known").broker.len(),
        1,
        "the caller may try again"
    );
    in_flight.finish_ack([0], false);
    assert!(!in_flight.contains(&message(10, "a")));
}

#[test]
fn what_is_given_back_on_disk_is_not_in_hand_when_it_comes_again() {
    let mut in_flight = delivered(&["a"]);
    in_flight.start_spilling();
    assert!(in_flight.finish_spilling(copy(10, "a", 50), 1).is_none());
    let on_disk = in_flight.nack(&[place(0)], Instant::now()).expect("known");
    assert_eq!((on_disk, in_flight.redeliver_at()), (vec![(0, place(50))], None));
    let out = in_flight.remove_for_nack([0]);
    assert_eq!(in_flight.plan_ack(&[place(0)]).expect("known"), Default::default());
    in_flight.restore_after_nack(out);
    assert_eq!(
        in_flight.plan_ack(&[place(0)]).expect("known").disk,
        [(0, place(50), 1)]
    );
}

#[test]
fn what_is_given_back_keeps_its_place_and_is_given_again_when_it_is_due() {
    let (now, hold_max) = (Instant::now(), Duration::from_secs(15));
    let mut in_flight = delivered(&["a", "b"]);
    in_flight.add_from_broker(message(12, "c"), now);
    let due = now + Duration::from_secs(1);
    assert!(in_flight.nack(&[place(0)], due).expect("known").is_empty());
    assert!(
        in_flight.contains(&message(10, "a")),
        "should the broker deliver it again"
    );
    assert!(in_flight.spill_at(hold_max) <= Some(Instant::now()), "at once");
    // All of it, in the order in which it came.
    let spilling: Vec<_> = in_flight.start_spilling().iter().map(|m| m.message_id.offset).collect();
    assert_eq!((spilling, in_flight.spill_at(hold_max)), (vec![10, 11, 12], None));
    assert!(!in_flight.release_due(now));
    assert_eq!(in_flight.redeliver_at(), Some(due));
    assert!(in_flight.release_due(due));
    assert_eq!(in_flight.redeliver_at(), None);
    // Before or after its copy is read.
    assert!(in_flight.finish_spilling(copy(10, "a", 50), 1).is_none());
    let again = in_flight.deliver(9);
    let again: Vec<_> = again.iter().map(|m| (m.message_id.offset, m.redeliveries)).collect();
    assert_eq!(again, [(0, 1), (2, 0)], "it is before what was not given yet");
    assert_eq!(
        in_flight.plan_ack(&[place(0)]).expect("known").disk,
        [(0, place(50), 1)]
    );
}

#[test]
fn what_is_given_back_and_could_not_be_written_is_tried_again_at_once() {
    let mut in_flight = delivered(&["a"]);
    in_flight.nack(&[place(0)], Instant::now()).expect("known");
    let spilling = in_flight.start_spilling();
    in_flight.cancel_spilling(&spilling);
    assert!(in_flight.spill_at(Duration::from_secs(15)) <= Some(Instant::now()));
    // Nor is it lost to the caller meanwhile.
    assert!(in_flight.release_due(Instant::now()));
    assert_eq!(in_flight.deliver(9).len(), 1);
}

#[test]
fn what_is_done_with_is_not_due_any_more() {
    let now = Instant::now();
    let mut in_flight = delivered(&["a"]);
    in_flight.nack(&[place(0)], now).expect("known");
    assert_eq!(in_flight.plan_ack(&[place(0)]).expect("known").broker, [(0, place(10))]);
    in_flight.finish_ack([0], true);
    assert!(!in_flight.release_due(now) && in_flight.deliver(9).is_empty());
}
