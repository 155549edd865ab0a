//! A registry in memory, and short forms.
#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use danube_wasm_broker::{BrokerError, ErrorKind, RegisteredSchema, Registry, Result, SchemaRef};
use danube_wasm_model::door::Violation;
use danube_wasm_schema::{Declaration, SchemaError, SchemaType, Schemas, Validator, VersionStrategy};
use parking_lot::Mutex;

/// Registered schemas, and how often `get` was called.
#[derive(Default)]
pub(crate) struct InMemory {
    schemas: Mutex<Vec<RegisteredSchema>>,
    pub(crate) gets: AtomicUsize,
    pub(crate) away: AtomicBool,
}

impl InMemory {
    pub(crate) fn clear(&self) {
        self.schemas.lock().clear();
    }

    fn all(&self) -> Result<Vec<RegisteredSchema>> {
        if self.away.load(Ordering::Relaxed) {
            return Err(BrokerError::new(ErrorKind::Unavailable, "the broker is out of reach"));
        }
        Ok(self.schemas.lock().clone())
    }
}

#[async_trait]
impl Registry for InMemory {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        Ok(self.versions(subject).await?.pop())
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        Ok(self.all()?.into_iter().find(|schema| schema.reference == reference))
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        Ok(self
            .all()?
            .into_iter()
            .filter(|schema| schema.subject == subject)
            .collect())
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        let versions = self.versions(subject).await?;
        let same = |s: &&RegisteredSchema| s.schema_type == schema_type && s.definition == definition;
        if let Some(there) = versions.iter().find(same) {
            return Ok(there.clone());
        }
        let mut schemas = self.schemas.lock();
        let subjects = schemas.iter().map(|schema| schema.reference.id).max().unwrap_or(0);
        let (id, version) = versions
            .last()
            .map_or((subjects + 1, 1), |s| (s.reference.id, s.reference.version + 1));
        let schema = RegisteredSchema {
            reference: SchemaRef { id, version },
            subject: subject.to_owned(),
            schema_type: schema_type.to_owned(),
            definition: definition.to_owned(),
        };
        schemas.push(schema.clone());
        Ok(schema)
    }
}

/// What was seen of a registry: no more comes.
pub(crate) struct Frozen(pub(crate) Arc<InMemory>);

#[async_trait]
impl Registry for Frozen {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        self.0.latest(subject).await
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        self.0.get(reference).await
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        self.0.versions(subject).await
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        let same = |s: &RegisteredSchema| s.schema_type == schema_type && s.definition == definition;
        let there = self.0.versions(subject).await?.into_iter().find(same);
        there.ok_or_else(|| BrokerError::new(ErrorKind::Unavailable, "it was never seen"))
    }
}

/// A registry that never answers.
pub(crate) struct Silent;

#[async_trait]
impl Registry for Silent {
    async fn latest(&self, _: &str) -> Result<Option<RegisteredSchema>> {
        std::future::pending().await
    }

    async fn get(&self, _: SchemaRef) -> Result<Option<RegisteredSchema>> {
        std::future::pending().await
    }

    async fn versions(&self, _: &str) -> Result<Vec<RegisteredSchema>> {
        std::future::pending().await
    }

    async fn register(&self, _: &str, _: &str, _: &str) -> Result<RegisteredSchema> {
        std::future::pending().await
    }
}

pub(crate) fn declaration(schema_type: SchemaType, definition: Option<&str>) -> Declaration {
    Declaration {
        topic: "/test/topic".parse().expect("valid"),
        subject: "test-subject".to_owned(),
        schema_type,
        definition: definition.map(str::to_owned),
        message: None,
        auto_register: true,
        version: VersionStrategy::Latest,
    }
}

pub(crate) async fn declare(definition: &str) -> Result<Arc<Validator>, SchemaError> {
    let schemas = Schemas::new(Arc::new(InMemory::default()));
    schemas
        .declare(declaration(SchemaType::JsonSchema, Some(definition)))
        .await
}

/// A validator of a schema of this type.
pub(crate) async fn of_type(schema_type: SchemaType, definition: &str) -> Arc<Validator> {
    let schemas = Schemas::new(Arc::new(InMemory::default()));
    let declared = schemas.declare(declaration(schema_type, Some(definition))).await;
    declared.unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) async fn validator(definition: &str) -> Arc<Validator> {
    declare(definition).await.expect("a good schema")
}

pub(crate) async fn refusal(definition: &str) -> String {
    declare(definition).await.expect_err("a refused schema").to_string()
}

pub(crate) fn violations(validator: &Validator, payload: &str) -> Vec<Violation> {
    validator.check(payload.as_bytes()).expect_err(payload)
}

/// What `new` is told, if it comes after `old`.
pub(crate) async fn after(schema_type: SchemaType, old: &str, new: &str) -> Result<u32, String> {
    let schemas = Schemas::new(Arc::new(InMemory::default()));
    schemas
        .declare(declaration(schema_type, Some(old)))
        .await
        .unwrap_or_else(|error| panic!("{old}: {error}"));
    match schemas.declare(declaration(schema_type, Some(new))).await {
        Ok(validator) => Ok(validator.reference().version),
        Err(SchemaError::Declaration { reason, .. }) => Err(reason),
        Err(other) => panic!("{new}: {other}"),
    }
}

pub(crate) async fn follows(schema_type: SchemaType, old: &str, new: &str) {
    assert_eq!(after(schema_type, old, new).await, Ok(2), "{old} → {new}");
}

pub(crate) async fn breaks(schema_type: SchemaType, old: &str, new: &str, sentence: &str) {
    let reason = after(schema_type, old, new).await.expect_err(new);
    assert!(reason.contains(sentence), "{old} → {new}: {reason}");
    assert!(reason.contains("Give it a new subject"), "{reason}");
}

/// Does not let this connector ask.
pub(crate) struct Denies;

fn denied<T>() -> Result<T> {
    Err(BrokerError::new(ErrorKind::Denied, "bind a role"))
}

#[async_trait]
impl Registry for Denies {
    async fn latest(&self, _: &str) -> Result<Option<RegisteredSchema>> {
        denied()
    }

    async fn get(&self, _: SchemaRef) -> Result<Option<RegisteredSchema>> {
        denied()
    }

    async fn versions(&self, _: &str) -> Result<Vec<RegisteredSchema>> {
        denied()
    }

    async fn register(&self, _: &str, _: &str, _: &str) -> Result<RegisteredSchema> {
        denied()
    }
}
