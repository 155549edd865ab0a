//! A schema that messages were written with, as those behind a registry's id are: the bytes say which of its messages they are.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use danube_wasm_model::door::Violation;
use parking_lot::Mutex;
use prost_reflect::{FileDescriptor, MessageDescriptor};

use super::{
    Protobuf, examine,
    files::{self, Files, OWN},
};
use crate::violations;

/// What the text is called among those that it imports.
const FILE: &str = "danube-wasm-writer.proto";

/// What Confluent's registry lets texts import without having it.
const REGISTRYS: &[(&str, &str)] = &[
    ("confluent/meta.proto", include_str!("confluent/meta.proto")),
    ("confluent/type/decimal.proto", include_str!("confluent/decimal.proto")),
    (
        "confluent/types/decimal.proto",
        "syntax = \"proto3\"; import public \"confluent/type/decimal.proto\";",
    ),
];

/// Reads what it has written.
#[derive(Debug)]
pub(crate) struct Writer {
    file: FileDescriptor,
    /// Messages that were asked for and may be read, by their places.
    messages: Mutex<HashMap<Vec<i32>, Arc<Protobuf>>>,
}

impl Writer {
    /// Compiles a text with those that it imports, each with the name by which it is imported, or says in a sentence why not.
    pub(crate) fn compile<'t>(
        text: &str,
        imported: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Result<Self, String> {
        let mut files = Files::of(FILE, files::read_any(FILE, text)?);
        for (name, text) in imported {
            // These are known, and the same everywhere.
            if !name.starts_with(OWN) {
                let file = files::read_any(name, text).map_err(|why| format!("`{name}`: {why}"))?;
                files.add(name, file);
            }
        }
        for (name, text) in REGISTRYS {
            files.add(name, files::read(name, text)?);
        }
        Ok(Self {
            file: files.compile(FILE)?,
            messages: Mutex::default(),
        })
    }

    /// JSON text of a message. `place` is where the message is: its number in the text, and below that its number in the one
    /// around it.
    pub(crate) fn decode(&self, place: &[i32], payload: Bytes) -> Result<Bytes, Violation> {
        let message = self.message(place).map_err(violations::whole)?;
        message.decode(payload)
    }

    fn message(&self, place: &[i32]) -> Result<Arc<Protobuf>, String> {
        if let Some(known) = self.messages.lock().get(place) {
            return Ok(known.clone());
        }
        let message = find(&self.file, place)?;
        examine(&message)?;
        let message = Arc::new(Protobuf { message });
        self.messages.lock().insert(place.to_vec(), message.clone());
        Ok(message)
    }
}

fn find(file: &FileDescriptor, place: &[i32]) -> Result<MessageDescriptor, String> {
    let nothing = || {
        let place: Vec<_> = place.iter().map(i32::to_string).collect();
        format!("the schema has no message at place {}", place.join(","))
    };
    let (first, within) = place.split_first().ok_or_else(nothing)?;
    let number = |number: &i32| usize::try_from(*number).map_err(|_| nothing());
    let mut message = file.messages().nth(number(first)?).ok_or_else(nothing)?;
    for inner in within {
        message = nested(&message, number(inner)?)?.ok_or_else(nothing)?;
    }
    Ok(message)
}

/// The message of this number within another. A map is a message of its own for some clients, and none for others: where that
/// makes a difference, nobody knows which is meant.
fn nested(of: &MessageDescriptor, number: usize) -> Result<Option<MessageDescriptor>, String> {
    let counted = of.child_messages().nth(number);
    let without_maps = of.child_messages().filter(|child| !child.is_map_entry()).nth(number);
    if counted == without_maps {
        return Ok(without_maps);
    }
    Err(format!(
        "`{}` has maps before the messages in it, which some clients count and others do not, so place {number} has two meanings: move \
         the messages before the maps, or out of it",
        of.full_name()
    ))
}
