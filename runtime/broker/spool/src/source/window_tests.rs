//! Records on their way to the broker, step by step.

use std::time::Duration;

use bytes::Bytes;
use danube_wasm_broker::{Message, MessageId};
use danube_wasm_model::RecordId;
use tokio::time::Instant;

use super::{lanes::lane_of, window::Window};
use crate::limits::{CALL_BYTES_MAX, CALL_RECORDS_MAX, IN_FLIGHT_RECORDS_MAX, READ_RECORDS_MAX};

fn id(offset: u64) -> MessageId {
    MessageId { partition: 1, offset }
}

fn message(offset: u64, key: &str, producer: &str) -> Message {
    let key = Bytes::copy_from_slice(key.as_bytes());
    Message {
        message_id: id(offset),
        topic: "/a/b".parse().expect("valid"),
        key: lane_of((!key.is_empty()).then_some(&key), false),
        payload: Bytes::from_static(b"payload"),
        attributes: Vec::new(),
        id: RecordId::from_broker(offset.to_string()),
        publish_time_ms: 1000 + offset,
        producer: producer.into(),
        schema: None,
        redeliveries: 0,
    }
}

fn window(keys: &[&str]) -> Window {
    let mut window = Window::default();
    (0..)
        .zip(keys)
        .for_each(|(offset, key)| window.add(message(offset, key, "p")));
    window
}

fn next(window: &mut Window) -> Vec<u64> {
    let call = window.next_call();
    call.map_or(Vec::new(), |call| call.ids.iter().map(|id| id.offset).collect())
}

#[test]
fn of_each_key_one_record_is_with_the_broker() {
    let mut window = window(&["a", "a", "b", "", "", "a"]);
    assert_eq!(next(&mut window), [0, 2, 3, 4]);
    assert!(next(&mut window).is_empty());
    window.record_accepted(id(0), Instant::now());
    assert_eq!(next(&mut window), [1]);
    let (refused, producer) = window.take_refused(id(1)).expect("in flight");
    assert_eq!(
        (refused.id.as_str(), refused.key.as_deref(), &*producer),
        ("1", Some(&b"a"[..]), "p")
    );
    assert_eq!(next(&mut window), [5]);
}

#[test]
fn a_record_is_let_go_only_when_its_time_has_passed() {
    let mut window = window(&["a", "b", "c"]);
    assert_eq!(next(&mut window), [0, 1, 2]);
    let (flush, start) = (Duration::from_secs(10), Instant::now());
    assert_eq!(window.due(flush), None);
    window.record_accepted(id(1), start);
    window.record_accepted(id(0), start + Duration::from_secs(1));
    assert_eq!((window.due(flush), window.unconfirmed()), (Some(start + flush), 2));
    assert_eq!(window.oldest_ms(), Some(1000));
    assert!(window.take_confirmed(start - Duration::from_millis(1)).is_empty());
    assert_eq!(window.take_confirmed(start), [id(1)]);
    assert_eq!(window.take_confirmed(start + flush), [id(0)]);
    assert_eq!((window.unconfirmed(), window.oldest_ms()), (0, Some(1002)));
}

#[test]
fn what_is_sent_and_what_is_read_is_bounded() {
    let mut window = Window::default();
    let mut n = 0;
    while window.has_room() {
        window.add(message(n, "", "p"));
        n += 1;
    }
    assert_eq!(n, READ_RECORDS_MAX as u64);
    let mut sent = 0;
    loop {
        let call = next(&mut window).len();
        assert!(call <= CALL_RECORDS_MAX);
        if call == 0 {
            break;
        }
        sent += call;
    }
    assert_eq!(sent, IN_FLIGHT_RECORDS_MAX);
    window.record_accepted(id(0), Instant::now());
    assert!(window.has_room());
    assert_eq!(next(&mut window).len(), 1);
}

#[test]
fn a_record_larger_than_a_call_goes_alone() {
    let mut window = window(&["", ""]);
    let large = Message {
        payload: vec![0; CALL_BYTES_MAX + 1].into(),
        ..message(2, "", "p")
    };
    window.add(large);
    window.add(message(3, "", "p"));
    assert_eq!(next(&mut window), [0, 1]);
    assert_eq!(next(&mut window), [2]);
    assert_eq!(next(&mut window), [3]);
}

#[test]
fn a_call_is_of_one_producer() {
    let mut window = Window::default();
    window.add(message(0, "", "p"));
    window.add(message(1, "", "q"));
    window.add(message(2, "", "q"));
    assert_eq!(next(&mut window), [0]);
    let call = window.next_call().expect("more");
    assert_eq!((&*call.producer, call.ids.len()), ("q", 2));
}
