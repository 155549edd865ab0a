//! What the registry said last, kept as messages in a topic of the spool's own.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{BrokerError, ErrorKind, Message, RegisteredSchema, Registry, Result, SchemaRef};
use danube_wasm_model::TopicName;
use parking_lot::RwLock;

use super::{
    entry::Entry,
    known::{Known, Said},
};
use crate::{
    limits::SCHEMAS_MAX,
    store::{self, Store},
};

/// See the module. As a [`Registry`], it answers from memory, and registers nothing.
pub(crate) struct Memory {
    store: Arc<Store>,
    topic: TopicName,
    known: RwLock<Known>,
    /// One writer at a time.
    writing: tokio::sync::Mutex<()>,
}

impl Memory {
    /// Reads what is remembered.
    pub(crate) async fn open(store: Arc<Store>) -> Result<Self> {
        let memory = Self {
            topic: store::schemas()?,
            store,
            known: RwLock::default(),
            writing: tokio::sync::Mutex::default(),
        };
        let read = |message: Message| Entry::decode(&message).map(|entry| memory.known.write().apply(entry));
        memory.store.read_all(&memory.topic, read).await?;
        Ok(memory)
    }

    /// Remembers, durably. That this fails is no reason to keep from the caller what the registry said.
    pub(super) async fn learn(&self, said: Said<'_>) {
        let _one = self.writing.lock().await;
        let (news, all) = {
            let known = self.known.read();
            let news = known.news(said);
            let all = news.len();
            (known.fitting(news, SCHEMAS_MAX), all)
        };
        if news.len() < all {
            tracing::warn!(
                SCHEMAS_MAX,
                "the spool remembers no more schemas: a start with a new one needs the broker"
            );
        }
        if news.is_empty() {
            return;
        }
        let records = news.iter().map(|entry| entry.encode(&self.topic)).collect();
        match self.store.write(records).await {
            Ok(()) => {
                let mut known = self.known.write();
                news.into_iter().for_each(|entry| known.apply(entry));
            }
            Err(error) => {
                tracing::warn!(%error, "the spool cannot remember a schema now: the next start needs the broker");
            }
        }
    }
}

#[async_trait]
impl Registry for Memory {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        Ok(self.known.read().versions(subject).pop())
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        Ok(self.known.read().find(reference))
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        Ok(self.known.read().versions(subject))
    }

    /// One that was registered before is known; any other has no number without the broker.
    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        let versions = self.known.read().versions(subject);
        let same = |schema: &RegisteredSchema| schema.schema_type == schema_type && schema.definition == definition;
        versions.into_iter().rev().find(same).ok_or_else(|| {
            let message = format!("schema `{subject}` can only be registered when the broker is in reach");
            BrokerError::new(ErrorKind::Unavailable, message)
        })
    }
}
