//! The bare side: the types and stubs of `qdrant-client`, without anything of its own client or of ours around them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use danube_wasm_benches::Clock;
use qdrant_client::qdrant::{UpdateStatus, UpsertPoints, points_client::PointsClient};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::{COLLECTION, IN_FLIGHT, REQUEST, rows};

/// First argument of this process.
pub(crate) const ROLE: &str = "bare";

/// Upserts so many points.
pub(crate) async fn upsert(url: String, total: u64) -> Result<()> {
    let requests: Vec<UpsertPoints> = (0..total)
        .step_by(REQUEST as usize)
        .map(|i| request(i, total))
        .collect();
    let requests = Arc::new(Mutex::new(requests.into_iter()));
    let client = PointsClient::new(Channel::from_shared(url)?.connect().await?);
    let clock = Clock::started()?;
    let mut calls = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (client, requests) = (client.clone(), requests.clone());
        calls.spawn(async move {
            let next = || requests.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some(request) = next() {
                call(client.clone(), request).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = calls.join_next().await {
        ended??;
    }
    println!("{}", clock.account(total)?);
    Ok(())
}

async fn call(mut client: PointsClient<Channel>, request: UpsertPoints) -> Result<()> {
    let result = client.upsert(request).await?.into_inner().result.context("no result")?;
    ensure!(result.status() == UpdateStatus::Completed, "{result:?}");
    Ok(())
}

fn request(first: u64, total: u64) -> UpsertPoints {
    UpsertPoints {
        collection_name: COLLECTION.to_owned(),
        wait: Some(true),
        points: (first..total.min(first + REQUEST)).map(rows::point).collect(),
        ..UpsertPoints::default()
    }
}
