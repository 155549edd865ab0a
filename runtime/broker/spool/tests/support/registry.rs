//! The registry of a broker that can go wrong.

use async_trait::async_trait;
use danube_wasm_broker::{Broker, RegisteredSchema, Registry, Result, SchemaRef};

use super::Remote;

pub(super) struct RemoteRegistry(pub(super) Remote);

#[async_trait]
impl Registry for RemoteRegistry {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        self.0.reach().await?;
        self.0.log().registry().latest(subject).await
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        self.0.reach().await?;
        self.0.log().registry().get(reference).await
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        self.0.reach().await?;
        self.0.log().registry().versions(subject).await
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        self.0.reach().await?;
        self.0.log().registry().register(subject, schema_type, definition).await
    }
}
