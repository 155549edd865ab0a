//! Publishes to a Danube cluster and consumes from it, and says every second how far it is: for watching what a
//! broker's restart does.
//!
//! `cargo run -p danube-wasm-broker-danube --example traffic -- http://127.0.0.1:6650 [SECONDS] [RECORDS/S]`

use std::{
    collections::{HashMap, HashSet},
    env,
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use danube_wasm_broker::{Broker, ConsumerOptions, Outgoing, StartAt, TopicSpec};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_model::{ConnectorId, RecordId, SubscriptionType, TopicName};
use tokio::time::{Instant, interval};

#[derive(Default)]
struct Seen {
    confirmed: HashSet<String>,
    failed: u64,
    received: HashMap<String, u32>,
    /// Records of a key whose first occurrence came after that of a later one.
    disordered: u64,
    newest: HashMap<Vec<u8>, u64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "http://127.0.0.1:6650".into());
    let seconds: u64 = args.next().map_or(Ok(30), |text| text.parse())?;
    let rate: u64 = args.next().map_or(Ok(500), |text| text.parse())?;
    let danube = Danube::open(DanubeOptions::new([url]))?;
    let run = std::process::id();
    let topic: TopicName = format!("/default/traffic-{run}").parse()?;
    let spec = TopicSpec {
        partitions: 3,
        reliable_dispatch: true,
        ..TopicSpec::default()
    };
    danube.create_topic(&topic, spec).await?;
    let mut consumer = danube
        .subscribe(ConsumerOptions {
            topic: topic.clone(),
            subscription: "traffic".into(),
            subscription_type: SubscriptionType::Exclusive,
            consumer: "traffic/one".into(),
            start: StartAt::Earliest,
            unacknowledged_max: 1000,
        })
        .await?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let counted = seen.clone();
    tokio::spawn(async move {
        let acker = consumer.acker();
        loop {
            let messages = match consumer.receive(100).await {
                Ok(messages) => messages,
                Err(error) => {
                    println!("receive: {error}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            if let Ok(mut seen) = counted.lock() {
                for message in &messages {
                    let n: u64 = std::str::from_utf8(&message.payload)
                        .ok()
                        .and_then(|t| t.parse().ok())
                        .unwrap_or(0);
                    let times = seen.received.entry(message.id.to_string()).or_default();
                    *times += 1;
                    if *times == 1 {
                        let key = message.key.as_deref().unwrap_or_default().to_vec();
                        let newest = seen.newest.entry(key).or_default();
                        let late = n < *newest;
                        *newest = n.max(*newest);
                        seen.disordered += u64::from(late);
                    }
                }
            }
            let (acker, ids) = (acker.clone(), messages.iter().map(|m| m.message_id).collect::<Vec<_>>());
            tokio::spawn(async move {
                if let Err(error) = acker.ack(&ids).await {
                    println!("ack: {error}");
                }
            });
        }
    });
    let publisher = danube.publisher("traffic/source").await?;
    let connector = ConnectorId::try_new("traffic", "source")?;
    let mut ticks = interval(Duration::from_millis(10));
    let began = Instant::now();
    let (mut sent, mut told) = (0_u64, 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        ticks.tick().await;
        let due = u64::try_from(began.elapsed().as_millis())? * rate / 1000;
        let groups: Vec<Vec<Outgoing>> = (sent..due)
            .map(|n| {
                vec![Outgoing {
                    topic: topic.clone(),
                    key: Some(format!("key-{}", n % 20).into()),
                    payload: n.to_string().into(),
                    attributes: Vec::new(),
                    id: RecordId::derive(&connector, "", &n.to_string(), 0),
                    schema: None,
                }]
            })
            .collect();
        sent = due;
        let ids: Vec<String> = groups.iter().flatten().map(|record| record.id.to_string()).collect();
        let (fate, fates) = (publisher.publish(groups), seen.clone());
        tokio::spawn(async move {
            let results = fate.await;
            if let Ok(mut seen) = fates.lock() {
                for (id, result) in ids.into_iter().zip(results) {
                    match result {
                        Ok(_) => drop(seen.confirmed.insert(id)),
                        Err(error) => {
                            if seen.failed == 0 {
                                println!("publish: {error}");
                            }
                            seen.failed += 1;
                        }
                    }
                }
            }
        });
        if began.elapsed().as_secs() > told {
            told = began.elapsed().as_secs();
            let ready = danube.ready().await.map_or_else(|e| e.to_string(), |()| "ready".into());
            report(told, sent, &seen, &ready);
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    report(seconds + 3, sent, &seen, "end");
    Ok(())
}

fn report(second: u64, sent: u64, seen: &Mutex<Seen>, ready: &str) {
    let Ok(seen) = seen.lock() else { return };
    let lost = seen
        .confirmed
        .iter()
        .filter(|id| !seen.received.contains_key(*id))
        .count();
    let twice = seen.received.values().filter(|times| **times > 1).count();
    println!(
        "{second:3} s  sent {sent}  confirmed {}  failed {}  received {}  confirmed and not received {lost}  twice {twice}  \
         out of order {}  {ready}",
        seen.confirmed.len(),
        seen.failed,
        seen.received.len(),
        seen.disordered,
    );
}
