//! The broker's registry, with its answers recorded.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{RegisteredSchema, Registry, Result, SchemaRef};

use super::{cache::RegistryAnswer, remembered::RememberedRegistry};

/// Asks the broker's registry, and stores its answers.
pub(crate) struct RecordingRegistry {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) remembered: Arc<RememberedRegistry>,
}

#[async_trait]
impl Registry for RecordingRegistry {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        let latest = self.registry.latest(subject).await?;
        self.remembered
            .remember(RegistryAnswer::Latest(subject, latest.as_ref()))
            .await;
        Ok(latest)
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        let found = self.registry.get(reference).await?;
        if let Some(schema) = &found {
            self.remembered.remember(RegistryAnswer::One(schema)).await;
        }
        Ok(found)
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        let all = self.registry.versions(subject).await?;
        self.remembered.remember(RegistryAnswer::All(subject, &all)).await;
        Ok(all)
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        let registered = self.registry.register(subject, schema_type, definition).await?;
        self.remembered.remember(RegistryAnswer::One(&registered)).await;
        Ok(registered)
    }
}
