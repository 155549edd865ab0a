//! Schemas of a pipeline file without a registry: they are compiled from the file's texts.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_broker::{RegisteredSchema, Registry, Result, SchemaRef};
use danube_wasm_config as config;
use danube_wasm_model::TopicName;
use danube_wasm_schema::{Schemas, Validator, VersionStrategy};

use crate::{Failure, settings};

/// Returns validators for the topics whose schema has its text in the file.
pub(super) async fn validators(
    schemas: &[config::Schema],
) -> std::result::Result<HashMap<TopicName, Arc<Validator>>, Failure> {
    let mut validators = HashMap::new();
    for schema in schemas.iter().filter(|schema| is_complete(schema)) {
        let mut declaration = settings::declaration(schema)?;
        declaration.auto_register = true;
        declaration.version = VersionStrategy::Latest;
        let topic = declaration.topic.clone();
        let validator = Schemas::new(Arc::new(EmptyRegistry)).declare(declaration).await;
        validators.insert(topic, validator.map_err(Failure::configuration)?);
    }
    Ok(validators)
}

/// Whether the file contains the whole schema; otherwise the registered one counts, which is not available here.
pub(super) fn is_complete(schema: &config::Schema) -> bool {
    use config::SchemaType::{Bytes, Number, String};
    schema.definition.is_some() || matches!(schema.schema_type, String | Number | Bytes)
}

/// A registry that accepts everything and contains nothing.
struct EmptyRegistry;

#[async_trait]
impl Registry for EmptyRegistry {
    async fn latest(&self, _: &str) -> Result<Option<RegisteredSchema>> {
        Ok(None)
    }

    async fn get(&self, _: SchemaRef) -> Result<Option<RegisteredSchema>> {
        Ok(None)
    }

    async fn versions(&self, _: &str) -> Result<Vec<RegisteredSchema>> {
        Ok(Vec::new())
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        Ok(RegisteredSchema {
            reference: SchemaRef { id: 1, version: 1 },
            subject: subject.to_owned(),
            schema_type: schema_type.to_owned(),
            definition: definition.to_owned(),
        })
    }
}
