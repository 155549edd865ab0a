//! Schemas of topics.

use crate::cross_checks::CrossChecks;
use danube_wasm_model::TopicName;

use super::{
    schema_file::{Definition, DefinitionKind, MessageName},
    version::{VersionKind, VersionStrategy},
};
use crate::cross_checks::SchemaUse;
use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Flag, Parsed, Text},
};

/// The schema that records of a topic must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schema {
    /// The topic.
    pub topic: TopicName,
    /// Its subject in the registry.
    pub subject: String,
    /// Its language.
    pub schema_type: SchemaType,
    /// Its definition; `None` for types without one.
    pub definition: Option<Definition>,
    /// Full name of the Protobuf message, `package.Name`; only for `protobuf`.
    pub message: Option<String>,
    /// Whether to register the definition if the registry does not have it.
    pub auto_register: bool,
    /// Which version to use.
    pub version_strategy: VersionStrategy,
}

/// The type of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaType {
    /// JSON Schema.
    JsonSchema,
    /// Avro; records are in its binary encoding.
    Avro,
    /// Protocol Buffers; records are encoded messages.
    Protobuf,
    /// UTF-8 text.
    String,
    /// A JSON number.
    Number,
    /// Any bytes.
    Bytes,
}

const TYPES: Choice<SchemaType> = Choice {
    options: SchemaType::NAMES,
    // The spellings of Danube Connect.
    aliases: &[("json", SchemaType::JsonSchema)],
    refused: &[],
};

impl SchemaType {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("json_schema", Self::JsonSchema),
        ("avro", Self::Avro),
        ("protobuf", Self::Protobuf),
        ("string", Self::String),
        ("number", Self::Number),
        ("bytes", Self::Bytes),
    ];

    /// Whether it has a definition in a file.
    pub fn has_definition(self) -> bool {
        matches!(self, Self::JsonSchema | Self::Avro | Self::Protobuf)
    }

    /// The registry's spelling.
    pub fn as_str(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, schema_type)| *schema_type == self);
        named.map_or("", |(name, _)| name)
    }
}

impl Section for Schema {
    const ABOUT: &'static str = "The schema of a topic. Records that violate it are refused before they are published.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let topic = t
            .field(
                "topic",
                Parsed::<TopicName>::new("a topic"),
                "The topic: `/namespace/name`.",
            )
            .example("\"/stripe/payments\"")
            .required();
        let subject = t
            .field(
                "subject",
                Text,
                "Name of the schema in the registry. Its versions are kept there.",
            )
            .example("\"stripe-payment-v1\"")
            .required();
        let schema_type = t
            .field(
                "schema_type",
                TYPES,
                "How the schema is written, and how records are encoded. Components see JSON whatever the type; `number` \
                 is a JSON number, `bytes` anything.",
            )
            .example("\"json_schema\"")
            .required();
        let definition = t
            .field(
                "schema_file",
                DefinitionKind(schema_type),
                "The schema, of at most 1 MiB: a JSON Schema of draft-07 to 2020-12, an Avro schema, or a `.proto` \
                 file. Other types have none.",
            )
            .example("\"schemas/payment.json\"")
            .optional();
        let message = t
            .field(
                "message",
                Parsed::<MessageName>::new("the full name of a message"),
                "The message that records are, with its package. Only with `protobuf`.",
            )
            .example("\"payments.Payment\"")
            .optional();
        let (auto_register, version_strategy) = registration(t);
        check_definition(
            t,
            schema_type,
            definition.as_ref().and_then(Option::as_ref),
            message.as_ref(),
        );
        if schema_type == Some(SchemaType::JsonSchema) {
            warn_about_unchecked_formats(t, definition.as_ref().and_then(Option::as_ref));
        }
        let schema = (|| {
            Some(Self {
                topic: topic.clone()?,
                subject: subject.clone()?,
                schema_type: schema_type?,
                definition: definition.flatten(),
                message: message.map(MessageName::into_string),
                auto_register,
                version_strategy,
            })
        })();
        if let (Some(topic), Some(subject)) = (topic, subject) {
            let schema = schema.clone();
            let text = t.span("schema_file");
            let fact = SchemaUse {
                topic,
                subject,
                schema,
                text,
            };
            t.session().facts::<CrossChecks>().schemas.push((t.span("topic"), fact));
        }
        schema
    }
}

/// Reads the keys `auto_register` and `version_strategy`.
fn registration(t: &mut Table<'_>) -> (bool, VersionStrategy) {
    let auto_register = t
        .field(
            "auto_register",
            Flag,
            "Register the schema if the registry does not have it.",
        )
        .or(true);
    let version_strategy = t
        .field(
            "version_strategy",
            VersionKind,
            "Which version of the subject records must satisfy.",
        )
        .or(VersionStrategy::Latest);
    (auto_register, version_strategy)
}

/// Warns about `format` in drafts of JSON Schema in which it is not checked.
fn warn_about_unchecked_formats(t: &Table<'_>, definition: Option<&Definition>) {
    if let Some(definition) = definition.filter(|definition| definition.has_unchecked_formats()) {
        t.session().warning(
            &t.span("schema_file"),
            format!(
                "{} says `format`, which nothing checks: to JSON Schema 2019-09 and later it is a note to readers",
                definition.path.display()
            ),
            "write `\"$schema\": \"http://json-schema.org/draft-07/schema#\"` in it to have formats checked, or say it with \
             `pattern`",
        );
    }
}

/// Checks the keys that the type requires or excludes.
fn check_definition(
    t: &Table<'_>,
    schema_type: Option<SchemaType>,
    definition: Option<&Definition>,
    message: Option<&MessageName>,
) {
    let Some(schema_type) = schema_type else {
        return;
    };
    let name = schema_type.as_str();
    let session = t.session();
    if schema_type.has_definition() && !t.given("schema_file") {
        session.error(
            &t.span("schema_file"),
            format!("a schema of type `{name}` needs `schema_file`"),
            "write for example `schema_file = \"schemas/payment.json\"`",
        );
    }
    if !schema_type.has_definition() && definition.is_some() {
        session.error(
            &t.span("schema_file"),
            format!("a schema of type `{name}` has no `schema_file`"),
            "remove `schema_file`, or write `schema_type = \"json_schema\"`",
        );
    }
    match (schema_type, t.given("message")) {
        (SchemaType::Protobuf, false) => session.error(
            &t.span("message"),
            "a schema of type `protobuf` needs `message`, the message that records are",
            "write for example `message = \"payments.Payment\"`",
        ),
        (SchemaType::Protobuf, true) => {
            if let (Some(definition), Some(message)) = (definition, message)
                && !definition.contains_message(message)
            {
                session.error(
                    &t.span("message"),
                    format!("{} defines no message `{message}`", definition.path.display()),
                    "write the message's full name, with the package of the file",
                );
            }
        }
        (_, true) => session.error(
            &t.span("message"),
            format!("a schema of type `{name}` has no `message`"),
            "remove `message`, or write `schema_type = \"protobuf\"`",
        ),
        (_, false) => {}
    }
}
