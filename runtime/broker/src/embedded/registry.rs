//! The schema registry, in the same database.

use std::sync::Arc;

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::{
    fault::Fault,
    limits::{NAME_BYTES_MAX, SCHEMA_BYTES_MAX},
    queue::Command,
    shared::{Shared, blocking},
    tables::{META_NEXT_SUBJECT, SCHEMAS, SUBJECTS},
    transaction::next_number,
};
use crate::{BrokerError, ErrorKind, RegisteredSchema, Registry, Result, SchemaRef};

/// See [`Registry`].
pub(super) struct EmbeddedRegistry(pub(super) Arc<Shared>);

impl EmbeddedRegistry {
    async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        blocking(&self.0, f).await
    }
}

#[async_trait]
impl Registry for EmbeddedRegistry {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        let subject = subject.to_owned();
        self.read(move |transaction| {
            let stored = transaction
                .open_table(SUBJECTS)?
                .get(subject.as_str())?
                .map(|row| row.value());
            match stored {
                Some((id, version)) => stored_schema(&transaction.open_table(SCHEMAS)?, SchemaRef { id, version }),
                None => Ok(None),
            }
        })
        .await
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        self.read(move |transaction| stored_schema(&transaction.open_table(SCHEMAS)?, reference))
            .await
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        let subject = subject.to_owned();
        self.read(move |transaction| {
            let stored = transaction
                .open_table(SUBJECTS)?
                .get(subject.as_str())?
                .map(|row| row.value());
            let Some((id, newest)) = stored else {
                return Ok(Vec::new());
            };
            let schemas = transaction.open_table(SCHEMAS)?;
            let rows = schemas.range((id, 0)..=(id, newest))?;
            rows.map(|row| {
                let (key, row) = row?;
                let version = key.value().1;
                Ok(registered(SchemaRef { id, version }, row.value()))
            })
            .collect()
        })
        .await
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        if subject.is_empty() || subject.len() > NAME_BYTES_MAX {
            let message = format!(
                "a schema subject has 1 to {NAME_BYTES_MAX} bytes; this one has {}",
                subject.len()
            );
            return Err(BrokerError::new(ErrorKind::TooLarge, message));
        }
        if schema_type.len() + definition.len() > SCHEMA_BYTES_MAX {
            let message = format!(
                "schema `{subject}` has {} bytes; the log takes {SCHEMA_BYTES_MAX}",
                definition.len()
            );
            return Err(BrokerError::new(ErrorKind::TooLarge, message));
        }
        let (subject, schema_type, definition) = (subject.to_owned(), schema_type.to_owned(), definition.to_owned());
        self.0
            .send(|reply| Command::Register {
                subject,
                schema_type,
                definition,
                reply,
            })
            .await
    }
}

/// Registers a version in the writer's transaction.
pub(super) fn register(
    transaction: &WriteTransaction,
    subject: &str,
    schema_type: &str,
    definition: &str,
) -> Result<Result<RegisteredSchema, BrokerError>, Fault> {
    let mut subjects = transaction.open_table(SUBJECTS)?;
    let mut schemas = transaction.open_table(SCHEMAS)?;
    let stored = subjects.get(subject)?.map(|row| row.value());
    let (id, newest) = match stored {
        Some(stored) => stored,
        None => (next_number(transaction, META_NEXT_SUBJECT, 1)?, 0),
    };
    for row in schemas.range((id, 0)..=(id, newest))?.rev() {
        let (key, row) = row?;
        let (_, of_type, text) = row.value();
        if (of_type, text) == (schema_type, definition) {
            let version = key.value().1;
            return Ok(Ok(registered(SchemaRef { id, version }, row.value())));
        }
    }
    let Some(version) = newest.checked_add(1) else {
        return Ok(Err(BrokerError::new(
            ErrorKind::Conflict,
            format!("subject `{subject}` has no version left"),
        )));
    };
    subjects.insert(subject, (id, version))?;
    schemas.insert((id, version), (subject, schema_type, definition))?;
    Ok(Ok(RegisteredSchema {
        reference: SchemaRef { id, version },
        subject: subject.to_owned(),
        schema_type: schema_type.to_owned(),
        definition: definition.to_owned(),
    }))
}

type Schemas = (&'static str, &'static str, &'static str);

fn stored_schema(
    schemas: &impl ReadableTable<(u64, u32), Schemas>,
    reference: SchemaRef,
) -> Result<Option<RegisteredSchema>, Fault> {
    let row = schemas.get((reference.id, reference.version))?;
    Ok(row.map(|row| registered(reference, row.value())))
}

fn registered(reference: SchemaRef, (subject, schema_type, definition): (&str, &str, &str)) -> RegisteredSchema {
    RegisteredSchema {
        reference,
        subject: subject.to_owned(),
        schema_type: schema_type.to_owned(),
        definition: definition.to_owned(),
    }
}
