//! The bare sides: a plain HTTP client with bodies that are ready, or that it makes of documents.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use bytes::Bytes;
use danube_wasm_benches::Clock;
use reqwest::{Client, Url};
use tokio::task::JoinSet;

use crate::{BATCH, IN_FLIGHT, TABLE, rows};

/// First argument of this process.
pub(crate) const ROLE: &str = "bare";
/// The same, from JSON.
pub(crate) const ROLE_JSON: &str = "bare-json";

/// What becomes the body of an insert.
enum Batch {
    Ready(Bytes),
    Documents(Vec<String>),
}

/// Inserts so many rows.
pub(crate) async fn insert(url: String, total: u64, is_ready: bool) -> Result<()> {
    let query = format!(
        "INSERT INTO {TABLE} ({}) FORMAT RowBinaryWithNamesAndTypes",
        rows::names()
    );
    let url = Url::parse_with_params(&url, [("query", &*query), ("async_insert", "0")])?;
    let batches = Arc::new(Mutex::new(batches(total, is_ready)?.into_iter()));
    let client = Client::new();
    let clock = Clock::started()?;
    let mut connections = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (client, url, batches) = (client.clone(), url.clone(), batches.clone());
        connections.spawn(async move {
            let next = || batches.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some(batch) = next() {
                post(&client, &url, batch.body()?).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = connections.join_next().await {
        ended??;
    }
    println!("{}", clock.account(total)?);
    Ok(())
}

async fn post(client: &Client, url: &Url, body: Bytes) -> Result<()> {
    let request = client.post(url.clone()).header("content-encoding", "zstd").body(body);
    let answer = request.send().await?;
    let status = answer.status();
    let said = answer.text().await?;
    ensure!(status.is_success(), "{status}: {said}");
    Ok(())
}

impl Batch {
    fn body(self) -> Result<Bytes> {
        match self {
            Self::Ready(body) => Ok(body),
            Self::Documents(documents) => {
                body(|out| documents.iter().try_for_each(|document| rows::binary_of(document, out)))
            }
        }
    }
}

fn batches(total: u64, is_ready: bool) -> Result<Vec<Batch>> {
    let batch = |first: u64| {
        let numbers = first..total.min(first + BATCH);
        Ok(match is_ready {
            true => Batch::Ready(body(|out| {
                numbers.for_each(|i| rows::binary(i, out));
                Ok(())
            })?),
            false => Batch::Documents(numbers.map(rows::document).collect()),
        })
    };
    (0..total).step_by(BATCH as usize).map(batch).collect()
}

/// Compressed as the sink compresses.
fn body(put_rows: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<Bytes> {
    let mut body = Vec::new();
    rows::header(&mut body);
    put_rows(&mut body)?;
    Ok(Bytes::from(zstd::bulk::compress(&body, 1)?))
}
