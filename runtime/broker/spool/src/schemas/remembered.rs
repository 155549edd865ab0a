//! The registry's last answers, stored as messages in a topic of the spool's log.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{BrokerError, ErrorKind, Message, RegisteredSchema, Registry, Result, SchemaRef};
use danube_wasm_model::TopicName;
use parking_lot::RwLock;

use super::{
    cache::{RegistryAnswer, SchemaCache},
    entry::Entry,
};
use crate::{
    limits::SCHEMAS_MAX,
    store::{self, Store},
};

/// See the module. As a [`Registry`], it answers from memory, and registers nothing.
pub(crate) struct RememberedRegistry {
    store: Arc<Store>,
    topic: TopicName,
    cache: RwLock<SchemaCache>,
    /// One writer at a time.
    writing: tokio::sync::Mutex<()>,
}

impl RememberedRegistry {
    /// Reads the stored answers.
    pub(crate) async fn open(store: Arc<Store>) -> Result<Self> {
        let remembered = Self {
            topic: store::schemas()?,
            store,
            cache: RwLock::default(),
            writing: tokio::sync::Mutex::default(),
        };
        let read = |message: Message| Entry::decode(&message).map(|entry| remembered.cache.write().apply(entry));
        remembered.store.read_all(&remembered.topic, read).await?;
        Ok(remembered)
    }

    /// Stores an answer durably. If that fails, the caller gets the registry's answer all the same.
    pub(super) async fn remember(&self, answer: RegistryAnswer<'_>) {
        let _one = self.writing.lock().await;
        let (changes, all) = {
            let cache = self.cache.read();
            let changes = cache.changes(answer);
            let all = changes.len();
            (cache.fitting(changes, SCHEMAS_MAX), all)
        };
        if changes.len() < all {
            tracing::warn!(
                SCHEMAS_MAX,
                "the spool remembers no more schemas: a start with a new one needs the broker"
            );
        }
        if changes.is_empty() {
            return;
        }
        let records = changes.iter().map(|entry| entry.encode(&self.topic)).collect();
        match self.store.write(records).await {
            Ok(()) => {
                let mut cache = self.cache.write();
                changes.into_iter().for_each(|entry| cache.apply(entry));
            }
            Err(error) => {
                tracing::warn!(%error, "the spool cannot remember a schema now: the next start needs the broker");
            }
        }
    }
}

#[async_trait]
impl Registry for RememberedRegistry {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        Ok(self.cache.read().versions(subject).pop())
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        Ok(self.cache.read().find(reference))
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        Ok(self.cache.read().versions(subject))
    }

    /// Finds a schema that was registered before; another one cannot get an id without the broker.
    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        let versions = self.cache.read().versions(subject);
        let same = |schema: &RegisteredSchema| schema.schema_type == schema_type && schema.definition == definition;
        versions.into_iter().rev().find(same).ok_or_else(|| {
            let message = format!("schema `{subject}` can only be registered when the broker is in reach");
            BrokerError::new(ErrorKind::Unavailable, message)
        })
    }
}
