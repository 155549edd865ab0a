//! The broker's registry, listened to.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{RegisteredSchema, Registry, Result, SchemaRef};

use super::{known::Said, memory::Memory};

/// Asks the broker's registry, and remembers what it says.
pub(crate) struct Asking {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) memory: Arc<Memory>,
}

#[async_trait]
impl Registry for Asking {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        let latest = self.registry.latest(subject).await?;
        self.memory.learn(Said::Latest(subject, latest.as_ref())).await;
        Ok(latest)
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        let found = self.registry.get(reference).await?;
        if let Some(schema) = &found {
            self.memory.learn(Said::One(schema)).await;
        }
        Ok(found)
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        let all = self.registry.versions(subject).await?;
        self.memory.learn(Said::All(subject, &all)).await;
        Ok(all)
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        let registered = self.registry.register(subject, schema_type, definition).await?;
        self.memory.learn(Said::One(&registered)).await;
        Ok(registered)
    }
}
