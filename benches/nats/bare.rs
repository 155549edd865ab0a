//! The bare side: `async-nats` and the server's API.

use anyhow::{Context as _, Result, ensure};
use async_nats::{Client, HeaderMap, Message, StatusCode};
use bytes::Bytes;
use danube_wasm_benches::Clock;
use futures_util::{StreamExt as _, future::try_join_all};
use serde_json::{Value, json};

use crate::site::{PAYLOAD_BYTES, Work};

/// First arguments of processes.
pub(crate) const PUBLISH: &str = "bare-publish";
pub(crate) const CONSUME: &str = "bare-consume";

pub(crate) async fn publish(work: Work) -> Result<String> {
    let client = async_nats::connect(&work.url).await?;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await?;
    let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
    let clock = Clock::started()?;
    let mut done = 0;
    while done < work.messages {
        for n in 1..=work.batch {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{done}.{n}"));
            headers.insert("Nats-Batch-Id", format!("b{done}"));
            headers.insert("Nats-Batch-Sequence", n.to_string());
            let subject = work.subject();
            if n == work.batch {
                headers.insert("Nats-Batch-Commit", "1");
                let sent = client.publish_with_reply_and_headers(subject, inbox.clone(), headers, payload.clone());
                sent.await?;
            } else {
                client.publish_with_headers(subject, headers, payload.clone()).await?;
            }
        }
        let answer = answers.next().await.context("no answer")?;
        let answer: Value = serde_json::from_slice(&answer.payload)?;
        ensure!(answer["count"] == work.batch, "the server answers {answer}");
        done += work.batch;
    }
    clock.account(done as u64)
}

pub(crate) async fn consume(work: Work) -> Result<String> {
    let client = async_nats::connect(&work.url).await?;
    let inbox = client.new_inbox();
    let mut messages = client.subscribe(inbox.clone()).await?;
    let name = format!("bare-{}", std::process::id());
    let config = json!({
        "durable_name": name, "ack_policy": "explicit", "deliver_policy": "all", "max_ack_pending": 65_536,
        "replay_policy": "instant"
    });
    let stream = work.stream();
    let create = json!({"stream_name": stream, "config": config});
    let made = client.request(
        format!("$JS.API.CONSUMER.CREATE.{stream}.{name}"),
        create.to_string().into(),
    );
    let made: Value = serde_json::from_slice(&made.await?.payload)?;
    ensure!(made["error"].is_null(), "the server answers {made}");
    let next = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}");
    let mut clock = Clock::default();
    let mut done = 0;
    while done < work.messages {
        let pull = json!({"batch": work.batch, "expires": 5_000_000_000_u64}).to_string();
        client
            .publish_with_reply(next.clone(), inbox.clone(), pull.into())
            .await?;
        let mut taken = Vec::new();
        while taken.len() < work.batch.min(work.messages - done) {
            let message = messages.next().await.context("no message")?;
            if message.status == Some(StatusCode::NO_RESPONDERS) && done == 0 {
                // It has no leader yet.
                break;
            }
            ensure!(message.status.is_none(), "the server says {:?}", message.status);
            ensure!(message.payload.len() == PAYLOAD_BYTES, "a message is cut off");
            clock.record()?;
            taken.push(message);
        }
        try_join_all(taken.iter().map(|message| acknowledge(&client, message))).await?;
        done += taken.len();
    }
    clock.account(done as u64)
}

async fn acknowledge(client: &Client, message: &Message) -> Result<()> {
    let reply = message.reply.clone().context("no reply")?;
    client.request(reply, "+ACK".into()).await?;
    Ok(())
}
