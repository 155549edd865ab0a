//! The schema registry: one entry a subject, with all its versions, changed by compare-and-set. The number of a subject is
//! the revision at which its entry was made.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_broker::{BrokerError, ErrorKind, RegisteredSchema, Registry, Result, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::{
    error::unavailable,
    kv::{Bucket, Entry},
    limits::SCHEMA_BYTES_MAX,
    names,
};

/// How often a registration is tried that others disturb.
const TRIES: usize = 20;

/// See [`Registry`].
pub(crate) struct NatsRegistry(pub(crate) Arc<Bucket>);

/// An entry.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Subject {
    /// 0 until it is known.
    id: u64,
    versions: Vec<Version>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Version {
    schema_type: String,
    definition: String,
}

impl Subject {
    fn read(subject: &str, entry: &Entry) -> Result<Self> {
        let read = serde_json::from_slice(&entry.value);
        read.map_err(|e| {
            let message = format!("the schemas of {subject} cannot be read: {e}");
            BrokerError::new(ErrorKind::Incompatible, message)
        })
    }

    fn registered(&self, subject: &str, index: usize) -> Option<RegisteredSchema> {
        let Version {
            schema_type,
            definition,
        } = self.versions.get(index)?;
        Some(RegisteredSchema {
            reference: SchemaRef {
                id: self.id,
                version: u32::try_from(index + 1).unwrap_or(u32::MAX),
            },
            subject: subject.to_owned(),
            schema_type: schema_type.clone(),
            definition: definition.clone(),
        })
    }

    fn bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

fn key(subject: &str) -> String {
    format!("subject.{}", names::escape(subject))
}

fn id_key(id: u64) -> String {
    format!("id.{id}")
}

impl NatsRegistry {
    /// Every subject, by name.
    pub(crate) async fn subjects(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for id in self.0.keys("id").await? {
            if let Some(name) = self.0.get(&format!("id.{id}")).await? {
                found.push(String::from_utf8_lossy(&name.value).into_owned());
            }
        }
        found.sort();
        // A registration that was given up has left a number.
        found.dedup();
        Ok(found)
    }

    async fn find(&self, subject: &str) -> Result<Option<(Subject, u64)>> {
        let entry = self.0.get(&key(subject)).await?;
        entry
            .map(|entry| Ok((Subject::read(subject, &entry)?, entry.revision)))
            .transpose()
    }

    /// The subject's entry with a number. `None`: somebody else has changed it meanwhile.
    async fn numbered(&self, subject: &str) -> Result<Option<(Subject, u64)>> {
        let key = key(subject);
        let (mut found, mut revision) = match self.find(subject).await? {
            Some(found) => found,
            None => match self.0.put(&key, Subject::default().bytes(), 0).await? {
                Some(revision) => (Subject::default(), revision),
                None => return Ok(None),
            },
        };
        if found.id == 0 {
            // Who finds a number finds the subject's name, so that is written first.
            let named = self.0.get(&id_key(revision)).await?;
            if named.is_none() {
                let name = Bytes::copy_from_slice(subject.as_bytes());
                self.0.put(&id_key(revision), name, 0).await?;
            }
            found.id = revision;
            match self.0.put(&key, found.bytes(), revision).await? {
                Some(newer) => revision = newer,
                None => return Ok(None),
            }
        }
        Ok(Some((found, revision)))
    }
}

#[async_trait]
impl Registry for NatsRegistry {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        Ok(self.versions(subject).await?.pop())
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        let Some(name) = self.0.get(&id_key(reference.id)).await? else {
            return Ok(None);
        };
        let subject = String::from_utf8_lossy(&name.value).into_owned();
        let found = self.find(&subject).await?.filter(|(found, _)| found.id == reference.id);
        let index = usize::try_from(reference.version).unwrap_or(0).checked_sub(1);
        Ok(found
            .zip(index)
            .and_then(|((found, _), index)| found.registered(&subject, index)))
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        let Some((found, _)) = self.find(subject).await? else {
            return Ok(Vec::new());
        };
        let versions = 0..found.versions.len();
        Ok(versions.filter_map(|index| found.registered(subject, index)).collect())
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        if definition.len() > SCHEMA_BYTES_MAX {
            let message = format!(
                "a schema has at most {SCHEMA_BYTES_MAX} bytes; this one has {}",
                definition.len()
            );
            return Err(BrokerError::new(ErrorKind::TooLarge, message));
        }
        for _ in 0..TRIES {
            let Some((mut found, revision)) = self.numbered(subject).await? else {
                continue;
            };
            let is_it = |known: &Version| known.schema_type == schema_type && known.definition == definition;
            let index = match found.versions.iter().position(is_it) {
                Some(index) => index,
                None => {
                    found.versions.push(Version {
                        schema_type: schema_type.to_owned(),
                        definition: definition.to_owned(),
                    });
                    if self.0.put(&key(subject), found.bytes(), revision).await?.is_none() {
                        continue;
                    }
                    found.versions.len() - 1
                }
            };
            if let Some(registered) = found.registered(subject, index) {
                return Ok(registered);
            }
        }
        Err(unavailable(format!(
            "the schemas of {subject} are being changed by others: try again"
        )))
    }
}
