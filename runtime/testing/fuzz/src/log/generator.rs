//! Makes the logs of `logs/`: `cargo run -p danube-wasm-fuzz --example make-logs`.

use std::{io::Write, sync::Arc};

use bytes::Bytes;
use danube_wasm_broker::{
    Broker, ConsumerOptions, Outgoing, Result, StartAt, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};
use flate2::{Compression, write::GzEncoder};

use super::{disk::MemoryDisk, examine};

/// An empty log; one with every feature of a log; the same after a power cut; and the same before anything was
/// acknowledged or deleted, with every message that was ever published.
pub(super) const NAMES: [&str; 4] = ["empty", "closed", "crashed", PUBLISHED];
pub(super) const PUBLISHED: &str = "published";

/// The logs, each packed, by the name of its file.
pub fn generate() -> Vec<(String, Vec<u8>)> {
    let (empty, filled) = (MemoryDisk::default(), MemoryDisk::default());
    let snapshots: Result<_> = examine::block_on(async {
        open(&empty)?.0.close().await?;
        let (broker, _directory) = open(&filled)?;
        publish(&broker).await?;
        let published = filled.image();
        consume(&broker).await?;
        let crashed = filled.image();
        broker.close().await?;
        Ok((crashed, published))
    });
    let (crashed, published) = snapshots.expect("they are written");
    let images = [empty.image(), filled.image(), crashed, published];
    let files = NAMES.iter().zip(images);
    files
        .map(|(name, image)| (format!("{name}.redb.gz"), pack(&image)))
        .collect()
}

fn pack(image: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(image).expect("memory");
    encoder.finish().expect("memory")
}

fn open(disk: &MemoryDisk) -> Result<(Arc<EmbeddedBroker>, tempfile::TempDir)> {
    // For its lock only.
    let directory = tempfile::tempdir().expect("a directory");
    let options = EmbeddedOptions {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(|| examine::NOW_MS),
        ..EmbeddedOptions::default()
    };
    Ok((EmbeddedBroker::open(directory.path(), options)?, directory))
}

fn topic(name: &str) -> TopicName {
    name.parse().expect("a topic")
}

/// Topics with and without partitions, one that will be gone, a schema.
async fn publish(broker: &EmbeddedBroker) -> Result<()> {
    for (name, partitions) in [("/fuzz/plain", 0), ("/fuzz/parts", 3), ("/fuzz/gone", 0)] {
        let spec = TopicSpec {
            partitions,
            ..TopicSpec::default()
        };
        broker.create_topic(&topic(name), spec).await?;
    }
    let registered = broker.registry().register("subject", "json_schema", "{}").await?;
    broker.registry().register("subject", "string", "").await?;
    let publisher = broker.publisher("generator").await?;
    for n in 0..24_u32 {
        let schema = (n % 2 == 0).then_some(registered.reference);
        let groups = ["/fuzz/plain", "/fuzz/parts", "/fuzz/gone"].map(|name| {
            vec![Outgoing {
                topic: topic(name),
                key: (n % 3 > 0).then(|| Bytes::from(vec![b'k', (n % 5) as u8])),
                payload: Bytes::from(format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(n as usize * 20))),
                attributes: vec![("n".to_owned(), n.to_string())],
                id: RecordId::from_broker(format!("p/c/in:{n}.0")),
                schema,
            }]
        });
        for published in publisher.publish(groups.into()).await {
            published?;
        }
    }
    Ok(())
}

/// A subscription that has done some of it, a topic that is gone.
async fn consume(broker: &EmbeddedBroker) -> Result<()> {
    for name in ["/fuzz/plain", "/fuzz/parts"] {
        consume_some(broker, name).await?;
    }
    let admin = broker.admin().expect("a log has one");
    admin.delete_topic(&topic("/fuzz/gone")).await
}

/// Half of it, with gaps.
async fn consume_some(broker: &EmbeddedBroker, name: &str) -> Result<()> {
    let mut consumer = broker
        .subscribe(ConsumerOptions {
            topic: topic(name),
            subscription: "worker".to_owned(),
            subscription_type: SubscriptionType::KeyShared,
            consumer: "generator".to_owned(),
            start: StartAt::Earliest,
            unacknowledged_max: 100,
        })
        .await?;
    let mut given = Vec::new();
    while given.len() < 24 {
        given.extend(consumer.receive(24).await?);
    }
    let done = given.iter().map(|message| message.message_id);
    let done: Vec<_> = done.filter(|id| id.offset < 2 || id.offset % 3 == 0).collect();
    consumer.acker().ack(&done).await
}
