//! Declarations while the registry is out of reach: a schema that is declared as it was when the registry was last seen
//! is the same, and its number is known. Anything else waits for the registry. Whoever went on so asks the registry again
//! when it is back.

use std::sync::Arc;

use danube_wasm_broker::{BrokerError, ErrorKind, RegisteredSchema, SchemaRef};
use tokio::time::timeout;

use crate::{
    Declaration, SchemaError, Schemas, Validator, declaration::Plan, limits::REGISTRY_TIME_MAX, schemas::compare,
};

/// A declared schema.
#[derive(Debug)]
pub struct Declared {
    /// Checks and encodes.
    pub validator: Arc<Validator>,
    /// Set where the registry was out of reach: it is to be asked again, with [`Schemas::confirm`].
    pub recalled: Option<Recalled>,
}

/// A declaration that was answered from what the registry said before.
#[derive(Debug, Clone)]
pub struct Recalled {
    declaration: Declaration,
    schema: RegisteredSchema,
    why: String,
}

/// What the registry says later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// It is the same.
    Same,
    /// The declaration means this version of the subject now; the other is still there.
    Moved(SchemaRef),
    /// The registry does not have what was recalled any more: it was made anew, and gives this reference now.
    Replaced(SchemaRef),
}

impl Recalled {
    /// The topic.
    pub fn topic(&self) -> &danube_wasm_model::TopicName {
        &self.declaration.topic
    }

    /// The subject.
    pub fn subject(&self) -> &str {
        &self.schema.subject
    }

    /// The version as it was last seen.
    pub fn version(&self) -> u32 {
        self.schema.reference.version
    }

    /// Why the registry was not asked.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl Schemas {
    /// [`Schemas::declare`], but where the registry is out of reach and the schema is declared as it was last seen, that
    /// will do. What the registry refuses is refused, and what it does not know is registered or waits for it.
    pub async fn declare_or_recall(&self, declaration: Declaration) -> Result<Declared, SchemaError> {
        let Some(seen) = self.recall(&declaration).await else {
            let declared = self.declare(declaration).await;
            return match declared {
                Ok(validator) => Ok(Declared {
                    validator,
                    recalled: None,
                }),
                Err(error) if self.last_seen.is_some() => Err(new_here(error)),
                Err(error) => Err(error),
            };
        };
        let why = match timeout(REGISTRY_TIME_MAX, self.plan(&declaration)).await {
            Ok(Err(SchemaError::Registry { source, .. })) if source.kind == ErrorKind::Unavailable => source.message,
            Err(_) => format!("the registry did not answer within {} s", REGISTRY_TIME_MAX.as_secs()),
            Ok(plan) => {
                let registered = self.carry_out(plan?, &declaration).await?;
                return Ok(Declared {
                    validator: self.validator(registered).await?,
                    recalled: None,
                });
            }
        };
        let validator = self.validator(seen.clone()).await?;
        Ok(Declared {
            validator,
            recalled: Some(Recalled {
                declaration,
                schema: seen,
                why,
            }),
        })
    }

    /// Asks the registry about a schema that was recalled, registering it if need be. Transient errors as long as it is
    /// out of reach; any other means that the declaration would be refused now.
    pub async fn confirm(&self, recalled: &Recalled) -> Result<Confirmation, SchemaError> {
        let Recalled {
            declaration, schema, ..
        } = recalled;
        let plan = self.plan(declaration).await?;
        let now = self.carry_out(plan, declaration).await?;
        if is_same(declaration, schema, &now) {
            return Ok(Confirmation::Same);
        }
        let failed = |source| SchemaError::Registry {
            subject: schema.subject.clone(),
            source,
        };
        let there = self.registry.get(schema.reference).await.map_err(failed)?;
        match there {
            Some(there) if is_same(declaration, schema, &there) => Ok(Confirmation::Moved(now.reference)),
            _ => Ok(Confirmation::Replaced(now.reference)),
        }
    }

    /// What the declaration meant when the registry was last seen; `None` where only the registry can say.
    async fn recall(&self, declaration: &Declaration) -> Option<RegisteredSchema> {
        let last_seen = self.last_seen.as_deref()?;
        match declaration.plan(last_seen).await.ok()? {
            Plan::Use(seen) => Some(seen),
            // An older version that the newest can follow: the registry gives it again.
            Plan::Register { text, after } => {
                let (subject, name) = (&declaration.subject, declaration.schema_type.as_str());
                let seen = last_seen.register(subject, name, &text).await.ok()?;
                if let Some(latest) = after {
                    compare(declaration, &latest, &text).await.ok()?.ok()?;
                }
                declaration.accept(seen).ok()
            }
        }
    }
}

/// Registries may write a text in their own way.
fn is_same(declaration: &Declaration, seen: &RegisteredSchema, now: &RegisteredSchema) -> bool {
    let of = |schema: &RegisteredSchema| (schema.reference, schema.subject.clone(), schema.schema_type.clone());
    of(seen) == of(now) && declaration.is_same(&seen.definition, now)
}

/// That it waits is the registry's doing, and that it has to is the declaration's.
fn new_here(error: SchemaError) -> SchemaError {
    match error {
        SchemaError::Registry { subject, source } if source.kind == ErrorKind::Unavailable => {
            let message = format!(
                "{}. Without the registry, a topic starts only with the schema that it had when it last ran here, and this \
                 one is new or has changed: bring the broker back, or go back to the schema as it was until then",
                source.message
            );
            SchemaError::Registry {
                subject,
                source: BrokerError::new(source.kind, message),
            }
        }
        error => error,
    }
}
