//! The four types, and where a new subscription begins.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_broker::{Consumer, ErrorKind, Message, StartAt};
use danube_wasm_model::SubscriptionType::{Exclusive, Failover, KeyShared, Shared};
use tokio::sync::{Mutex, Notify};

use crate::{
    Harness,
    test_case::{TestCase, consume, ids, sorted, texts, within},
};

/// Subscriptions do not take from each other.
pub async fn each_has_all_messages(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 2).await;
    let mut consumers = Vec::new();
    for name in ["one", "two"] {
        let mut options = case.options(Shared, "c");
        options.subscription = name.into();
        consumers.push(within(case.broker.subscribe(options)).await.expect("subscribes"));
    }
    case.publish(&["k:1", "l:2", "m:3"]).await;
    for consumer in &mut consumers {
        let messages = consume(&mut **consumer, 3).await;
        assert_eq!(sorted(texts(&messages)), ["1", "2", "3"]);
    }
}

/// With the oldest message or with the next.
pub async fn a_new_one_begins_where_it_was_asked_to(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    case.publish(&["before"]).await;
    let subscribe = async |name: &str, start| {
        let mut options = case.options(Exclusive, "c");
        (options.subscription, options.start) = (name.into(), start);
        within(case.broker.subscribe(options)).await.expect("subscribes")
    };
    let mut latest = subscribe("latest", StartAt::Latest).await;
    let mut earliest = subscribe("earliest", StartAt::Earliest).await;
    case.publish(&["after"]).await;
    assert_eq!(texts(&consume(&mut *latest, 1).await), ["after"]);
    let expected: &[&str] = match case.can.starts_at_earliest {
        true => &["before", "after"],
        false => &["after"],
    };
    assert_eq!(texts(&consume(&mut *earliest, expected.len()).await), expected);
}

/// And is free again when its consumer has gone.
pub async fn an_exclusive_one_refuses_a_second_name(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut first = case.subscribe(Exclusive, "first").await;
    case.publish(&["1"]).await;
    assert_eq!(texts(&consume(&mut *first, 1).await), ["1"]);
    let elsewhere = harness.open().await;
    let second = || within(elsewhere.subscribe(case.options(Exclusive, "second")));
    let error = second().await.err().expect("taken");
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    drop(first);
    let freed = tokio::time::timeout(wait_for(case.can.frees_exclusive), async {
        loop {
            match second().await {
                Ok(consumer) => return consumer,
                Err(error) => assert_eq!(error.kind, ErrorKind::Conflict, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(freed.is_ok(), case.can.frees_exclusive);
    if let Ok(mut second) = freed {
        case.publish(&["2"]).await;
        assert_eq!(texts(&consume(&mut *second, 1).await), ["2"]);
    }
}

/// How long to wait for what must happen, and for what is known not to.
fn wait_for(happens: bool) -> Duration {
    Duration::from_secs(if happens { 60 } else { 3 })
}

/// Messages that two consumers of one subscription got, each acknowledged as it came.
async fn consume_with_two(mut consumers: Vec<Box<dyn Consumer>>, total: usize) -> Vec<Vec<Message>> {
    let (seen, changed) = (Arc::new(Mutex::new(0)), Arc::new(Notify::new()));
    let tasks: Vec<_> = consumers
        .drain(..)
        .map(|mut consumer| {
            let (seen, changed) = (seen.clone(), changed.clone());
            tokio::spawn(async move {
                let mut mine: Vec<Message> = Vec::new();
                let acker = consumer.acker();
                loop {
                    let finished = changed.notified();
                    if *seen.lock().await >= total {
                        return mine;
                    }
                    let more = tokio::select! {
                        more = consumer.receive(2) => more.expect("receives"),
                        () = finished => continue,
                    };
                    acker.ack(&ids(&more)).await.expect("acknowledges");
                    *seen.lock().await += more.len();
                    mine.extend(more);
                    changed.notify_waiters();
                }
            })
        })
        .collect();
    let mut got = Vec::new();
    for task in tasks {
        got.push(within(task).await.expect("consumes"));
    }
    got
}

/// Two consumers get all of it between them, and each some.
pub async fn a_shared_one_spreads_its_load(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let consumers = vec![
        case.subscribe(Shared, "one").await,
        case.subscribe_elsewhere(Shared, "two").await,
    ];
    let texts_sent: Vec<String> = (0..60).map(|n| format!("{n:02}")).collect();
    case.publish(&texts_sent.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let got = consume_with_two(consumers, texts_sent.len()).await;
    let all: Vec<&str> = got.iter().flat_map(|messages| texts(messages)).collect();
    assert_eq!(sorted(all), texts_sent);
    assert!(got.iter().all(|messages| !messages.is_empty()), "each has some");
}

/// The one that stands by gets nothing until the active one goes.
pub async fn a_failover_one_has_one_active_consumer_and_then_the_next(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut active = case.subscribe(Failover, "active").await;
    let mut standby = case.subscribe_elsewhere(Failover, "standby").await;
    case.publish(&["1", "2"]).await;
    assert_eq!(texts(&consume(&mut *active, 2).await), ["1", "2"]);
    let given = tokio::time::timeout(Duration::from_millis(200), standby.receive(1)).await;
    assert!(given.is_err(), "{given:?}");
    drop(active);
    case.publish(&["3", "4"]).await;
    let taken = tokio::time::timeout(wait_for(case.can.fails_over), consume(&mut *standby, 2)).await;
    assert_eq!(taken.is_ok(), case.can.fails_over);
    if let Ok(messages) = taken {
        assert_eq!(texts(&messages), ["3", "4"]);
    }
}

/// Messages of one key come in order although two consumers share the subscription, and each has some keys.
pub async fn a_key_shared_one_keeps_each_key_in_order(harness: &dyn Harness) {
    const KEYS: usize = 12;
    const EACH: usize = 5;
    let case = TestCase::with_topic(harness, 0).await;
    let consumers = vec![
        case.subscribe(KeyShared, "one").await,
        case.subscribe_elsewhere(KeyShared, "two").await,
    ];
    let publisher = case.publisher().await;
    for n in 0..EACH {
        let groups = (0..KEYS).map(|key| vec![case.record(&format!("key-{key}"), &format!("{key}.{n}"))]);
        for fate in within(publisher.publish(groups.collect())).await {
            fate.expect("published");
        }
    }
    let order: Arc<std::sync::Mutex<HashMap<Bytes, usize>>> = Arc::default();
    let checked: Vec<Box<dyn Consumer>> = consumers
        .into_iter()
        .map(|inner| {
            let order = order.clone();
            Box::new(InOrder { inner, order }) as Box<dyn Consumer>
        })
        .collect();
    let got = consume_with_two(checked, KEYS * EACH).await;
    assert!(got.iter().all(|messages| !messages.is_empty()), "each has some");
    assert!(order.lock().expect("a lock").values().all(|next| *next == EACH));
}

/// Checks, over all consumers, that the messages of a key come one after the other.
struct InOrder {
    inner: Box<dyn Consumer>,
    /// The number that a key's next message must have. Nothing waits for it: who is cancelled with messages in hand loses them.
    order: Arc<std::sync::Mutex<HashMap<Bytes, usize>>>,
}

#[async_trait::async_trait]
impl Consumer for InOrder {
    async fn receive(&mut self, max: usize) -> danube_wasm_broker::Result<Vec<Message>> {
        let messages = self.inner.receive(max).await?;
        let mut order = self.order.lock().expect("a lock");
        for (message, text) in messages.iter().zip(texts(&messages)) {
            let next = order.entry(message.key.clone().expect("a key")).or_default();
            assert!(text.ends_with(&format!(".{next}")), "{text} came when {next} was due");
            *next += 1;
        }
        Ok(messages)
    }

    fn acker(&self) -> Arc<dyn danube_wasm_broker::Acker> {
        self.inner.acker()
    }
}
