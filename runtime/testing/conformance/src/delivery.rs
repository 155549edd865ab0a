//! Acknowledging, refusing, and consumers that go.

use std::time::{Duration, Instant};

use danube_wasm_model::SubscriptionType::{Exclusive, Shared};

use crate::{
    Harness,
    test_case::{TestCase, ack, consume, ids, receive, sorted, texts, within},
};

/// Not to the same consumer, nor to the next of its name.
pub async fn what_is_acknowledged_does_not_come_again(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut consumer = case.subscribe(Exclusive, "c").await;
    case.publish(&["1", "2", "3", "4"]).await;
    let messages = receive(&mut *consumer, 4).await;
    assert_eq!(texts(&messages), ["1", "2", "3", "4"]);
    // In any order, with a hole, and again.
    let acker = consumer.acker();
    let newest = within(acker.ack(&ids(&messages[3..]))).await;
    let mut expected = vec!["2", "3"];
    match case.can.acknowledges_in_any_order {
        true => newest.expect("acknowledges"),
        false => {
            assert!(newest.expect_err("older ones are in hand").is_transient());
            expected.push("4");
        }
    }
    for _ in 0..2 {
        ack(&*consumer, &messages[..1]).await;
    }
    drop(consumer);
    let mut again = case.subscribe_elsewhere(Exclusive, "c").await;
    let left = receive(&mut *again, expected.len()).await;
    assert_eq!(sorted(texts(&left)), expected);
    ack(&*again, &left).await;
    case.publish(&["5"]).await;
    assert_eq!(texts(&receive(&mut *again, 1).await), ["5"]);
}

/// Not before it, and counted.
pub async fn what_is_refused_comes_again_after_its_delay(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut consumer = case.subscribe(Shared, "c").await;
    case.publish(&["1", "2"]).await;
    let messages = receive(&mut *consumer, 2).await;
    let delay = Duration::from_secs(1);
    let since = Instant::now();
    within(consumer.acker().nack(&ids(&messages[..1]), delay))
        .await
        .expect("refuses");
    let acker = consumer.acker();
    let newer = ids(&messages[1..]);
    let again = async {
        let again = receive(&mut *consumer, 1).await.remove(0);
        assert!(since.elapsed() >= delay.mul_f64(0.9), "{:?}", since.elapsed());
        assert_eq!(again.id, messages[0].id);
        assert!(again.redeliveries >= 1, "it was given before");
        ack(&*consumer, &[again]).await;
    };
    // Beside it: the newer one may have to wait for the other.
    let (newer, ()) = tokio::join!(within(acker.ack(&newer)), again);
    newer.expect("acknowledges");
    case.publish(&["3"]).await;
    assert_eq!(texts(&receive(&mut *consumer, 1).await), ["3"]);
}

/// As soon as the broker notices.
pub async fn what_a_gone_consumer_had_goes_to_another(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut going = case.subscribe(Shared, "going").await;
    case.publish(&["1", "2", "3"]).await;
    let had = receive(&mut *going, 3).await;
    ack(&*going, &had[..1]).await;
    let mut staying = case.subscribe_elsewhere(Shared, "staying").await;
    drop(going);
    let messages = consume(&mut *staying, 2).await;
    assert_eq!(sorted(texts(&messages)), sorted(texts(&had[1..])));
}

/// A replacement takes its predecessor's name and goes on where that was.
pub async fn the_same_name_takes_over(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 2).await;
    let mut old = case.subscribe(Exclusive, "c").await;
    case.publish(&["a:1", "b:2", "c:3"]).await;
    let had = receive(&mut *old, 3).await;
    ack(&*old, &had[..1]).await;
    // Its process died: it does not ask again.
    let mut new = case.subscribe_elsewhere(Exclusive, "c").await;
    drop(old);
    let messages = consume(&mut *new, 2).await;
    assert_eq!(sorted(texts(&messages)), sorted(texts(&had[1..])));
}

/// Neither by a call nor in all.
pub async fn no_more_is_given_than_was_asked_for(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut options = case.options(Exclusive, "c");
    options.unacknowledged_max = 3;
    let mut consumer = within(case.broker.subscribe(options)).await.expect("subscribes");
    case.publish(&["1", "2", "3", "4", "5"]).await;
    let mut messages = Vec::new();
    while messages.len() < 3 {
        let more = within(consumer.receive(2)).await.expect("receives");
        assert!((1..=2).contains(&more.len()));
        messages.extend(more);
    }
    assert_eq!(messages.len(), 3);
    let more = tokio::time::timeout(Duration::from_millis(200), consumer.receive(10)).await;
    assert!(more.is_err(), "{more:?}");
    ack(&*consumer, &messages).await;
    assert_eq!(texts(&consume(&mut *consumer, 2).await), ["4", "5"]);
}

/// Exactly, where it is told.
pub async fn lag_is_told(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 2).await;
    let mut consumer = case.subscribe(Shared, "c").await;
    case.publish(&["1", "2", "3", "4"]).await;
    let messages = receive(&mut *consumer, 4).await;
    ack(&*consumer, &messages[..3]).await;
    let lags = within(case.broker.lag()).await.expect("answers");
    let lags: Vec<_> = lags.into_iter().filter(|lag| lag.topic == case.topic).collect();
    match case.can.tells_lag {
        true => assert_eq!((lags.len(), lags[0].messages), (1, 1)),
        false => assert!(lags.is_empty(), "{lags:?}"),
    }
}
