//! A registry without schemas.

use async_trait::async_trait;
use danube_wasm_broker::{BrokerError, ErrorKind, RegisteredSchema, Registry, Result, SchemaRef};

/// Has no schemas; payloads are unchanged.
pub struct NoSchemas;

#[async_trait]
impl Registry for NoSchemas {
    async fn latest(&self, _: &str) -> Result<Option<RegisteredSchema>> {
        Ok(None)
    }

    async fn get(&self, _: SchemaRef) -> Result<Option<RegisteredSchema>> {
        Ok(None)
    }

    async fn versions(&self, _: &str) -> Result<Vec<RegisteredSchema>> {
        Ok(Vec::new())
    }

    async fn register(&self, subject: &str, _: &str, _: &str) -> Result<RegisteredSchema> {
        Err(BrokerError::new(
            ErrorKind::Denied,
            format!("no schema is kept here: {subject}"),
        ))
    }
}
