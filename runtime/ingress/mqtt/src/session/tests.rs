//! The session without sockets: a broker's bytes in, ours out. Tests are named after what others' users report.

use mqtt_protocol_core::mqtt::packet::{UserProperty, v3_1_1, v5_0};

use super::*;
use crate::packets::{Message, Qos, Retained};

const WINDOW: usize = 4;

/// A session of version 5 and the ledger beneath it.
struct Fixture {
    session: Session,
    ledger: Arc<Mutex<Ledger>>,
    now: Instant,
}

impl Fixture {
    fn new() -> Self {
        Self::beneath(Arc::new(Mutex::new(Ledger::new(1, 1))), Version::V5)
    }

    fn beneath(ledger: Arc<Mutex<Ledger>>, version: Version) -> Self {
        let now = Instant::now();
        let options = SessionOptions {
            version,
            receive_maximum: WINDOW,
            keep_alive_secs: 60,
        };
        let session = Session::new(options, Framer::new(1024), ledger.clone(), now);
        Self { session, ledger, now }
    }

    /// The next connection in the same session of the broker's.
    fn reconnected(self) -> Self {
        self.ledger.lock().connected(1);
        Self::beneath(self.ledger, Version::V5)
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.session.feed(bytes, self.now);
    }

    fn publish(&mut self, qos: u8, packet_id: u16, text: &str) {
        self.feed(&publish(qos, packet_id, text, false));
    }

    fn again(&mut self, qos: u8, packet_id: u16, text: &str) {
        self.feed(&publish(qos, packet_id, text, true));
    }

    /// Takes the next message and finds out which event it is, as the upstream does.
    fn event(&mut self) -> String {
        self.event_or_recorded().expect("it is an event")
    }

    fn event_or_recorded(&mut self) -> Option<String> {
        let arrival = self.session.take(1, 1).pop_front().expect("a message");
        let Arrived::Message(message) = arrival.what else {
            panic!("{arrival:?}")
        };
        let digest = message.digest();
        let mut ledger = self.ledger.lock();
        match ledger.recognise(&message, &digest) {
            Recognised::Same(id) => Some(id),
            Recognised::Recorded => None,
            Recognised::New | Recognised::Unknown => {
                let id = format!("event-{}", ledger.next_number());
                ledger.enter(message.packet_id, digest, id.clone(), true);
                Some(id)
            }
        }
    }

    /// Type and packet id of each packet that goes out.
    fn sent(&mut self) -> Vec<(u8, u16)> {
        let bytes = self.session.take_output().unwrap_or_default();
        let mut framer = Framer::new(1024);
        framer.feed(&bytes);
        let mut sent = Vec::new();
        while let Some(crate::packets::Framed::Whole(frame)) = framer.next().expect("well formed") {
            let id = frame.body.get(..2).map_or(0, |id| u16::from_be_bytes([id[0], id[1]]));
            sent.push((frame.first >> 4, id));
        }
        sent
    }

    fn pong(&mut self) {
        self.now += std::time::Duration::from_secs(30);
        self.session.tick(self.now);
        assert_eq!(self.sent(), [(12, 0)]);
        self.feed(&[0xd0, 0]);
    }
}

fn publish(qos: u8, packet_id: u16, text: &str, dup: bool) -> Vec<u8> {
    let packet = v5_0::Publish::builder()
        .topic_name("t")
        .expect("a topic")
        .payload(text)
        .dup(dup)
        .props(vec![UserProperty::new("k", "v").expect("a property").into()]);
    let packet = match qos {
        0 => packet.qos(Qos::AtMostOnce),
        1 => packet.qos(Qos::AtLeastOnce).packet_id(packet_id),
        _ => packet.qos(Qos::ExactlyOnce).packet_id(packet_id),
    };
    packet.build().expect("a message").to_continuous_buffer()
}

fn pubrel(packet_id: u16) -> Vec<u8> {
    v5_0::Pubrel::builder()
        .packet_id(packet_id)
        .build()
        .expect("a release")
        .to_continuous_buffer()
}

const PUBACK: u8 = 4;
const PUBREC: u8 = 5;
const PUBCOMP: u8 = 7;
const PINGREQ: u8 = 12;

/// vectordotdev/vector#21967, PR 25666; danube-connect: acknowledged on receipt, and lost when the process ended.
#[test]
fn nothing_is_acknowledged_before_it_is_confirmed() {
    let mut f = Fixture::new();
    f.publish(1, 1, "a");
    f.publish(2, 2, "b");
    f.event();
    f.event();
    assert_eq!(f.sent(), []);
    f.session.confirm(2);
    assert_eq!(f.sent(), [(PUBACK, 1), (PUBREC, 2)]);
}

/// vectordotdev/vector PR 25785: acknowledgements left in the order in which sinks finished.
#[test]
fn acknowledgements_go_out_in_the_order_of_the_messages_whatever_their_ids() {
    let mut f = Fixture::new();
    for packet_id in [9, 3, 7] {
        f.publish(1, packet_id, "x");
    }
    f.session.confirm(1);
    assert_eq!(f.sent(), [(PUBACK, 9)]);
    f.session.confirm(3);
    f.session.confirm(3);
    assert_eq!(f.sent(), [(PUBACK, 3), (PUBACK, 7)]);
}

/// risingwavelabs/risingwave#18963, rumqttc: an acknowledgement that was queued before a reconnect hit another message of the same
/// packet id, which was lost.
#[test]
fn an_acknowledgement_that_waits_over_a_reconnect_is_never_sent() {
    let mut f = Fixture::new();
    f.publish(1, 1, "old");
    f.event();
    f.session.broken("cut");
    let mut next = Fixture::beneath(f.ledger.clone(), Version::V5);
    next.publish(1, 1, "new");
    f.session.confirm(1);
    assert_eq!(f.sent(), [], "the connection that delivered it is gone");
    assert_eq!(next.sent(), [], "and the new one knows nothing of it");
    next.session.confirm(1);
    assert_eq!(next.sent(), [(PUBACK, 1)]);
}

/// hivemq/hivemq-mqtt-client#526, #796: a message that was not acknowledged before a reconnect blocked those behind it.
#[test]
fn messages_of_an_old_connection_do_not_block_the_new_one() {
    let mut f = Fixture::new();
    for packet_id in 1..=4 {
        f.publish(1, packet_id, "x");
    }
    let mut f = f.reconnected();
    f.again(1, 2, "x");
    f.session.confirm(1);
    assert_eq!(f.sent(), [(PUBACK, 2)]);
}

#[test]
fn a_message_in_our_hands_that_comes_again_is_the_same_event() {
    let mut f = Fixture::new();
    f.publish(1, 1, "a");
    f.publish(1, 2, "b");
    let (a, b) = (f.event(), f.event());
    let mut f = f.reconnected();
    f.again(1, 1, "a");
    f.again(1, 2, "b");
    assert_eq!((f.event(), f.event()), (a, b));
}

#[test]
fn a_message_whose_acknowledgement_was_lost_on_the_way_is_the_same_event() {
    let mut f = Fixture::new();
    f.publish(1, 1, "a");
    let a = f.event();
    f.session.confirm(1);
    assert_eq!(f.sent(), [(PUBACK, 1)]);
    let mut f = f.reconnected();
    f.again(1, 1, "a");
    assert_eq!(f.event(), a, "the PUBACK was never heard");
}

/// Equal readings are equal bytes.
#[test]
fn an_equal_message_under_a_packet_id_that_is_used_again_is_another_event() {
    let mut f = Fixture::new();
    f.publish(1, 1, "20.5");
    let first = f.event();
    f.session.confirm(1);
    f.publish(1, 1, "20.5");
    let second = f.event();
    assert_ne!(first, second, "without DUP it is new");
    f.session.confirm(2);
    f.pong_after_sent();
    let mut f = f.reconnected();
    f.again(1, 1, "20.5");
    assert_ne!(
        f.event(),
        second,
        "the broker was proven to have heard the acknowledgement: this is a third one"
    );
}

impl Fixture {
    fn pong_after_sent(&mut self) {
        self.sent();
        self.pong();
    }
}

#[test]
fn acknowledgements_are_proven_within_a_second_and_their_notes_go() {
    let mut f = Fixture::new();
    f.publish(1, 1, "a");
    f.event();
    let changes = f.ledger.lock().changes().expect("a note");
    f.ledger.lock().written(&changes);
    f.session.confirm(1);
    assert!(f.session.next_tick() <= f.now + std::time::Duration::from_secs(1));
    f.now = f.session.next_tick();
    f.session.tick(f.now);
    assert_eq!(f.sent(), [(PUBACK, 1), (PINGREQ, 0)]);
    assert!(f.ledger.lock().changes().is_none(), "it is not proven yet");
    f.feed(&[0xd0, 0]);
    assert_eq!(f.ledger.lock().changes().expect("the note goes").gone, [1]);
    assert!(
        f.session.next_tick() >= f.now + Duration::from_secs(30),
        "and nothing more is asked"
    );
}

#[test]
fn what_comes_again_out_of_its_turn_is_another_event() {
    let mut f = Fixture::new();
    for (packet_id, text) in [(1, "same"), (2, "b")] {
        f.publish(1, packet_id, text);
    }
    let (first, b) = (f.event(), f.event());
    f.session.confirm(1);
    // The broker heard that, used the id again, and the connection broke before the message came.
    let mut f = f.reconnected();
    f.again(1, 2, "b");
    f.again(1, 1, "same");
    assert_eq!(f.event(), b);
    assert_ne!(f.event(), first);
}

#[test]
fn packet_ids_of_a_session_that_the_broker_lost_mean_nothing() {
    let mut f = Fixture::new();
    f.publish(1, 1, "a");
    let a = f.event();
    f.ledger.lock().connected(2);
    let mut f = Fixture::beneath(f.ledger, Version::V5);
    f.again(1, 1, "a");
    assert_ne!(f.event(), a);
}

#[test]
fn a_message_that_was_not_durable_before_a_crash_keeps_its_id_by_its_note() {
    let mut f = Fixture::new();
    f.publish(1, 1, "a");
    let a = f.event();
    let note = f.ledger.lock().changes().expect("a note").kept.remove(0).1;
    let note = Note::from_bytes(note.to_bytes()).expect("it can be read");
    // Another process.
    let mut ledger = Ledger::new(1, 2);
    let message = Message {
        topic: "t".to_owned(),
        payload: "a".into(),
        qos: Qos::AtLeastOnce,
        dup: true,
        retain: false,
        packet_id: 1,
        properties: crate::packets::Properties::default(),
    };
    let digest = message.digest();
    assert_eq!(ledger.recognise(&message, &digest), Recognised::Unknown);
    assert!(ledger.recall(1, Some(note.clone())));
    assert_eq!(ledger.recognise(&message, &digest), Recognised::Same(a));
    assert!(!Ledger::new(2, 3).recall(1, Some(note)), "of another session");
}

/// bytebeamio/rumqtt#1060 and emqx/emqx#9188: QoS 2 that got stuck or came twice.
#[test]
fn exactly_once_is_recorded_when_durable_and_released_once() {
    let mut f = Fixture::new();
    f.publish(2, 5, "a");
    f.event();
    f.session.confirm(1);
    assert_eq!(f.sent(), [(PUBREC, 5)]);
    // The PUBREC was lost with the connection.
    let mut f = f.reconnected();
    f.again(2, 5, "a");
    assert_eq!(f.event_or_recorded(), None, "it is durable already");
    f.session.confirm(1);
    assert_eq!(f.sent(), [(PUBREC, 5)]);
    f.feed(&pubrel(5));
    assert_eq!(f.sent(), [(PUBCOMP, 5)]);
    // And nothing is left of it.
    f.publish(2, 5, "a");
    assert!(f.event_or_recorded().is_some());
}

#[test]
fn a_release_that_nobody_knows_is_answered() {
    let mut f = Fixture::new();
    f.feed(&pubrel(77));
    let bytes = f.session.take_output().expect("an answer");
    assert_eq!(&bytes[..], [0x70, 3, 0, 77, 0x92]);
    let changes = f.ledger.lock().changes().expect("what a former process noted goes");
    assert_eq!(changes.gone, [77]);
}

/// mosquitto 2.0.11: after the first acknowledgements it sends everything, past the receive maximum.
#[test]
fn a_broker_that_sends_past_the_receive_maximum_is_borne_with() {
    let mut f = Fixture::new();
    let many = u16::try_from(2 * WINDOW).expect("small");
    for packet_id in 1..=many {
        assert!(f.session.wants_bytes(), "{packet_id}");
        f.publish(1, packet_id, "x");
    }
    assert!(!f.session.wants_bytes() && f.session.end().is_none());
    f.session.confirm(1);
    assert!(f.session.wants_bytes());
    assert_eq!(f.session.take(100, 1 << 20).len(), 2 * WINDOW, "and nothing is dropped");
}

#[test]
fn messages_without_acknowledgement_do_not_pile_up() {
    let mut f = Fixture::new();
    for _ in 0..2 * WINDOW {
        f.publish(0, 0, "x");
    }
    assert!(!f.session.wants_bytes());
    f.session.take(1, 1);
    assert!(f.session.wants_bytes());
    assert_eq!(f.sent(), []);
}

/// bytebeamio/rumqtt#924: a packet over the limit ended the connection, and came again, for ever.
#[test]
fn a_packet_over_the_limit_is_passed_over_and_acknowledged_in_its_turn() {
    let mut f = Fixture::new();
    f.publish(1, 1, "a");
    f.publish(1, 2, &"x".repeat(2000));
    f.publish(1, 3, "c");
    let taken = f.session.take(10, 1 << 20);
    assert!(
        matches!(&taken[1].what, Arrived::Unfit(unfit) if unfit.message.topic == "t" && unfit.message.packet_id == 2 && unfit.size > 2000),
        "{taken:?}"
    );
    assert_eq!(f.sent(), []);
    f.session.confirm(3);
    assert_eq!(f.sent(), [(PUBACK, 1), (PUBACK, 2), (PUBACK, 3)]);
    assert_eq!(f.session.end(), None);
}

#[test]
fn a_message_that_cannot_be_read_is_passed_over_likewise() {
    let mut f = Fixture::new();
    // A user property whose value is not UTF-8.
    let mut bytes = publish(1, 4, "a", false);
    let at = bytes.iter().position(|byte| *byte == b'v').expect("the value");
    bytes[at] = 0xff;
    f.feed(&bytes);
    assert!(matches!(f.session.take(1, 1)[0].what, Arrived::Unfit(_)));
    f.session.confirm(1);
    assert_eq!(f.sent(), [(PUBACK, 4)]);
}

/// lensesio/stream-reactor#832: a subscription that was never answered, and nobody noticed.
#[test]
fn subscriptions_are_made_when_every_filter_is_answered() {
    let mut f = Fixture::new();
    let subscription = |filter: String| Subscription {
        filter,
        qos: Qos::AtLeastOnce,
        id: 0,
        retained: Retained::All,
    };
    // danube-connect: more than 100 routes were a deadlock.
    f.session
        .subscribe((0..200).map(|n| subscription(format!("t/{n}"))).collect());
    let sent = f.sent();
    assert_eq!(sent.len(), 25, "eight filters each");
    assert_eq!(f.session.subscribed(), None);
    for (_, packet_id) in sent {
        assert_eq!(f.session.subscribed(), None);
        let [high, low] = packet_id.to_be_bytes();
        f.feed(&[&[0x90, 11, high, low, 0][..], &[1, 1, 1, 1, 1, 1, 0, 0x87]].concat());
    }
    let granted = f.session.subscribed().expect("all are answered");
    assert_eq!(granted.len(), 200);
    assert_eq!(granted[5].outcome, Ok(Qos::AtLeastOnce));
    assert_eq!(granted[6].outcome, Ok(Qos::AtMostOnce));
    assert_eq!(granted[7].outcome, Err(Refused(0x87)));
}

/// bytebeamio/rumqtt#1057: a SUBSCRIBE took the packet id of one that was not answered.
#[test]
fn subscriptions_under_way_never_share_a_packet_id() {
    let mut f = Fixture::new();
    let mut ids = std::collections::BTreeSet::new();
    for round in 0..50 {
        let subscription = Subscription {
            filter: format!("t/{round}"),
            qos: Qos::AtLeastOnce,
            id: 0,
            retained: Retained::All,
        };
        f.session.subscribe(vec![subscription]);
        f.session.unsubscribe(&[format!("old/{round}")]);
        let sent = f.sent();
        assert!(sent.iter().all(|(_, packet_id)| *packet_id > 0), "{sent:?}");
        ids.extend(sent.into_iter().map(|(_, packet_id)| packet_id));
    }
    assert_eq!(ids.len(), 100);
}

#[test]
fn a_broker_that_says_nothing_any_more_is_given_up_within_the_keep_alive_time() {
    let mut f = Fixture::new();
    let begun = f.now;
    f.now = f.session.next_tick();
    f.session.tick(f.now);
    assert_eq!(f.sent(), [(12, 0)]);
    f.now = f.session.next_tick();
    f.session.tick(f.now);
    assert!(
        matches!(f.session.end(), Some(End::Broken(why)) if why.contains("ping")),
        "{:?}",
        f.session.end()
    );
    assert_eq!(f.now - begun, Duration::from_secs(60));
}

/// We were frozen for longer than an answer may take: it is there, and was late only for us.
#[test]
fn an_answer_that_came_while_this_side_stood_still_is_heard_before_it_is_missed() {
    let mut f = Fixture::new();
    f.now = f.session.next_tick();
    f.session.tick(f.now);
    assert_eq!(f.sent(), [(PINGREQ, 0)]);
    f.now += Duration::from_secs(3600);
    // As the socket's task does it: what can be read comes first.
    f.feed(&[0xd0, 0]);
    f.session.tick(f.now);
    assert_eq!(f.session.end(), None);
}

/// HSLdevcom/mqtt-pulsar-gateway PR 64: a slow target ended the connection.
#[test]
fn a_connection_that_is_not_read_because_all_is_full_is_not_given_up() {
    let mut f = Fixture::new();
    for packet_id in 1..=8 {
        f.publish(1, packet_id, "x");
    }
    for _ in 0..10 {
        f.now = f.session.next_tick();
        f.session.tick(f.now);
    }
    assert_eq!(f.session.end(), None);
    assert!(
        f.sent().iter().all(|(kind, _)| *kind == 12),
        "but the broker is told that we live"
    );
}

#[test]
fn version_3_is_spoken_to_those_who_know_no_other() {
    let mut f = Fixture::beneath(Arc::new(Mutex::new(Ledger::new(1, 1))), Version::V3);
    let packet = v3_1_1::Publish::builder()
        .topic_name("t")
        .expect("a topic")
        .qos(Qos::ExactlyOnce)
        .packet_id(1)
        .payload("a");
    f.feed(&packet.build().expect("a message").to_continuous_buffer());
    f.session.confirm(1);
    f.feed(
        &v3_1_1::Pubrel::builder()
            .packet_id(9)
            .build()
            .expect("a release")
            .to_continuous_buffer(),
    );
    f.session.close();
    assert_eq!(
        &f.session.take_output().expect("bytes")[..],
        [0x50, 2, 0, 1, 0x70, 2, 0, 9, 0xe0, 0]
    );
}

#[test]
fn nonsense_ends_the_connection_and_never_panics() {
    for bytes in [
        &[0x36, 3, 0, 1, b't'][..],
        &[0x10, 0],
        &[0x90, 3, 0, 1, 0],
        &[0x20, 3, 0, 0, 0],
        &[0x30, 0xff, 0xff, 0xff, 0xff],
    ] {
        let mut f = Fixture::new();
        f.feed(bytes);
        assert!(matches!(f.session.end(), Some(End::Broken(_))), "{bytes:?}");
    }
    let mut seed = 1_u64;
    for _ in 0..20_000 {
        let mut f = Fixture::new();
        let bytes: Vec<u8> = (0..40)
            .map(|_| {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (seed >> 56) as u8
            })
            .collect();
        f.feed(&bytes);
    }
}

#[test]
fn a_session_that_another_client_takes_is_told_apart() {
    let mut f = Fixture::new();
    f.feed(&[0xe0, 2, 0x8e, 0]);
    assert_eq!(f.session.end(), Some(&End::TakenOver));
}
