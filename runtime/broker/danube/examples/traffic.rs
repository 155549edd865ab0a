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

use danube_wasm_broker::{Broker, Consumer, ConsumerOptions, Message, Outgoing, Publisher, StartAt, TopicSpec};
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

impl Seen {
    fn receive(&mut self, message: &Message) {
        let n: u64 = std::str::from_utf8(&message.payload)
            .ok()
            .and_then(|t| t.parse().ok())
            .unwrap_or(0);
        let times = self.received.entry(message.id.to_string()).or_default();
        *times += 1;
        if *times == 1 {
            let key = message.key.as_deref().unwrap_or_default().to_vec();
            let newest = self.newest.entry(key).or_default();
            self.disordered += u64::from(n < *newest);
            *newest = n.max(*newest);
        }
    }
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
    let consumer = danube
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
    tokio::spawn(consume(consumer, seen.clone()));
    let publisher = danube.publisher("traffic/source").await?;
    let connector = ConnectorId::try_new("traffic", "source")?;
    let mut ticks = interval(Duration::from_millis(10));
    let began = Instant::now();
    let (mut sent, mut reported) = (0_u64, 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        ticks.tick().await;
        let due = u64::try_from(began.elapsed().as_millis())? * rate / 1000;
        let groups = (sent..due).map(|n| vec![record(&connector, &topic, n)]).collect();
        sent = due;
        publish(&*publisher, groups, seen.clone());
        if began.elapsed().as_secs() > reported {
            reported = began.elapsed().as_secs();
            let ready = danube.ready().await.map_or_else(|e| e.to_string(), |()| "ready".into());
            report(reported, sent, &seen, &ready);
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    report(seconds + 3, sent, &seen, "end");
    Ok(())
}

fn record(connector: &ConnectorId, topic: &TopicName, n: u64) -> Outgoing {
    Outgoing {
        topic: topic.clone(),
        key: Some(format!("key-{}", n % 20).into()),
        payload: n.to_string().into(),
        attributes: Vec::new(),
        id: RecordId::derive(connector, "", &n.to_string(), 0),
        schema: None,
    }
}

/// Counts every delivered record and acknowledges it.
async fn consume(mut consumer: Box<dyn Consumer>, seen: Arc<Mutex<Seen>>) {
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
        if let Ok(mut seen) = seen.lock() {
            for message in &messages {
                seen.receive(message);
            }
        }
        let (acker, ids) = (acker.clone(), messages.iter().map(|m| m.message_id).collect::<Vec<_>>());
        tokio::spawn(async move {
            if let Err(error) = acker.ack(&ids).await {
                println!("ack: {error}");
            }
        });
    }
}

/// Publishes the groups and counts their results when they arrive.
fn publish(publisher: &dyn Publisher, groups: Vec<Vec<Outgoing>>, seen: Arc<Mutex<Seen>>) {
    let ids: Vec<String> = groups.iter().flatten().map(|record| record.id.to_string()).collect();
    let results = publisher.publish(groups);
    tokio::spawn(async move {
        let results = results.await;
        let Ok(mut seen) = seen.lock() else { return };
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
    });
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
