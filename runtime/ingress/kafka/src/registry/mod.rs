//! What records were written with: schemas by their ids in a schema registry, asked for once and kept.
//!
//! An id never changes its meaning, so what is known of one stays, but for what the registry did not know: a follower may know it
//! a little later than its leader.
//!
//! * [`client`] asks, and sorts the answers by what is done about them.
//! * [`decode`] reads keys and values with what is known.

mod client;
mod decode;
mod kept;
mod text;

use std::{sync::Arc, time::Instant};

use danube_wasm_schema::{SchemaError, WriterSchema};
use parking_lot::Mutex;

pub(crate) use self::decode::{Decoded, decode, key_text};
use self::{
    client::{Client, Fault},
    kept::Kept,
};
use crate::config::SchemaRegistryConfig;

/// See the module.
pub(crate) struct Registry {
    client: Client,
    kept: Mutex<Kept>,
}

/// What is known of an id.
#[derive(Debug)]
pub(crate) enum Entry {
    /// What was written with it can be read.
    Schema(WriterSchema),
    /// It cannot: why.
    Unfit(String),
}

impl Registry {
    /// Connects at the first question.
    ///
    /// # Errors
    ///
    /// A certificate or a secret cannot be used: what to do.
    pub(crate) fn new(config: &SchemaRegistryConfig) -> Result<Self, String> {
        Ok(Self {
            client: Client::new(config)?,
            kept: Mutex::default(),
        })
    }

    /// Its address, for messages.
    pub(crate) fn who(&self) -> &str {
        self.client.who()
    }

    /// What is known of an id already.
    pub(crate) fn get(&self, id: u32) -> Option<Arc<Entry>> {
        self.kept.lock().get(id, Instant::now())
    }

    /// Asks for an id, so that something is known of it.
    ///
    /// # Errors
    ///
    /// Nobody knows what it is, until the registry answers, or lets this source ask: a message.
    pub(crate) async fn ask(&self, id: u32) -> Result<(), String> {
        let (entry, is_final) = match text::fetch(&self.client, id).await {
            Ok(text) => (self.compiled(id, text).await?, true),
            Err(Fault::Away(message)) => return Err(message),
            Err(Fault::Unknown(why)) => (Entry::Unfit(why), false),
            Err(Fault::Unfit(why)) => (Entry::Unfit(why), true),
        };
        if let Entry::Unfit(why) = &entry {
            tracing::warn!(
                registry = self.who(),
                id,
                why,
                "records with this schema cannot be read"
            );
        }
        self.kept.lock().put(id, entry, is_final, Instant::now());
        Ok(())
    }

    async fn compiled(&self, id: u32, text: danube_wasm_schema::WriterText) -> Result<Entry, String> {
        match WriterSchema::compile(&id.to_string(), text).await {
            Ok(schema) => Ok(Entry::Schema(schema)),
            Err(SchemaError::Refused { reason, .. }) => Ok(Entry::Unfit(format!(
                "schema {id} of {} cannot be read with: {reason}",
                self.who()
            ))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether it answers, and lets this source read schemas.
    pub(crate) async fn probe(&self) -> Result<(), String> {
        // Whether there is a schema 1 is of no matter: either answer is a registry's.
        match self.client.schema(1).await {
            Ok(_) | Err(Fault::Unknown(_)) => Ok(()),
            Err(Fault::Away(message) | Fault::Unfit(message)) => Err(message),
        }
    }
}
