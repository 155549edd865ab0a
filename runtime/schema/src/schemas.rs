//! The validators of this process, one for each version of a subject.

use std::{collections::HashMap, sync::Arc, thread::JoinHandle};

use danube_wasm_broker::{RegisteredSchema, Registry, SchemaRef};
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    Declaration, SchemaError, SchemaType, Validator,
    codec::Codec,
    declaration::RegistrationPlan,
    evolution::{self, Incompatibility},
    limits::{COMPILE_STACK_BYTES, REGISTRY_TIME_MAX, VALIDATORS_MAX},
};

/// Finds, registers and compiles schemas. Versions never change, so a validator is compiled once and kept.
pub struct Schemas {
    pub(crate) registry: Arc<dyn Registry>,
    /// The registry's earlier answers, for when it is unreachable.
    pub(crate) last_seen: Option<Arc<dyn Registry>>,
    compiled: Mutex<HashMap<SchemaRef, Arc<Validator>>>,
    /// One schema is compiled at a time: it takes milliseconds, and a tenant's hostile one must not take every core.
    compiling: Arc<tokio::sync::Mutex<()>>,
}

impl Schemas {
    /// Uses a broker's registry.
    pub fn new(registry: Arc<dyn Registry>) -> Self {
        Self {
            registry,
            last_seen: None,
            compiled: Mutex::default(),
            compiling: Arc::default(),
        }
    }

    /// The same for a connector that starts without its broker: `last_seen` returns at once what `registry` returned
    /// before. Both compile one schema at a time between them.
    pub fn remembering(&self, registry: Arc<dyn Registry>, last_seen: Arc<dyn Registry>) -> Self {
        Self {
            last_seen: Some(last_seen),
            compiling: self.compiling.clone(),
            ..Self::new(registry)
        }
    }

    /// The validator of a topic's declared schema. A declared text is compiled, and compared with the newest version,
    /// before it is registered, so that no broken or incompatible schema enters the registry.
    pub async fn declare(&self, declaration: Declaration) -> Result<Arc<Validator>, SchemaError> {
        let plan = self.plan(&declaration).await?;
        let registered = self.execute_plan(plan, &declaration).await?;
        self.validator(registered).await
    }

    pub(crate) async fn plan(&self, declaration: &Declaration) -> Result<RegistrationPlan, SchemaError> {
        declaration.plan(&*self.registry).await
    }

    /// The planned version, registered if necessary.
    pub(crate) async fn execute_plan(
        &self,
        plan: RegistrationPlan,
        declaration: &Declaration,
    ) -> Result<RegisteredSchema, SchemaError> {
        match plan {
            RegistrationPlan::Use(registered) => Ok(registered),
            RegistrationPlan::Register { text, after } => {
                examine(&declaration.subject, declaration.schema_type, &text).await?;
                if let Some(latest) = after
                    && let Err(incompatibility) = compare(declaration, &latest, &text).await?
                {
                    return Err(declaration
                        .incompatible(&latest, &text, incompatibility, &*self.registry)
                        .await);
                }
                self.register(declaration, &text).await
            }
        }
    }

    async fn register(&self, declaration: &Declaration, text: &str) -> Result<RegisteredSchema, SchemaError> {
        let (subject, name) = (&declaration.subject, declaration.schema_type.as_str());
        let registered = self.registry.register(subject, name, text).await;
        let registered = registered.map_err(|source| SchemaError::Registry {
            subject: subject.clone(),
            source,
        })?;
        tracing::info!(topic = %declaration.topic, subject, version = registered.reference.version, "schema registered");
        declaration.accept(registered)
    }

    /// The validator of the schema that a message refers to. A version never changes: while the registry does not
    /// answer, one that was seen before is used.
    ///
    /// Only errors with [`SchemaError::is_about_the_schema`] mean that the message can never be decoded.
    pub async fn by_reference(&self, reference: SchemaRef) -> Result<Arc<Validator>, SchemaError> {
        if let Some(known) = self.known(reference) {
            return Ok(known);
        }
        let SchemaRef { id, version } = reference;
        let found = self.find(reference).await;
        let found = found.map_err(|source| SchemaError::Registry {
            subject: format!("number {id}"),
            source,
        })?;
        self.validator(found.ok_or(SchemaError::Unknown { id, version })?).await
    }

    async fn find(&self, reference: SchemaRef) -> danube_wasm_broker::Result<Option<RegisteredSchema>> {
        let asking = self.registry.get(reference);
        let Some(seen) = self.last_seen_schema(reference).await else {
            return asking.await;
        };
        match timeout(REGISTRY_TIME_MAX, asking).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Ok(Some(seen)),
        }
    }

    async fn last_seen_schema(&self, reference: SchemaRef) -> Option<RegisteredSchema> {
        let last_seen = self.last_seen.as_ref()?;
        last_seen.get(reference).await.unwrap_or_default()
    }

    pub(crate) async fn validator(&self, schema: RegisteredSchema) -> Result<Arc<Validator>, SchemaError> {
        let RegisteredSchema {
            reference,
            subject,
            schema_type,
            definition,
        } = schema;
        if let Some(known) = self.known(reference) {
            return Ok(known);
        }
        let _one_at_a_time = self.compiling.lock().await;
        if let Some(known) = self.known(reference) {
            return Ok(known);
        }
        let schema_type: SchemaType = schema_type.parse().map_err(|error| SchemaError::Refused {
            subject: subject.clone(),
            reason: format!("{error}"),
        })?;
        let codec = compile(&subject, schema_type, definition).await?;
        let validator = Arc::new(Validator::new(reference, subject, schema_type, codec));
        let mut compiled = self.compiled.lock();
        if compiled.len() >= VALIDATORS_MAX {
            compiled.retain(|_, validator| Arc::strong_count(validator) > 1);
        }
        compiled.insert(reference, validator.clone());
        Ok(validator)
    }

    fn known(&self, reference: SchemaRef) -> Option<Arc<Validator>> {
        self.compiled.lock().get(&reference).cloned()
    }
}

/// Checks that a text is a schema of this type; registers nothing.
pub async fn examine(subject: &str, schema_type: SchemaType, definition: &str) -> Result<(), SchemaError> {
    compile(subject, schema_type, definition.to_owned()).await.map(drop)
}

/// Blocking form of [`examine`].
pub(crate) fn examine_blocking(subject: &str, schema_type: SchemaType, definition: &str) -> Result<(), SchemaError> {
    let definition = definition.to_owned();
    let compiling = spawn_deep_stack(subject, move || Codec::compile(schema_type, &definition))?;
    let compiled = compiling.join().map_err(|_| panicked(subject))?;
    compiled.map(drop).map_err(|reason| refused(subject, reason))
}

async fn compile(subject: &str, schema_type: SchemaType, definition: String) -> Result<Codec, SchemaError> {
    compile_with(subject, move || Codec::compile(schema_type, &definition)).await
}

/// Compiles where there is enough stack for it.
pub(crate) async fn compile_with<T: Send + 'static>(
    subject: &str,
    compiling: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, SchemaError> {
    let compiled = run_on_deep_stack(subject, compiling).await?;
    compiled.map_err(|reason| refused(subject, reason))
}

fn refused(subject: &str, reason: String) -> SchemaError {
    SchemaError::Refused {
        subject: subject.to_owned(),
        reason,
    }
}

pub(crate) async fn compare(
    declaration: &Declaration,
    latest: &RegisteredSchema,
    text: &str,
) -> Result<Result<(), Incompatibility>, SchemaError> {
    let (schema_type, old, new) = (declaration.schema_type, latest.definition.clone(), text.to_owned());
    run_on_deep_stack(&declaration.subject, move || {
        evolution::compare(schema_type, &old, &new)
    })
    .await
}

async fn run_on_deep_stack<T: Send + 'static>(
    subject: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SchemaError> {
    let (done, result) = oneshot::channel();
    spawn_deep_stack(subject, move || drop(done.send(work())))?;
    result.await.map_err(|_| panicked(subject))
}

/// On a thread with a large stack: following references recurses as deep as they go.
fn spawn_deep_stack<T: Send + 'static>(
    subject: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, SchemaError> {
    let thread = std::thread::Builder::new()
        .name("schema-compiler".to_owned())
        .stack_size(COMPILE_STACK_BYTES);
    thread.spawn(work).map_err(|error| SchemaError::Busy {
        subject: subject.to_owned(),
        reason: format!("no thread could be started to compile it: {error}"),
    })
}

fn panicked(subject: &str) -> SchemaError {
    refused(subject, "compiling it panicked: please report this schema".to_owned())
}
