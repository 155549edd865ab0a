//! Reads all messages of a partition by sequence. Any replica may answer, also one that is behind: so the leader says first
//! how many there are.

use std::{collections::BTreeMap, sync::Arc};

use async_nats::Message;
use async_trait::async_trait;
use danube_wasm_broker::{
    Backoff, BrokerError, ErrorKind, Result,
    copying::{PartitionReader, StoredMessage},
};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::view::View;
use crate::{
    delivery_subject::DeliverySubject,
    error::unavailable,
    limits::{CALL_TIMEOUT, RETRY_CEILING, RETRY_FLOOR},
    names,
    session::Session,
    stored, wire,
};

/// Messages of one page, and their bytes.
const PAGE_MESSAGES: usize = 1_000;
const PAGE_BYTES: usize = 8 << 20;

/// See the module.
pub(super) struct Reader {
    session: Arc<Session>,
    view: Arc<View>,
    partition: u32,
    /// Messages that are left; `None` until the leader was asked.
    left: Option<u64>,
    next: u64,
}

impl Reader {
    pub(super) fn new(session: Arc<Session>, view: Arc<View>, partition: u32) -> Self {
        Self {
            next: view.first_seq.max(1),
            session,
            view,
            partition,
            left: None,
        }
    }

    fn subjects(&self) -> String {
        names::partition_subjects(&self.session.options.prefix, &self.view.topic, self.partition)
    }

    async fn count(&self) -> Result<u64> {
        #[derive(Deserialize)]
        struct Info {
            state: State,
        }
        #[derive(Deserialize)]
        struct State {
            #[serde(default)]
            subjects: Option<BTreeMap<String, u64>>,
        }
        let call = format!("STREAM.INFO.{}", self.view.stream);
        let body = json!({"subjects_filter": self.subjects()});
        let doing = format!("counting messages of {}", self.view.topic);
        let info: Info = self.session.api(&call, &body, &doing).await?;
        Ok(info.state.subjects.unwrap_or_default().values().sum())
    }

    /// The messages of a page, in order; the first of them if the rest does not come.
    async fn page(&self) -> Result<Vec<Message>> {
        let client = self.session.client().await?;
        let reply = client.new_inbox();
        let failed = |e: &dyn std::fmt::Display| unavailable(format!("reading {}: {e}", self.view.topic));
        let mut answers = client.subscribe(reply.clone()).await.map_err(|e| failed(&e))?;
        let body = json!({
            "seq": self.next, "next_by_subj": self.subjects(), "batch": PAGE_MESSAGES, "max_bytes": PAGE_BYTES,
        });
        let call = format!("$JS.API.DIRECT.GET.{}", self.view.stream);
        let sent = client.publish_with_reply(call, reply, body.to_string().into());
        sent.await.map_err(|e| failed(&e))?;
        let mut found = Vec::new();
        while let Ok(Some(message)) = timeout_at(Instant::now() + CALL_TIMEOUT, answers.next()).await {
            if message.status.is_some() {
                break;
            }
            found.push(message);
        }
        Ok(found)
    }

    fn stored(&self, mut message: Message) -> Option<StoredMessage> {
        let header = |name: &str| Some(message.headers.as_ref()?.get(name)?.as_str().to_owned());
        let sequence: u64 = header("Nats-Sequence")?.parse().ok()?;
        let subject = header("Nats-Subject")?;
        let stored_ms = stored::millis(&header("Nats-Time-Stamp")?)?;
        let bucket = names::bucket_of(&subject);
        message.subject = subject.into();
        let delivery = DeliverySubject {
            deliveries: 1,
            stream_sequence: sequence,
            consumer_sequence: 0,
            stored_ms,
        };
        let (topic, stream) = (&self.view.topic, &self.view.stream);
        let subscriptions = self.view.subscriptions.iter();
        Some(StoredMessage {
            acknowledged: subscriptions.map(|position| position.has(sequence, bucket)).collect(),
            message: wire::read(message, &delivery, topic, stream),
        })
    }
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Vec<StoredMessage>> {
        let left = match self.left {
            Some(left) => left,
            None => *self.left.insert(self.count().await?),
        };
        if left == 0 {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + self.session.options.request_timeout;
        let mut backoff = Backoff::new(RETRY_FLOOR);
        loop {
            let page = self.page().await?;
            let read: Option<Vec<StoredMessage>> = page.into_iter().map(|message| self.stored(message)).collect();
            let read = read.ok_or_else(|| {
                let message = format!(
                    "a message of {} was read in a form that this program does not know",
                    self.view.topic
                );
                BrokerError::new(ErrorKind::Incompatible, message)
            })?;
            if let Some(last) = read.last() {
                self.next = last.message.message_id.offset + 1;
                self.left = Some(left.saturating_sub(read.len() as u64));
                return Ok(read);
            }
            if Instant::now() >= deadline {
                return Err(unavailable(format!(
                    "{left} messages of {} are not read from NATS: some replica may be behind; try again",
                    self.view.topic
                )));
            }
            tokio::time::sleep(backoff.next(RETRY_CEILING)).await;
        }
    }
}
