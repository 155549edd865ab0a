//! The keys of a sink about which document a message is.

use danube_wasm_model::door::ConsumerConfig;
use danube_wasm_settings::{
    Span, Table,
    kinds::{Choice, Parsed},
    values::JsonPointer,
};
use serde_json::{Value, json};

/// Where a message has the id of its document, if it has one of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DocumentId {
    /// `id_pointer`: in the payload.
    pub pointer: Option<JsonPointer>,
    /// `id_from`: beside the payload.
    pub from: Option<IdFrom>,
}

/// Where an id is, beside the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdFrom {
    /// The routing key.
    Key,
}

const ID_FROM: Choice<IdFrom> = Choice::of(&[("key", IdFrom::Key)]);

impl DocumentId {
    /// Reads the keys. `about_pointer` documents `id_pointer`, with what an id means to the target.
    pub fn read(t: &mut Table<'_>, about_pointer: &'static str) -> Self {
        let pointer = t
            .field(
                "id_pointer",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                about_pointer,
            )
            .example("\"/id\"")
            .optional();
        let from = t
            .field(
                "id_from",
                ID_FROM,
                "With `\"key\"`, the id of a message's document is its routing key, instead of something in the message; a key that \
                 is a JSON list of one value, such as `[7]`, is that value. With `id_pointer` or `id_from`, the built-in \
                 component does what was done to a row (`change.op`): a deletion removes the document, an update without all values \
                 merges into it.",
            )
            .example("\"key\"")
            .optional();
        if pointer.is_some() && from.is_some() {
            t.session().error(
                &t.span("id_from"),
                "a document has one id, and both `id_pointer` and `id_from` say where it is",
                "leave one of them out",
            );
        }
        Self { pointer, from }
    }

    /// The place of the key that is given.
    pub fn span(&self, t: &Table<'_>) -> Option<Span> {
        let pointer = self.pointer.as_ref().map(|_| "id_pointer");
        pointer
            .or(self.from.map(|IdFrom::Key| "id_from"))
            .map(|key| t.span(key))
    }

    /// What a component is told of a mapping whatever it writes to: the topic, the subscription, and these keys.
    pub fn settings(&self, consumer: &ConsumerConfig) -> Value {
        let mut settings = json!({
            "topic": consumer.topic.as_str(),
            "subscription": consumer.subscription,
            "subscription_type": consumer.subscription_type,
        });
        if let Some(subject) = &consumer.expected_schema_subject {
            settings["expected_schema_subject"] = subject.as_str().into();
        }
        if let Some(pointer) = &self.pointer {
            settings["id_pointer"] = pointer.as_str().into();
        }
        if let Some(IdFrom::Key) = self.from {
            settings["id_from"] = "key".into();
        }
        settings
    }
}
