//! Declarations while the registry is unreachable: a schema that is declared as it was when the registry was last
//! reached is the same, and its number is known. Any other waits for the registry. A caller that used a recalled schema
//! confirms it when the registry is back.

use std::sync::Arc;

use danube_wasm_broker::{BrokerError, ErrorKind, RegisteredSchema, SchemaRef};
use tokio::time::timeout;

use crate::{
    Declaration, SchemaError, Schemas, Validator, declaration::RegistrationPlan, limits::REGISTRY_TIME_MAX,
    schemas::compare,
};

/// A declared schema.
#[derive(Debug)]
pub struct Declared {
    /// Checks and encodes.
    pub validator: Arc<Validator>,
    /// Set if the registry was unreachable: confirm it later with [`Schemas::confirm`].
    pub recalled: Option<Recalled>,
}

/// A declaration that was answered from the registry's earlier answers.
#[derive(Debug, Clone)]
pub struct Recalled {
    declaration: Declaration,
    schema: RegisteredSchema,
    why: String,
}

/// The result of confirming a recalled schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// It is the same.
    Same,
    /// The declaration now means this version of the subject; the recalled one still exists.
    Moved(SchemaRef),
    /// The registry does not have the recalled schema any more: it was created anew, and this is the reference now.
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

    /// The last seen version.
    pub fn version(&self) -> u32 {
        self.schema.reference.version
    }

    /// Why the registry was not asked.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl Schemas {
    /// Like [`Schemas::declare`], but if the registry is unreachable and the schema is declared as it was last seen,
    /// that version is used. A schema that the registry refuses is refused, and an unknown one is registered or waits
    /// for the registry.
    pub async fn declare_or_recall(&self, declaration: Declaration) -> Result<Declared, SchemaError> {
        let Some(seen) = self.recall(&declaration).await else {
            let declared = self.declare(declaration).await;
            return match declared {
                Ok(validator) => Ok(Declared {
                    validator,
                    recalled: None,
                }),
                Err(error) if self.last_seen.is_some() => Err(explain_unavailable(error)),
                Err(error) => Err(error),
            };
        };
        let why = match timeout(REGISTRY_TIME_MAX, self.plan(&declaration)).await {
            Ok(Err(SchemaError::Registry { source, .. })) if source.kind == ErrorKind::Unavailable => source.message,
            Err(_) => format!("the registry did not answer within {} s", REGISTRY_TIME_MAX.as_secs()),
            Ok(plan) => {
                let registered = self.execute_plan(plan?, &declaration).await?;
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

    /// Asks the registry about a recalled schema, registering it if necessary. Errors are transient while it is
    /// unreachable; any other error means that the declaration would be refused now.
    pub async fn confirm(&self, recalled: &Recalled) -> Result<Confirmation, SchemaError> {
        let Recalled {
            declaration, schema, ..
        } = recalled;
        let plan = self.plan(declaration).await?;
        let now = self.execute_plan(plan, declaration).await?;
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

    /// The version that the declaration meant when the registry was last reached; `None` if only the registry can
    /// answer.
    async fn recall(&self, declaration: &Declaration) -> Option<RegisteredSchema> {
        let last_seen = self.last_seen.as_deref()?;
        match declaration.plan(last_seen).await.ok()? {
            RegistrationPlan::Use(seen) => Some(seen),
            // An older version, which the newest one may precede: the registry returns it again.
            RegistrationPlan::Register { text, after } => {
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

/// Registries may format a text in their own way.
fn is_same(declaration: &Declaration, seen: &RegisteredSchema, now: &RegisteredSchema) -> bool {
    let of = |schema: &RegisteredSchema| (schema.reference, schema.subject.clone(), schema.schema_type.clone());
    of(seen) == of(now) && declaration.is_same(&seen.definition, now)
}

/// Explains why a connector waits for the registry.
fn explain_unavailable(error: SchemaError) -> SchemaError {
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
