//! The newest message of a partition is acknowledged last: a broker of Danube stands still otherwise.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{pin::Pin, sync::Arc, time::Duration};

use danube_wasm_broker::{Acker, Broker, Consumer, MessageId, Result};
use danube_wasm_broker_danube::Danube;
use danube_wasm_model::{SubscriptionType, TopicName};
use futures_util::poll;
use support::{Act, Wire, consuming_as, numbers, publish, receive, record, reliable, soon, topic, until};
use tonic::Status;

const HOUR: Duration = Duration::from_secs(3_600);

/// Four messages in hand, at a broker that answers the first acknowledgement late.
struct InHand {
    wire: Wire,
    client: Arc<Danube>,
    topic: TopicName,
    _consumer: Box<dyn Consumer>,
    acker: Arc<dyn Acker>,
    ids: Vec<MessageId>,
}

impl InHand {
    async fn new(wire: Wire, newest_waits_max: Duration) -> Self {
        Self::of(SubscriptionType::Exclusive, wire, newest_waits_max).await
    }

    async fn of(kind: SubscriptionType, wire: Wire, newest_waits_max: Duration) -> Self {
        let mut options = wire.options();
        options.newest_waits_max = newest_waits_max;
        options.ack_timeout = 2 * HOUR;
        let client = Danube::open(options).unwrap();
        let (topic, mut consumer) = consuming_as(kind, &wire, &client, 4).await;
        let messages = receive(&mut *consumer, 4).await;
        let mut first = true;
        wire.state
            .script(move |call| match call.method == "ack" && std::mem::take(&mut first) {
                true => Act::Late(Duration::from_millis(100)),
                false => Act::Pass,
            });
        Self {
            acker: consumer.acker(),
            ids: messages.iter().map(|message| message.message_id).collect(),
            _consumer: consumer,
            wire,
            client,
            topic,
        }
    }

    /// Begins to acknowledge the newest.
    async fn newest_first(&self) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        let mut newest = self.acker.ack(&self.ids[3..]);
        assert!(poll!(&mut newest).is_pending());
        newest
    }

    fn acks(&self) -> Vec<u64> {
        self.wire.state.acks("/default/t")
    }
}

#[tokio::test]
async fn the_newest_is_acknowledged_when_those_before_it_are_confirmed() {
    let given = InHand::new(Wire::start().await, HOUR).await;
    let newest = given.newest_first().await;
    // Other calls have been made and answered since then.
    let other = topic("/default/other");
    soon(given.client.create_topic(&other, reliable(0))).await.unwrap();
    assert!(given.wire.state.calls("ack").is_empty());
    soon(given.acker.ack(&given.ids[..3])).await.unwrap();
    soon(newest).await.unwrap();
    let acks = given.acks();
    assert_eq!((acks.len(), acks[3]), (4, 3), "{acks:?}");
}

#[tokio::test]
async fn also_in_the_next_session() {
    let given = InHand::new(Wire::start().await, HOUR).await;
    let newest = given.newest_first().await;
    given.wire.state.hang_up();
    let streams = || given.wire.state.calls("receive_messages").len();
    until("a second session", || streams() == 2).await;
    soon(given.acker.ack(&given.ids[..3])).await.unwrap();
    soon(newest).await.unwrap();
    // What comes again and was acknowledged may be so once more.
    let acks = given.acks();
    let first = acks.iter().position(|offset| *offset == 3).unwrap();
    assert!((0..3).all(|offset| acks[..first].contains(&offset)), "{acks:?}");
}

#[tokio::test]
async fn something_newer_lets_it_go() {
    let given = InHand::new(Wire::start().await, HOUR).await;
    let newest = given.newest_first().await;
    let publisher = given.client.publisher("p/source").await.unwrap();
    let records = vec![record(&given.topic, Some("k"), 4)];
    assert!(publish(&*publisher, records).await[0].is_ok());
    soon(newest).await.unwrap();
    assert_eq!(given.acks(), [3]);
}

#[tokio::test]
async fn it_is_refused_for_now_if_those_before_it_stay_in_hand() {
    let given = InHand::new(Wire::start().await, Duration::from_millis(20)).await;
    let error = soon(given.acker.ack(&given.ids[3..])).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.message.contains("acknowledge it again"), "{error}");
    assert!(given.acks().is_empty());
    soon(given.acker.ack(&given.ids[..3])).await.unwrap();
    soon(given.acker.ack(&given.ids[3..])).await.unwrap();
    assert_eq!(given.acks()[3], 3);
}

#[tokio::test]
async fn what_was_given_back_is_not_waited_for_where_others_may_have_it() {
    for (kind, goes) in [(SubscriptionType::Shared, true), (SubscriptionType::Exclusive, false)] {
        let given = InHand::of(kind, Wire::start().await, Duration::from_millis(20)).await;
        soon(given.acker.ack(&given.ids[1..3])).await.unwrap();
        soon(given.acker.nack(&given.ids[..1], Duration::ZERO)).await.unwrap();
        let newest = soon(given.acker.ack(&given.ids[3..])).await;
        assert_eq!(newest.is_ok(), goes, "{kind:?}: {newest:?}");
        assert_eq!(given.acks().contains(&3), goes, "{kind:?}");
    }
}

#[tokio::test]
async fn it_does_not_wait_at_all_on_a_broker_of_this_project() {
    let wire = Wire::start().await;
    wire.state.be_own();
    let given = InHand::new(wire, HOUR).await;
    soon(given.acker.ack(&given.ids[3..])).await.unwrap();
    assert_eq!(given.acks(), [3]);
}

/// Brokers compare places only.
#[tokio::test]
async fn an_acknowledgement_of_what_a_crash_took_is_not_one_of_what_has_its_place() {
    for kind in [SubscriptionType::Exclusive, SubscriptionType::KeyShared] {
        what_a_crash_took(kind).await;
    }
}

async fn what_a_crash_took(kind: SubscriptionType) {
    let wire = Wire::start().await;
    let client = wire.client();
    let (topic, mut consumer) = consuming_as(kind, &wire, &client, 3).await;
    let messages = receive(&mut *consumer, 3).await;
    let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
    let acker = consumer.acker();
    soon(acker.ack(&ids[..2])).await.unwrap();
    wire.state.script(|call| match call.method {
        "ack" => Act::Fail(Status::unavailable("the broker goes")),
        _ => Act::Pass,
    });
    let mut lost = acker.ack(&ids[2..]);
    assert!(poll!(&mut lost).is_pending());
    until("it was tried", || wire.state.calls("ack").len() > 2).await;
    wire.state.truncate("/default/t", 2);
    wire.state.forget();
    let publisher = client.publisher("p/source").await.unwrap();
    assert!(publish(&*publisher, vec![record(&topic, None, 7)]).await[0].is_ok());
    assert_eq!(numbers(&receive(&mut *consumer, 1).await), [7]);
    wire.state.behave();
    soon(lost).await.unwrap();
    assert!(!wire.state.acked("/default/t").contains(&2));
}
