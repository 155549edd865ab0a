//! A process that was frozen for longer than its session: its partitions are others' when it goes on.

use crate::support::{
    client::{committed, create, produce},
    member::{self, Member},
    numbers,
    server::{shared, unique},
    source::{KafkaProcess as _, Process, new_log, table, texts_once},
};

/// The other process of the test below.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "is a process that another test starts"]
async fn a_member_of_another_process() {
    member::run().await;
}

/// What it has in hand is not committed over what the group has read meanwhile, and everything is somewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_frozen_for_longer_than_its_session_commits_nothing_of_the_others() {
    let Some(kafka) = shared().await else { return };
    for protocol in ["classic", "consumer"] {
        let (brokers, topic, group) = (kafka.brokers(), unique("orders"), unique("group"));
        create(&brokers, &topic, 1).await;
        produce(&brokers, &topic, 0..100).await;
        let more = format!("session_timeout_ms = 6000\ndrain_timeout_ms = 3000\ngroup_protocol = \"{protocol}\"");
        let table = table(&brokers, &group, &topic, &more);
        let mut frozen = Member::start(&table);
        frozen.holds(100);
        frozen.freeze();
        let log = new_log();
        let other = Process::start(&log, &table).await;
        // Only when the frozen one has lost it.
        other.reads(1).await;
        produce(&brokers, &topic, 100..200).await;
        assert_eq!(texts_once(&log.records(200).await), numbers(0..200));
        other.commits(&brokers, &group, &topic, 200).await;
        frozen.thaw();
        frozen.opens_and_loses();
        assert_eq!(committed(&brokers, &group, &topic, 1).await, [200], "{protocol}");
        other.stop().await;
        produce(&brokers, &topic, 200..300).await;
        frozen.reads(200..300);
        frozen.stop();
        assert_eq!(committed(&brokers, &group, &topic, 1).await, [300], "{protocol}");
    }
}
