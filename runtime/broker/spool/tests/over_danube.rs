//! A spool in front of our Danube client, in front of our broker on a real socket, which is killed and forgets.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::{collections::HashSet, sync::Arc};

use danube_wasm_broker::{Broker, TopicSpec};
use danube_wasm_broker_spool::{Spool, SpoolOptions};
use support::{gated::Gated, served::Served, *};

/// `n` texts of seven keys, from number `from`.
fn numbered(from: usize, n: usize) -> Vec<String> {
    (from..from + n).map(|i| format!("k{}:{i}", i % 7)).collect()
}

async fn open_over(broker: Arc<dyn Broker>, options: SpoolOptions) -> Arc<Spool> {
    let spool = Spool::open(broker, options).await.unwrap();
    let spec = TopicSpec {
        partitions: 3,
        ..spec()
    };
    spool.create_topic(&topic(), spec).await.unwrap();
    spool
}

/// All confirmed records are in the broker, and those of one key came first in their order.
async fn has_all_in_order(mut served: Served, confirmed: &[String]) {
    let n = served.count().await;
    let mut seen = HashSet::new();
    let mut first = served.into_texts(n).await;
    first.retain(|text| seen.insert(text.clone()));
    assert_eq!(first.len(), confirmed.len(), "each is there");
    for key in 0..7 {
        let prefix = format!("k{key}:");
        let of_key = |texts: &[String]| {
            texts
                .iter()
                .filter(|t| t.starts_with(&prefix))
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(of_key(&first), of_key(confirmed), "order of key {key}");
    }
}

#[tokio::test]
async fn a_broker_that_is_killed_again_and_again_has_everything_in_the_end() {
    let (directory, mut served) = (tempfile::tempdir().unwrap(), Served::start().await);
    let spool = open_over(served.client(), soon_safe(directory.path())).await;
    let texts = numbered(0, 2000);
    let (publishing, to_publish) = (spool.clone(), texts.clone());
    let publishing = tokio::spawn(async move {
        for part in to_publish.chunks(50) {
            publish(&*publishing, part).await;
        }
    });
    for _ in 0..5 {
        status(&spool, |status| status.unconfirmed > 0 || publishing.is_finished()).await;
        served.restart().await;
    }
    publishing.await.unwrap();
    status(&spool, |status| status.records == 0 && status.troubles.is_empty()).await;
    spool.close().await.unwrap();
    has_all_in_order(served, &texts).await;
}

#[tokio::test]
async fn a_broker_that_forgets_what_it_acknowledged_gets_it_again_in_order() {
    let (directory, mut served) = (tempfile::tempdir().unwrap(), Served::start().await);
    let nothing = served.snapshot().await;
    let spool = open_over(served.client(), options(directory.path())).await;
    let mut confirmed = Vec::new();
    let mut snapshot = nothing;
    for round in 0..6 {
        let (before, during) = (numbered(round * 200, 100), numbered(round * 200 + 100, 100));
        publish(&*spool, &before).await;
        confirmed.extend(before);
        let all = confirmed.len() as u64;
        status(&spool, |status| status.unconfirmed == all).await;
        // It has acknowledged everything, and forgets it while more is handed over.
        tokio::join!(publish(&*spool, &during), served.forget(snapshot.path()));
        confirmed.extend(during);
        if round % 2 == 1 {
            let all = confirmed.len() as u64;
            status(&spool, |status| status.unconfirmed == all).await;
            snapshot = served.snapshot().await;
        }
    }
    spool.close().await.unwrap();
    drop(spool);
    let spool = open_over(served.client(), soon_safe(directory.path())).await;
    status(&spool, |status| status.records == 0 && status.troubles.is_empty()).await;
    spool.close().await.unwrap();
    has_all_in_order(served, &confirmed).await;
}

#[tokio::test]
async fn a_loss_while_nothing_is_published_is_found_by_asking() {
    let (directory, mut served) = (tempfile::tempdir().unwrap(), Served::start().await);
    let gated = Gated::new(served.client());
    let spool = open_over(gated.clone(), soon_safe(directory.path())).await;
    let no_messages = served.snapshot().await;
    let texts = numbered(0, 100);
    publish(&*spool, &texts).await;
    status(&spool, |status| status.unconfirmed == 100).await;
    served.forget(no_messages.path()).await;
    gated.open();
    status(&spool, |status| status.records == 0 && status.troubles.is_empty()).await;
    spool.close().await.unwrap();
    has_all_in_order(served, &texts).await;
}
