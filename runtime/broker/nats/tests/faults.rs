//! What happens to servers: leaders that are killed under load, and a bit that is flipped on a disk.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test may end so")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use danube_wasm_broker::{Broker as _, ErrorKind, SeekTo};
use danube_wasm_broker_nats::{Auth, Nats, NatsOptions, Secret};
use danube_wasm_model::SubscriptionType::{self, Exclusive, KeyShared, Shared};
use danube_wasm_testkit::nats::NatsServer;
use futures_util::StreamExt as _;
use support::{Three, ack, create, one, open, options, publish, record, subscribe, text, three, topic, within};

const KEYS: usize = 8;

/// Who leads a stream.
async fn leader(servers: &[NatsServer], stream: &str) -> Option<usize> {
    for server in servers {
        let Ok(client) = async_nats::connect(server.url()).await else {
            continue;
        };
        let Ok(answer) = client.request(format!("$JS.API.STREAM.INFO.{stream}"), "".into()).await else {
            continue;
        };
        let info: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
        let name = info["cluster"]["leader"].as_str()?;
        return name.strip_prefix('n')?.parse().ok();
    }
    None
}

/// Publishes numbered records of some keys, one call after the other, each until it is confirmed.
async fn publish_all(nats: Arc<Nats>, rounds: usize) {
    let publisher = nats.publisher("p").await.unwrap();
    for round in 0..rounds {
        let group = |key: usize| vec![record(&topic("t"), Some(&format!("k{key}")), &format!("{key}.{round}"))];
        let mut groups: Vec<_> = (0..KEYS).map(group).collect();
        while !groups.is_empty() {
            let fates = publish(&*publisher, groups.clone()).await;
            let failed: Vec<bool> = fates.iter().map(Result::is_err).collect();
            if let Some(error) = fates.iter().find_map(|fate| fate.as_ref().err()) {
                assert!(error.is_transient(), "{error}");
            }
            let mut failed = failed.into_iter();
            groups.retain(|_| failed.next().unwrap_or(false));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_are_killed_under_load_and_nothing_is_lost_or_out_of_order() {
    let Some(mut three) = three() else { return };
    let options = three.options();
    kill_leaders(&mut three.servers, options, Exclusive).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_are_killed_under_load_of_a_key_shared_subscription() {
    let Some(mut three) = three() else { return };
    let options = three.options();
    kill_leaders(&mut three.servers, options, KeyShared).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_server_is_killed_under_load_and_nothing_is_lost_or_out_of_order() {
    for kind in [Exclusive, KeyShared] {
        let Some(mut one) = one("") else { return };
        let options = options(&one.server);
        kill_leaders(std::slice::from_mut(&mut one.server), options, kind).await;
    }
}

async fn kill_leaders(servers: &mut [NatsServer], options: NatsOptions, kind: SubscriptionType) {
    const ROUNDS: usize = 400;
    let nats = open(options);
    create(&nats, &topic("t")).await;
    let mut consumer = subscribe(&nats, &topic("t"), kind).await;
    let publishing = tokio::spawn(publish_all(nats.clone(), ROUNDS));
    let (mut orders, mut seen, mut kills) = (BTreeMap::<String, usize>::new(), BTreeSet::new(), 0);
    while seen.len() < ROUNDS * KEYS {
        let messages = match within(consumer.receive(200)).await {
            Ok(messages) => messages,
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                continue;
            }
        };
        for message in &messages {
            let (key, number) = text(message).split_once('.').unwrap();
            let number: usize = number.parse().unwrap();
            if seen.insert(text(message).to_owned()) {
                let next = orders.entry(key.to_owned()).or_default();
                assert_eq!(number, *next, "the next one of key {key}");
                *next += 1;
            }
        }
        ack(&*consumer, &messages).await;
        if kills < 3 && seen.len() > (kills + 1) * ROUNDS * KEYS / 5 {
            let killed = within(leader(servers, "dw=default=t")).await.unwrap_or(0);
            servers[killed].kill();
            servers[killed].run();
            kills += 1;
        }
    }
    within(publishing).await.unwrap();
    assert_eq!(kills, 3);
    let topics = within(nats.admin().unwrap().topics()).await.unwrap();
    println!("{} messages of {} records", topics[0].messages.unwrap(), ROUNDS * KEYS);
    assert_eq!(topics[0].messages, Some((ROUNDS * KEYS) as u64), "none is stored twice");
}

/// Publishes large records until there are several blocks.
async fn fill(nats: &Nats, number: usize) {
    create(nats, &topic("t")).await;
    let publisher = nats.publisher("p").await.unwrap();
    for n in 0..number / 100 {
        let text = |m: usize| format!("{}{}", n * 100 + m, "x".repeat(10 << 10));
        let groups = (0..100).map(|m| vec![record(&topic("t"), None, &text(m))]).collect();
        for fate in publish(&*publisher, groups).await {
            fate.unwrap();
        }
    }
}

/// The blocks of a topic, oldest first.
fn blocks(store: &Path) -> Vec<PathBuf> {
    fn find(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => find(&path, found),
                false if path.extension().is_some_and(|e| e == "blk") => found.push(path),
                false => {}
            }
        }
    }
    let mut found = Vec::new();
    find(store, &mut found);
    found.retain(|path| path.to_string_lossy().contains("dw=default=t/msgs/"));
    found.sort_by_key(|path| path.file_stem().and_then(|s| s.to_str()?.parse::<u64>().ok()));
    found
}

fn flip_a_bit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let place = bytes.len() / 4;
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_on_the_only_disk_is_told_and_nothing_is_delivered_as_if_it_were_all() {
    let Some(mut one) = one("") else { return };
    fill(&open(options(&one.server)), 2_000).await;
    one.server.kill();
    let blocks = blocks(&one.server.store());
    assert!(blocks.len() >= 2, "{blocks:?}");
    flip_a_bit(&blocks[0]);
    one.server.run();
    let nats = open(options(&one.server));
    let mut consumer = subscribe(&nats, &topic("t"), Shared).await;
    let error = within(consumer.receive(10)).await.expect_err("is damaged");
    println!("{error}");
    assert_eq!(error.kind, ErrorKind::Incompatible);
    for part in ["NATS has lost", "of /default/t", "peer-remove"] {
        assert!(error.message.contains(part), "{error}");
    }
    let mut delivery = consumer.delivery();
    within(delivery.wait_for(|delivery| delivery.standstill.is_some()))
        .await
        .unwrap();
    assert_eq!(nats.gaps().len(), 1);
    // An operator goes on without them.
    assert_eq!(nats.acknowledge_gaps(&topic("t"), "s").len(), 1);
    assert!(nats.gaps().is_empty());
    assert!(!within(consumer.receive(10)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_on_the_leaders_disk_costs_nothing_where_others_have_the_messages() {
    const RECORDS: usize = 2_000;
    let Some(mut three) = three() else { return };
    fill(&open(three.options()), RECORDS).await;
    let damaged = within(leader(&three.servers, "dw=default=t")).await.unwrap();
    three.servers.iter_mut().for_each(NatsServer::kill);
    flip_a_bit(&blocks(&three.servers[damaged].store())[0]);
    for server in &mut three.servers {
        server.run();
    }
    let nats = open(three.options());
    let mut consumer = within(async {
        loop {
            let options = danube_wasm_broker::ConsumerOptions {
                topic: topic("t"),
                subscription: "s".into(),
                subscription_type: Shared,
                consumer: "c".into(),
                start: danube_wasm_broker::StartAt::Earliest,
                unacknowledged_max: 1_000,
            };
            match nats.subscribe(options).await {
                Ok(consumer) => break consumer,
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let mut seen = BTreeSet::new();
    while seen.len() < RECORDS {
        let messages = within(consumer.receive(500)).await.unwrap();
        ack(&*consumer, &messages).await;
        seen.extend(
            messages
                .iter()
                .map(|message| text(message).trim_end_matches('x').to_owned()),
        );
    }
    assert_eq!(seen.len(), RECORDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_that_is_moved_is_read_from_there_and_old_acknowledgements_resolve() {
    let Some(one) = one("") else { return };
    let nats = open(options(&one.server));
    create(&nats, &topic("t")).await;
    let publisher = nats.publisher("p").await.unwrap();
    for n in 0..10 {
        publish(&*publisher, vec![vec![record(&topic("t"), None, &n.to_string())]])
            .await
            .remove(0)
            .unwrap();
    }
    let mut consumer = subscribe(&nats, &topic("t"), Exclusive).await;
    let mut messages = Vec::new();
    while messages.len() < 10 {
        messages.extend(within(consumer.receive(10)).await.unwrap());
    }
    ack(&*consumer, &messages[..6]).await;
    let admin = open(options(&one.server)).admin().unwrap();
    let report = within(admin.seek(&topic("t"), "s", SeekTo::Earliest)).await.unwrap();
    assert_eq!((report.read_again, report.left_out), (6, 0));
    // Of before the move: it does not hang. The server may take it for the new delivery, which has the same number.
    ack(&*consumer, &messages[6..]).await;
    let mut again = BTreeSet::new();
    while !(0..6).all(|n| again.contains(&n.to_string())) {
        let messages = within(consumer.receive(10)).await.unwrap();
        again.extend(messages.iter().map(|message| text(message).to_owned()));
        ack(&*consumer, &messages).await;
    }
    let report = within(admin.seek(&topic("t"), "s", SeekTo::PublishTimeMs(messages[4].publish_time_ms)))
        .await
        .unwrap();
    assert!(report.left_out == 0 && report.oldest_ms.is_some(), "{report:?}");
    let report = within(admin.seek(&topic("t"), "s", SeekTo::Latest)).await.unwrap();
    assert_eq!((report.read_again, report.gone), (0, 0), "{report:?}");
    within(admin.delete_subscription(&topic("t"), "s")).await.unwrap();
    let error = loop {
        match within(consumer.receive(10)).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("was deleted"), "{error}");
}

/// The user that pulls may not, until the configuration says otherwise.
const DENIED: &str = "publish: { deny: \"$JS.API.CONSUMER.MSG.NEXT.>\" }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_has_messages_and_delivers_none_gets_another_leader_and_goes_on() {
    let users = format!(
        "authorization {{ users: [ {{ user: ours, password: p, permissions: {{ {DENIED} }} }}, {{ user: other, password: p }} ] }}"
    );
    let directory = tempfile::tempdir().unwrap();
    let Some(servers) = NatsServer::start_cluster(directory.path(), 3, &users) else {
        return;
    };
    let three = Three { directory, servers };
    let mut options = three.options();
    options.auth = Auth::Password {
        user: "ours".to_owned(),
        password: Secret::new("p"),
    };
    options.standstill_after = Duration::from_secs(1);
    options.ack_wait = Duration::from_secs(3);
    let nats = open(options);
    create(&nats, &topic("t")).await;
    let other = async_nats::ConnectOptions::with_user_and_password("other".to_owned(), "p".to_owned());
    let other = within(other.connect(three.servers[0].url())).await.unwrap();
    let mut elections = within(other.subscribe("$JS.EVENT.ADVISORY.CONSUMER.LEADER_ELECTED.>"))
        .await
        .unwrap();
    let mut consumer = subscribe(&nats, &topic("t"), Shared).await;
    let publisher = nats.publisher("p").await.unwrap();
    let fates = publish(&*publisher, vec![vec![record(&topic("t"), None, "1")]]).await;
    assert!(fates[0].is_ok(), "{fates:?}");
    // The first leader, and the one that replaces it.
    for _ in 0..2 {
        within(elections.next()).await.expect("an election");
    }
    for server in &three.servers {
        server.configure(DENIED, "publish: \">\"");
        server.reload();
    }
    let messages = within(consumer.receive(10)).await.unwrap();
    assert_eq!(text(&messages[0]), "1");
    ack(&*consumer, &messages).await;
}
