//! A log is copied to NATS and back: everything is there, every subscription goes on where it was.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test may end so")]

mod support;

use std::{process::Command, sync::Arc, time::Duration};

use danube_wasm_broker::{
    Broker as _, ErrorKind, SeekTo, TopicSpec,
    copying::CopySource as _,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_broker_migrate::{MigrationOptions, TopicState, copy_notes, migrate};
use danube_wasm_broker_nats::{Nats, NatsOptions};
use danube_wasm_testkit::nats::NatsServer;
use support::{DEADLINE, copy, expect_left, fill, fill_topic, log, nats, receive, subscribe, topic, within};

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_copied_to_nats_with_its_positions() {
    let directory = tempfile::tempdir().unwrap();
    let Some(server) = NatsServer::start(&directory.path().join("nats"), "") else {
        return;
    };
    let log = log(&directory.path().join("log"));
    let left = fill(&*log, 3_000).await;
    let to = nats(&server);
    let report = copy(&*log, &*to, false).await.unwrap();
    let messages: Vec<_> = report
        .topics
        .iter()
        .map(|topic| (topic.topic.as_str(), topic.messages.unwrap()))
        .collect();
    assert_eq!(
        messages,
        [
            ("/default/orders", 3_000),
            ("/default/orders-dlq", 5),
            ("/default/plain", 300)
        ]
    );
    assert!(
        report
            .topics
            .iter()
            .all(|topic| topic.state == TopicState::Copied && topic.had == 0)
    );
    assert!(
        report
            .topics
            .iter()
            .flat_map(|topic| &topic.subscriptions)
            .all(|subscription| subscription.again == 0)
    );
    assert_eq!(report.schemas, 3);
    to.close().await.unwrap();
    log.close().await.unwrap();
    let used = nats(&server);
    for info in used.admin().unwrap().subscriptions().await.unwrap() {
        let ids = left
            .get(&(
                info.topic.clone(),
                info.subscription.clone(),
                info.subscription_type.unwrap(),
            ))
            .unwrap();
        assert_eq!(info.lag, Some(ids.len() as u64), "{info:?}");
    }
    expect_left(&*used, &left).await;
    let versions = used.registry().versions("orders").await.unwrap();
    assert_eq!(versions.len(), 2);
    // A subscription that is new, or set back, meets what was kept, by the time that it was published.
    let mut again = subscribe(
        &*used,
        &topic("plain"),
        "again",
        danube_wasm_model::SubscriptionType::Shared,
    )
    .await;
    let messages = receive(&mut *again, 300).await;
    assert_eq!(messages[0].schema, Some(versions[0].reference));
    let middle = messages[150].publish_time_ms;
    let admin = used.admin().unwrap();
    let report = within(admin.seek(&topic("plain"), "again", SeekTo::PublishTimeMs(middle)))
        .await
        .unwrap();
    let later = messages
        .iter()
        .filter(|message| message.publish_time_ms >= middle)
        .count() as u64;
    assert_eq!(300 - report.left_out, later, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_copied_from_nats_with_its_positions() {
    let directory = tempfile::tempdir().unwrap();
    let Some(server) = NatsServer::start(&directory.path().join("nats"), "") else {
        return;
    };
    let used = nats(&server);
    let left = fill(&*used, 2_000).await;
    used.close().await.unwrap();
    let (from, to) = (nats(&server), log(&directory.path().join("log")));
    let report = copy(&*from, &*to, false).await.unwrap();
    assert_eq!(report.topics[0].messages, Some(2_000));
    to.close().await.unwrap();
    let log = EmbeddedBroker::open(&directory.path().join("log"), EmbeddedOptions::default()).unwrap();
    expect_left(&*log, &left).await;
    // It was not changed by that.
    from.close().await.unwrap();
    expect_left(&*nats(&server), &left).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_by_a_dry_run_and_what_would_not_fit_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let Some(server) = NatsServer::start(&directory.path().join("nats"), "") else {
        return;
    };
    let log = log(&directory.path().join("log"));
    fill_topic(&*log, &topic("orders"), 3, 1_000).await;
    let to = nats(&server);
    let dry = MigrationOptions {
        resume: false,
        dry_run: true,
    };
    let report = within(migrate(&*log, &*to, dry, &|_| {})).await.unwrap();
    assert_eq!(
        (report.topics[0].state, report.topics[0].messages),
        (TopicState::Planned, Some(1_000))
    );
    assert!(to.admin().unwrap().topics().await.unwrap().is_empty());
    let mut large = support::nats_options(&server);
    large.topic_bytes_max = 10_000;
    let error = within(migrate(&*log, &*Nats::open(large).unwrap(), dry, &|_| {}))
        .await
        .expect_err("too much");
    says(&error.message, &["/default/orders", "topic_bytes_max"]);
    let publisher = log.publisher("p").await.unwrap();
    let record = danube_wasm_broker::Outgoing {
        topic: topic("orders"),
        key: None,
        payload: vec![0; 2 << 20].into(),
        attributes: Vec::new(),
        id: danube_wasm_model::RecordId::from_broker("large".into()),
        schema: None,
    };
    publisher.publish(vec![vec![record]]).await.remove(0).unwrap();
    let error = within(migrate(&*log, &*to, dry, &|_| {})).await.expect_err("too large");
    assert_eq!(error.kind, ErrorKind::TooLarge);
    says(&error.message, &["record large", "max_payload"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_not_empty_or_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let Some(server) = NatsServer::start(&directory.path().join("nats"), "") else {
        return;
    };
    let log_a = log(&directory.path().join("a"));
    fill_topic(&*log_a, &topic("orders"), 0, 10).await;
    let to = nats(&server);
    copy(&*log_a, &*to, false).await.unwrap();
    let error = copy(&*log_a, &*to, false).await.expect_err("is not empty");
    says(&error.message, &["not empty", "/default/orders", "--resume"]);
    // Complete already.
    let report = copy(&*log_a, &*to, true).await.unwrap();
    assert_eq!(report.topics[0].state, TopicState::CopiedBefore);
    let log_b = log(&directory.path().join("b"));
    fill_topic(&*log_b, &topic("orders"), 0, 10).await;
    let error = copy(&*log_b, &*to, true).await.expect_err("is of another");
    says(
        &error.message,
        &["/default/orders", "is a copy from embedded://", "not from"],
    );
    let _consumer = subscribe(
        &*nats(&server),
        &topic("orders"),
        "s",
        danube_wasm_model::SubscriptionType::Shared,
    )
    .await;
    within(async {
        while copy(&*to, &*log_b, true).await.is_ok_and(|_| false) {}
        loop {
            match copy(&*to, &*log(&directory.path().join("c")), false).await {
                Err(error) if error.message.contains("is being consumed") => return,
                other => drop(other),
            }
            tokio::fs::remove_dir_all(directory.path().join("c")).await.unwrap();
        }
    })
    .await;
}

/// In a process of its own, to be killed: copies a log to servers until it is done.
#[tokio::test]
#[ignore = "is started by other tests"]
async fn copier() {
    let (from, servers) = (std::env::var("COPY_FROM").unwrap(), std::env::var("COPY_TO").unwrap());
    let servers: Vec<String> = servers.split(',').map(str::to_owned).collect();
    let options = options_of(servers);
    copy(&*log(from.as_ref()), &*Nats::open(options).unwrap(), true)
        .await
        .unwrap();
}

fn options_of(servers: Vec<String>) -> NatsOptions {
    let single = servers.len() == 1;
    let mut options = NatsOptions::new(servers);
    if single {
        (options.replicas, options.accept_loss) = (1, true);
    }
    options.topic_bytes_max = 1 << 30;
    (options.publish_timeout, options.request_timeout) = (Duration::from_secs(60), Duration::from_secs(60));
    options
}

struct Copier(std::process::Child);

impl Copier {
    fn start(from: &std::path::Path, servers: &[String]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["copier", "--exact", "--ignored"]);
        command.env("COPY_FROM", from).env("COPY_TO", servers.join(","));
        command.stdout(std::process::Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until so many messages are there; it must not be complete then.
async fn messages_of(nats: &Arc<Nats>, number: u64) -> u64 {
    within(async {
        loop {
            if let Ok(topics) = nats.admin().unwrap().topics().await {
                let orders = topics.iter().find(|info| info.topic == topic("orders"));
                let messages = orders.and_then(|info| info.messages).unwrap_or(0);
                if messages >= number {
                    return messages;
                }
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_goes_on_and_nothing_is_there_twice() {
    const RECORDS: usize = 12_000;
    let directory = tempfile::tempdir().unwrap();
    let Some(server) = NatsServer::start(&directory.path().join("nats"), "") else {
        return;
    };
    let place = directory.path().join("log");
    let filled = log(&place);
    fill_topic(&*filled, &topic("orders"), 3, RECORDS).await;
    let mut consumer = subscribe(
        &*filled,
        &topic("orders"),
        "some",
        danube_wasm_model::SubscriptionType::Shared,
    )
    .await;
    let messages = receive(&mut *consumer, 3_000).await;
    let acked: Vec<_> = messages.iter().step_by(2).collect();
    support::ack(&*consumer, &acked).await;
    drop(consumer);
    filled.close().await.unwrap();
    drop(filled);
    let watcher = nats(&server);
    for goal in [1, 3_000, 7_000] {
        let copier = Copier::start(&place, &[server.url()]);
        let messages = messages_of(&watcher, goal).await;
        drop(copier);
        println!("killed at {messages} messages");
    }
    // A pipeline that is started now is told.
    let early = nats(&server);
    for error in [
        within(early.create_topic(
            &topic("orders"),
            TopicSpec {
                partitions: 3,
                ..TopicSpec::default()
            },
        ))
        .await
        .err(),
        within(early.probe_topic(&topic("orders"))).await.err(),
    ] {
        let error = error.expect("is not complete");
        assert_eq!(error.kind, ErrorKind::Conflict);
        says(&error.message, &["not copied completely from embedded://", "--resume"]);
    }
    let report = copy(&*log(&place), &*nats(&server), true).await.unwrap();
    let orders = &report.topics[0];
    assert!(orders.had >= 7_000 && orders.had < RECORDS as u64, "{orders:?}");
    let used = nats(&server);
    let info = &used.admin().unwrap().topics().await.unwrap()[0];
    assert_eq!(info.messages, Some(RECORDS as u64));
    let lag = used.admin().unwrap().subscriptions().await.unwrap()[0].lag;
    assert_eq!(lag, Some((RECORDS - acked.len()) as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_goes_on_while_leaders_of_a_cluster_are_killed() {
    const RECORDS: usize = 12_000;
    let directory = tempfile::tempdir().unwrap();
    let Some(mut servers) = NatsServer::start_cluster(&directory.path().join("nats"), 3, "") else {
        return;
    };
    let log = log(&directory.path().join("log"));
    fill_topic(&*log, &topic("orders"), 3, RECORDS).await;
    let options = options_of(servers.iter().map(NatsServer::url).collect());
    let (to, watcher) = (Nats::open(options.clone()).unwrap(), Nats::open(options).unwrap());
    let (from, into) = (log.clone(), to.clone());
    let copying = tokio::spawn(async move { copy(&*from, &*into, false).await });
    for (goal, server) in [(1, 0), (4_000, 1), (8_000, 2)] {
        messages_of(&watcher, goal).await;
        servers[server].kill();
        servers[server].run();
    }
    let report = tokio::time::timeout(DEADLINE, copying).await.unwrap().unwrap().unwrap();
    assert_eq!(report.topics[0].messages, Some(RECORDS as u64));
    let info = within(async {
        loop {
            if let Ok(topics) = watcher.admin().unwrap().topics().await {
                return topics;
            }
        }
    })
    .await;
    assert_eq!(info[0].messages, Some(RECORDS as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_copied_completely_opens_for_the_copy_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (from, place) = (log(&directory.path().join("from")), directory.path().join("to"));
    fill_topic(&*from, &topic("orders"), 3, 5_000).await;
    let to = log(&place);
    {
        let copying = copy(&*from, &*to, false);
        tokio::pin!(copying);
        // Given up as soon as something is there.
        tokio::select! {
            _ = &mut copying => panic!("it was too fast"),
            () = within(async {
                loop {
                    let topics = to.admin().unwrap().topics().await.unwrap();
                    if topics.iter().any(|info| info.messages > Some(0)) {
                        return;
                    }
                }
            }) => {}
        }
    }
    to.close().await.unwrap();
    let error = EmbeddedBroker::open(&place, EmbeddedOptions::default())
        .err()
        .expect("is not complete");
    assert_eq!(error.kind, ErrorKind::Conflict);
    says(
        &error.message,
        &["/default/orders", "not copied completely from embedded://", "--resume"],
    );
    let to = log(&place);
    let report = copy(&*from, &*to, true).await.unwrap();
    assert_eq!(report.topics[0].messages, Some(5_000));
    to.put_note("/default/source", "place".into(), "7".into())
        .await
        .unwrap();
    assert_eq!(copy_notes(&to, &from).await.unwrap(), 1);
    assert_eq!(
        from.all_notebooks().await.unwrap(),
        [("/default/source".into(), "place".into(), "7".into())]
    );
    to.close().await.unwrap();
    let used = EmbeddedBroker::open(&place, EmbeddedOptions::default()).unwrap();
    assert_eq!(used.place(), format!("embedded://{}", place.display()));
}
