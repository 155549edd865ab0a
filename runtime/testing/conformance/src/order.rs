//! Partitions and order.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use danube_wasm_broker::Message;
use danube_wasm_model::SubscriptionType::{Exclusive, Shared};

use crate::{
    Harness,
    test_case::{TestCase, consume, texts, within},
};

const KEYS: usize = 8;
const EACH: usize = 6;

/// Numbers of a key's messages in the order in which they came.
fn by_key(messages: &[Message]) -> BTreeMap<Bytes, Vec<usize>> {
    let mut found: BTreeMap<Bytes, Vec<usize>> = BTreeMap::new();
    for (message, text) in messages.iter().zip(texts(messages)) {
        let number = text.rsplit('.').next().and_then(|n| n.parse().ok()).expect("a number");
        found
            .entry(message.key.clone().expect("a key"))
            .or_default()
            .push(number);
    }
    found
}

/// Every record of a key is in one partition, in the order in which they were handed over, however many calls are under
/// way at once.
pub async fn keys_keep_their_partition_and_their_order(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 4).await;
    let mut consumer = case.subscribe(Exclusive, "c").await;
    let publisher = case.publisher().await;
    // All handed over before the first is answered.
    let calls: Vec<_> = (0..EACH)
        .map(|n| {
            let groups = (0..KEYS).map(|key| vec![case.record(&format!("key-{key}"), &format!("{key}.{n}"))]);
            publisher.publish(groups.collect())
        })
        .collect();
    for call in calls {
        for fate in within(call).await {
            fate.expect("published");
        }
    }
    let messages = consume(&mut *consumer, KEYS * EACH).await;
    let in_order: Vec<usize> = (0..EACH).collect();
    for (key, numbers) in by_key(&messages) {
        assert_eq!(numbers, in_order, "{key:?}");
    }
    let mut places: BTreeMap<&Bytes, BTreeSet<u64>> = BTreeMap::new();
    for message in &messages {
        let key = message.key.as_ref().expect("a key");
        places.entry(key).or_default().insert(message.message_id.partition);
    }
    assert!(places.values().all(|partitions| partitions.len() == 1), "{places:?}");
    let used: BTreeSet<u64> = places.values().flatten().copied().collect();
    assert!(used.len() > 1, "more than one partition is used");
}

/// Records without a key use every partition.
pub async fn records_without_a_key_go_round(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 3).await;
    let mut consumer = case.subscribe(Shared, "c").await;
    case.publish(&["0", "1", "2", "3", "4", "5", "6", "7", "8"]).await;
    let messages = consume(&mut *consumer, 9).await;
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for message in &messages {
        *counts.entry(message.message_id.partition).or_default() += 1;
    }
    assert_eq!(counts.values().copied().collect::<Vec<_>>(), [3, 3, 3]);
}

/// Two processes publish and choose the same partition for a key; a third consumes both.
pub async fn publishers_of_several_processes_meet_in_one_topic(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 4).await;
    let mut consumer = case.subscribe(Exclusive, "c").await;
    for n in 0..2 {
        let elsewhere = harness.open().await;
        let publisher = within(elsewhere.publisher(&format!("process-{n}")))
            .await
            .expect("a publisher");
        let groups = (0..KEYS).map(|key| vec![case.record(&format!("key-{key}"), &format!("{key}.{n}"))]);
        for fate in within(publisher.publish(groups.collect())).await {
            fate.expect("published");
        }
    }
    let messages = consume(&mut *consumer, 2 * KEYS).await;
    let mut places: BTreeMap<Bytes, BTreeSet<u64>> = BTreeMap::new();
    for message in &messages {
        let key = message.key.clone().expect("a key");
        places.entry(key).or_default().insert(message.message_id.partition);
    }
    assert_eq!(places.len(), KEYS);
    assert!(places.values().all(|partitions| partitions.len() == 1), "{places:?}");
    assert!(by_key(&messages).values().all(|numbers| numbers == &[0, 1]));
}
