//! What `run` would do about the schemas of topics, short of doing it.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{RegisteredSchema, Registry, Result, SchemaRef};
use danube_wasm_config::{Pipeline, Schema};
use danube_wasm_schema::Schemas;
use tokio::sync::OnceCell;

use super::{Finding, Outcome};
use crate::settings;

/// The schemas that `run` declares: those of topics that sources publish to.
pub(crate) fn of_topics(pipeline: &Pipeline) -> impl Iterator<Item = &Schema> {
    let is_published = |schema: &&Schema| pipeline.routes().any(|route| route.topic == schema.topic);
    pipeline.schemas.iter().filter(is_published)
}

/// What would become of one, and whether its subject is registered already.
pub(crate) async fn check(schema: &Schema, registry: Arc<dyn Registry>) -> (Finding, bool) {
    let asked = Arc::new(Asked {
        registry,
        next: OnceCell::new(),
    });
    let declared = match settings::declaration(schema) {
        Ok(declaration) => {
            let declared = Schemas::new(asked.clone()).declare(declaration).await;
            declared.map_err(|error| error.to_string())
        }
        Err(failure) => Err(failure.message),
    };
    let next = asked.next.get();
    let outcome = match (declared, next) {
        (Err(why), _) => Outcome::Failed(why),
        (Ok(_), Some(version)) => Outcome::Awaited(format!(
            "`run` registers it as version {version}; whether the registry lets it was not tried"
        )),
        (Ok(_), None) => Outcome::Reached,
    };
    let is_there = matches!(outcome, Outcome::Reached) || next.is_some_and(|version| *version > 1);
    let what = format!("schema `{}` of {}", schema.subject, schema.topic);
    (Finding { what, outcome }, is_there)
}

/// A registry that is asked, and told nothing.
struct Asked {
    registry: Arc<dyn Registry>,
    /// The version that would be registered.
    next: OnceCell<u32>,
}

#[async_trait]
impl Registry for Asked {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        self.registry.latest(subject).await
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        self.registry.get(reference).await
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        self.registry.versions(subject).await
    }

    /// What would come of it: the version with this text, or one after the newest.
    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        let versions = self.registry.versions(subject).await?;
        let is_it = |schema: &&RegisteredSchema| schema.schema_type == schema_type && schema.definition == definition;
        if let Some(known) = versions.iter().find(is_it) {
            return Ok(known.clone());
        }
        let newest = versions.last().map(|schema| schema.reference);
        let reference = SchemaRef {
            id: newest.map_or(0, |newest| newest.id),
            version: newest.map_or(0, |newest| newest.version) + 1,
        };
        let _ = self.next.set(reference.version);
        Ok(RegisteredSchema {
            reference,
            subject: subject.to_owned(),
            schema_type: schema_type.to_owned(),
            definition: definition.to_owned(),
        })
    }
}
