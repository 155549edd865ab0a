//! The sender: gRPC with messages that are encoded already, on one thread.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use bytes::{Buf as _, BufMut as _, Bytes};
use tokio::task::JoinSet;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};

/// Each has one export under way.
pub(crate) const CONNECTIONS: usize = 4;

const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Exports that nobody has sent yet.
type Queue = Arc<Mutex<VecDeque<Bytes>>>;

/// Sends all, and gives the time from the first to the last answer. An answer other than that all was taken is an error.
pub(crate) fn run(port: u16, exports: Vec<Bytes>) -> Result<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let queue = Queue::new(Mutex::new(exports.into()));
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
            channels.push(endpoint.tcp_nodelay(true).connect().await?);
        }
        let begun = Instant::now();
        let mut sending = JoinSet::new();
        for channel in channels {
            sending.spawn(send(channel, queue.clone()));
        }
        while let Some(sent) = sending.join_next().await {
            sent??;
        }
        Ok(begun.elapsed())
    })
}

async fn send(channel: Channel, queue: Queue) -> Result<()> {
    let mut client = Grpc::new(channel);
    while let Some(export) = next(&queue) {
        client.ready().await?;
        let method = PathAndQuery::from_static(METHOD);
        let answer = client.unary(Request::new(export), method, Encoded).await?;
        // A response in which nothing is set, so nothing was refused.
        ensure!(answer.get_ref().is_empty(), "an export was taken in part only");
    }
    Ok(())
}

fn next(queue: &Queue) -> Option<Bytes> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// Messages as bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
