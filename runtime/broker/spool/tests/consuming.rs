//! Consuming by way of the disk: what the target does not take in time is held here, in order, and comes once.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::{collections::HashSet, time::Duration};

use danube_wasm_broker::{Broker, Consumer, ConsumerOptions, ErrorKind, Message};
use danube_wasm_broker_spool::{Spool, SpoolOptions};
use danube_wasm_model::{SubscriptionType, identity::ORDER_ATTRIBUTE};
use support::{remote::Calls, *};

/// A broker with a topic, and messages on it.
async fn remote(texts: &[&str]) -> Remote {
    let remote = Remote::new();
    remote.log().create_topic(&topic(), spec()).await.unwrap();
    drop(subscribe(remote.log()).await);
    publish(remote.log(), texts).await;
    remote
}

async fn nothing_left(spool: &Spool, remote: &Remote) {
    until("the broker has nothing left", || async {
        remote.unacknowledged().await == 0
    })
    .await;
    status(spool, |status| {
        status.records == 0 && status.holding.is_empty() && status.troubles.is_empty()
    })
    .await;
}

async fn all_held(spool: &Spool, remote: &Remote, n: u64) {
    until("the broker has nothing left", || async {
        remote.unacknowledged().await == 0
    })
    .await;
    status(spool, |status| status.records == n && status.holding == ["/test/topic"]).await;
}

#[tokio::test]
async fn passing_through_writes_nothing() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1", "b:1", "a:2"]).await);
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let before = spool.measure().await.unwrap();
    let messages = receive(&mut *consumer, 3).await;
    assert_eq!(texts(&messages), ["a:1", "b:1", "a:2"]);
    ack(&*consumer, &messages).await;
    nothing_left(&spool, &remote).await;
    assert_eq!(spool.measure().await.unwrap(), before);
    ack(&*consumer, &messages).await;
    let never = danube_wasm_broker::MessageId {
        partition: 1,
        offset: 99,
    };
    assert_eq!(
        consumer.acker().ack(&[never]).await.unwrap_err().kind,
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn a_message_is_the_same_by_way_of_the_disk() {
    let remote = remote(&["a:1", "no key"]).await;
    let mut direct = subscribe(remote.log()).await;
    let mut expected = receive(&mut *direct, 2).await;
    drop(direct);
    let directory = tempfile::tempdir().unwrap();
    let spool = open(&remote, soon_held(directory.path())).await;
    let consumer = subscribe(&*spool).await;
    all_held(&spool, &remote, 2).await;
    drop(consumer);
    let mut consumer = subscribe(&*spool).await;
    let mut held = receive(&mut *consumer, 2).await;
    let orders = |messages: &[Message]| messages.iter().map(Message::order).collect::<Vec<_>>();
    assert_eq!(orders(&held), orders(&expected));
    for message in expected.iter_mut().chain(&mut held) {
        message.message_id.offset = 0;
        // The spool's own offset says nothing of the order, so it is written down.
        message.attributes.retain(|(name, _)| name != ORDER_ATTRIBUTE);
        // It was given back once before.
        message.redeliveries = 0;
    }
    assert_eq!(held, expected);
}

#[tokio::test]
async fn what_is_not_done_in_time_is_held_and_the_caller_does_not_notice() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1", "a:2"]).await);
    let spool = open(&remote, soon_held(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let first = receive(&mut *consumer, 2).await;
    all_held(&spool, &remote, 2).await;
    // What comes meanwhile goes behind it, and the broker's window is never full.
    publish(remote.log(), &["a:3", "b:1"]).await;
    all_held(&spool, &remote, 4).await;
    let lag = spool.lag().await.unwrap();
    assert_eq!(lag.iter().map(|lag| lag.messages).sum::<u64>(), 4);
    // The target is back.
    ack(&*consumer, &first).await;
    let rest = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&rest), ["a:3", "b:1"]);
    ack(&*consumer, &rest).await;
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn it_passes_through_again_when_the_disk_is_empty() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1"]).await);
    let options = SpoolOptions {
        hold_max: Duration::from_millis(500),
        ..options(directory.path())
    };
    let spool = open(&remote, options).await;
    let mut consumer = subscribe(&*spool).await;
    let held = receive(&mut *consumer, 1).await;
    all_held(&spool, &remote, 1).await;
    ack(&*consumer, &held).await;
    nothing_left(&spool, &remote).await;
    remote.fail(|faults| faults.acks_fail = true);
    publish(remote.log(), &["a:2"]).await;
    // Were it on disk, its acknowledgement would not concern the broker.
    let direct = receive(&mut *consumer, 1).await;
    let error = consumer.acker().ack(&ids(&direct)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    remote.heal();
    ack(&*consumer, &direct).await;
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn what_is_held_comes_first_after_a_restart() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1", "a:2", "b:1"]).await);
    let spool = open(&remote, soon_held(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let taken = receive(&mut *consumer, 2).await;
    all_held(&spool, &remote, 3).await;
    ack(&*consumer, &taken[..1]).await;
    drop((consumer, spool));
    publish(remote.log(), &["a:3"]).await;
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    // What the broker has goes behind it, and is safe there.
    all_held(&spool, &remote, 3).await;
    let messages = receive(&mut *consumer, 3).await;
    assert_eq!(texts(&messages), ["a:2", "b:1", "a:3"]);
    ack(&*consumer, &messages).await;
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn what_is_held_needs_no_broker() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1"]).await);
    let spool = open(&remote, soon_held(directory.path())).await;
    let consumer = subscribe(&*spool).await;
    all_held(&spool, &remote, 1).await;
    drop((consumer, spool));
    remote.fail(|faults| faults.down = true);
    publish(remote.log(), &["a:2"]).await;
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let held = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&held), ["a:1"]);
    ack(&*consumer, &held).await;
    status(&spool, |status| {
        status
            .troubles
            .get("/test/topic")
            .is_some_and(|why| why.contains("not in reach"))
    })
    .await;
    remote.heal();
    let rest = within(async {
        // That the broker is away is an error as long as nothing is held.
        loop {
            match consumer.receive(9).await {
                Ok(messages) => break messages,
                Err(error) => assert_eq!(error.kind, ErrorKind::Unavailable),
            }
        }
    });
    let rest = rest.await;
    assert_eq!(texts(&rest), ["a:2"]);
    ack(&*consumer, &rest).await;
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn without_anything_held_the_broker_is_needed() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open(&remote, options(directory.path())).await;
    let options = consumer_options(SubscriptionType::Exclusive);
    assert_eq!(
        spool.subscribe(options.clone()).await.err().unwrap().kind,
        ErrorKind::NotFound
    );
    remote.fail(|faults| faults.down = true);
    assert_eq!(
        spool.subscribe(options).await.err().unwrap().kind,
        ErrorKind::Unavailable
    );
}

#[tokio::test]
async fn a_subscription_that_was_made_before_needs_no_broker_to_begin_with() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1"]).await);
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let first = receive(&mut *consumer, 1).await;
    ack(&*consumer, &first).await;
    nothing_left(&spool, &remote).await;
    spool.close().await.unwrap();
    drop((consumer, spool));

    remote.fail(|faults| faults.down = true);
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let away = within(consumer.receive(9)).await.unwrap_err();
    assert_eq!(away.kind, ErrorKind::Unavailable, "{away}");
    let other = ConsumerOptions {
        subscription: "another".into(),
        ..consumer_options(SubscriptionType::Exclusive)
    };
    let never_made = spool.subscribe(other).await.err().unwrap();
    assert_eq!(never_made.kind, ErrorKind::Unavailable, "{never_made}");
    publish(remote.log(), &["a:2"]).await;
    remote.heal();
    let rest = within(async {
        loop {
            match consumer.receive(9).await {
                Ok(messages) => break messages,
                Err(error) => assert_eq!(error.kind, ErrorKind::Unavailable),
            }
        }
    });
    let rest = rest.await;
    assert_eq!(texts(&rest), ["a:2"]);
    ack(&*consumer, &rest).await;
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn a_full_spool_reads_no_further_and_drops_nothing() {
    let numbers: Vec<String> = (0..100).map(|i| format!("a:{i}:{}", "x".repeat(900))).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&[]).await);
    let options = SpoolOptions {
        bytes_max: 40_000,
        ..soon_held(directory.path())
    };
    let spool = open(&remote, options).await;
    let mut consumer = subscribe(&*spool).await;
    for part in numbers.chunks(5) {
        publish(remote.log(), part).await;
    }
    let full = status(&spool, |status| status.full).await;
    assert!(full.bytes <= full.bytes_max, "{full:?}");
    status(&spool, |status| {
        status
            .troubles
            .get("/test/topic")
            .is_some_and(|why| why.contains("is full"))
    })
    .await;
    assert!(remote.unacknowledged().await > 0);
    let mut got = Vec::new();
    while got.len() < numbers.len() {
        let messages = receive(&mut *consumer, 1).await;
        ack(&*consumer, &messages).await;
        got.extend(texts(&messages));
    }
    assert_eq!(got, numbers);
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn a_lost_acknowledgement_makes_no_duplicate() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1", "b:1"]).await);
    remote.fail(|faults| faults.acks_forgotten = true);
    let spool = open(&remote, soon_held(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let messages = receive(&mut *consumer, 2).await;
    status(&spool, |status| status.records == 2).await;
    assert_eq!(remote.unacknowledged().await, 2);
    remote.heal();
    remote.redeliver().await;
    until("they are acknowledged again", || async {
        remote.unacknowledged().await == 0
    })
    .await;
    publish(remote.log(), &["a:2"]).await;
    ack(&*consumer, &messages).await;
    let next = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&next), ["a:2"], "and not one of those before");
    ack(&*consumer, &next).await;
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn an_acknowledgement_that_a_restart_cut_off_makes_no_duplicate() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1", "b:1"]).await);
    remote.fail(|faults| faults.acks_fail = true);
    let spool = open(&remote, soon_held(directory.path())).await;
    let consumer = subscribe(&*spool).await;
    status(&spool, |status| status.records == 2).await;
    drop((consumer, spool));
    assert_eq!(remote.unacknowledged().await, 2);
    remote.heal();
    publish(remote.log(), &["a:2"]).await;
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let messages = receive(&mut *consumer, 3).await;
    assert_eq!(texts(&messages), ["a:1", "b:1", "a:2"]);
    ack(&*consumer, &messages).await;
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn acknowledgements_that_the_broker_does_not_take_are_tried_until_it_does() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1"]).await);
    remote.fail(|faults| faults.acks_fail = true);
    let spool = open(&remote, soon_held(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let messages = receive(&mut *consumer, 1).await;
    status(&spool, |status| status.records == 1).await;
    ack(&*consumer, &messages).await;
    status(&spool, |status| status.records == 0 && !status.troubles.is_empty()).await;
    remote.heal();
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn what_is_given_back_comes_again() {
    for held in [false, true] {
        let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1", "b:1"]).await);
        let options = if held {
            soon_held(directory.path())
        } else {
            options(directory.path())
        };
        let spool = open(&remote, options).await;
        let mut consumer = subscribe(&*spool).await;
        let messages = receive(&mut *consumer, 2).await;
        if held {
            all_held(&spool, &remote, 2).await;
        }
        let delay = Duration::from_millis(20);
        let before = tokio::time::Instant::now();
        within(consumer.acker().nack(&ids(&messages[..1]), delay))
            .await
            .unwrap();
        let again = receive(&mut *consumer, 1).await;
        assert!(before.elapsed() >= delay);
        assert_eq!(
            (texts(&again), again[0].redeliveries),
            (vec!["a:1".to_owned()], 1),
            "held: {held}"
        );
        ack(&*consumer, &messages[1..]).await;
        ack(&*consumer, &again).await;
        nothing_left(&spool, &remote).await;
    }
}

/// Danube counts what is given back to it: after five times, by default, the partition stands still for good.
#[tokio::test]
async fn what_is_given_back_ten_times_is_delivered_by_the_broker_once() {
    let (directory, remote) = (
        tempfile::tempdir().unwrap(),
        remote(&["a:1", "b:1", "a:2", "b:2"]).await,
    );
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let mut first = receive(&mut *consumer, 4).await;
    assert_eq!(texts(&first), ["a:1", "b:1", "a:2", "b:2"]);
    first.truncate(1);
    for before in 0..10 {
        assert_eq!((texts(&first), first[0].redeliveries), (vec!["a:1".to_owned()], before));
        within(consumer.acker().nack(&ids(&first), Duration::from_millis(1)))
            .await
            .unwrap();
        // All that was in hand, once and for all.
        all_held(&spool, &remote, 4).await;
        first = receive(&mut *consumer, 1).await;
    }
    // The broker has nothing to wait for, and what comes meanwhile goes behind it.
    publish(remote.log(), &["a:3"]).await;
    all_held(&spool, &remote, 5).await;
    drop((consumer, spool));
    // Nobody is done with anything: it comes again as it came first.
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let again = receive(&mut *consumer, 5).await;
    assert_eq!(texts(&again), ["a:1", "b:1", "a:2", "b:2", "a:3"]);
    ack(&*consumer, &again).await;
    nothing_left(&spool, &remote).await;
    let expected = Calls {
        given: 5,
        acks: 5,
        nacks: 0,
    };
    assert_eq!(remote.calls(), expected);
}

/// There is no room to hold it, so it waits in memory, and the broker is not told either.
#[tokio::test]
async fn what_is_given_back_to_a_full_spool_comes_again() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1", "a:2"]).await);
    let options = SpoolOptions {
        bytes_max: 1,
        ..options(directory.path())
    };
    let spool = open(&remote, options).await;
    let mut consumer = subscribe(&*spool).await;
    let mut messages = receive(&mut *consumer, 2).await;
    for _ in 0..3 {
        within(consumer.acker().nack(&ids(&messages), Duration::ZERO))
            .await
            .unwrap();
        messages = receive(&mut *consumer, 2).await;
        assert_eq!(texts(&messages), ["a:1", "a:2"]);
    }
    ack(&*consumer, &messages).await;
    nothing_left(&spool, &remote).await;
    let expected = Calls {
        given: 2,
        acks: 2,
        nacks: 0,
    };
    assert_eq!(remote.calls(), expected);
}

#[tokio::test]
async fn a_consumer_that_goes_gives_back_what_it_has() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1", "b:1"]).await);
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    receive(&mut *consumer, 1).await;
    drop(consumer);
    let mut consumer = subscribe(&*spool).await;
    let messages = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&messages), ["a:1", "b:1"]);
    ack(&*consumer, &messages).await;
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn a_redelivery_of_what_is_in_hand_is_not_a_second_message() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&["a:1"]).await);
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    let first = receive(&mut *consumer, 1).await;
    remote.redeliver().await;
    publish(remote.log(), &["a:2"]).await;
    let second = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&second), ["a:2"]);
    ack(&*consumer, &first).await;
    ack(&*consumer, &second).await;
    nothing_left(&spool, &remote).await;
}

#[tokio::test]
async fn errors_of_the_broker_reach_the_caller() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), remote(&[]).await);
    let spool = open(&remote, options(directory.path())).await;
    let mut consumer = subscribe(&*spool).await;
    remote.fail(|faults| faults.down = true);
    // It may be waiting inside the broker already: a message ends that.
    publish(remote.log(), &["a:1"]).await;
    let error = within(async {
        loop {
            if let Err(error) = consumer.receive(1).await {
                break error;
            }
        }
    });
    assert_eq!(error.await.kind, ErrorKind::Unavailable);
}

/// The target fails and recovers, acknowledgements race with the move to the disk, and everything is restarted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_order_is_kept_whatever_happens() {
    for kind in [
        SubscriptionType::Exclusive,
        SubscriptionType::KeyShared,
        SubscriptionType::Failover,
    ] {
        let directory = tempfile::tempdir().unwrap();
        let remote = remote(&[]).await;
        let all: Vec<String> = (0..400).map(|i| format!("{}:{i}", ["a", "b", "c"][i % 3])).collect();
        let (mut seen, mut first) = (HashSet::new(), Vec::new());
        let options = SpoolOptions {
            hold_max: Duration::from_millis(2),
            ..options(directory.path())
        };
        for (round, part) in all.chunks(100).enumerate() {
            let spool = open(&remote, options.clone()).await;
            let mut consumer = within(spool.subscribe(consumer_options(kind))).await.unwrap();
            publish(remote.log(), part).await;
            let wanted = if round == 3 { all.len() } else { all.len() / 4 * round };
            let mut turn = 0;
            while seen.len() < wanted {
                let messages = within(consumer.receive(7)).await.unwrap();
                for message in &messages {
                    let text = texts(std::slice::from_ref(message)).remove(0);
                    if seen.insert(text.clone()) {
                        first.push(text);
                    }
                }
                turn += 1;
                // Sometimes the target takes its time.
                tokio::time::sleep(Duration::from_millis(if turn % 5 == 0 { 4 } else { 0 })).await;
                finish(&*consumer, &messages, turn).await;
            }
            if round == 3 {
                drain(&mut *consumer, &spool, &remote).await;
            }
        }
        assert_eq!(seen.len(), all.len(), "{kind:?}");
        for key in ["a:", "b:", "c:"] {
            let of = |texts: &[String]| texts.iter().filter(|t| t.starts_with(key)).cloned().collect::<Vec<_>>();
            assert_eq!(of(&first), of(&all), "{kind:?}");
        }
    }
}

/// Every third batch waits beside the next ones for its acknowledgement.
async fn finish(consumer: &dyn Consumer, messages: &[Message], turn: usize) {
    let (acker, ids) = (consumer.acker(), ids(messages));
    let acking = tokio::spawn(async move { acker.ack(&ids).await });
    if !usize::is_multiple_of(turn, 3) {
        within(acking).await.unwrap().unwrap();
    }
}

/// What was given and not acknowledged at a restart comes again.
async fn drain(consumer: &mut dyn Consumer, spool: &Spool, remote: &Remote) {
    let through = async {
        while remote.unacknowledged().await > 0 || spool.measure().await.unwrap().records > 0 {
            let received = tokio::time::timeout(Duration::from_millis(5), consumer.receive(50)).await;
            if let Ok(Ok(messages)) = received {
                ack(consumer, &messages).await;
            }
        }
    };
    within(through).await;
}
