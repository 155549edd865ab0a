//! Schemas of topics.

use std::path::PathBuf;

use danube_wasm_model::TopicName;
use toml::de::DeValue;

use crate::{
    ledger::SchemaUse,
    reader::{
        Section, Spot, Table,
        kinds::{Choice, Flag, Kind, Parsed, Text},
    },
};

/// Largest schema file, in bytes: schemas written by people are a hundred times smaller.
const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// The schema that records for a topic must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schema {
    /// The topic.
    pub topic: TopicName,
    /// Its subject in the registry.
    pub subject: String,
    /// How its definition is written.
    pub schema_type: SchemaType,
    /// Its definition; `None` for types that need none.
    pub definition: Option<Definition>,
    /// Whether the definition is registered if the registry does not have it.
    pub auto_register: bool,
    /// Which version is used.
    pub version_strategy: VersionStrategy,
}

/// A schema's text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// Where it was read, absolute.
    pub path: PathBuf,
    /// What it says. Is JSON.
    pub text: String,
}

/// How a schema is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaType {
    /// JSON Schema.
    JsonSchema,
    /// Any JSON.
    Json,
    /// UTF-8 text.
    String,
    /// A JSON number.
    Number,
    /// Anything.
    Bytes,
}

impl SchemaType {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("json_schema", Self::JsonSchema),
        ("json", Self::Json),
        ("string", Self::String),
        ("number", Self::Number),
        ("bytes", Self::Bytes),
    ];
    const LATER: &'static [(&'static str, &'static str)] = &[
        ("avro", "Avro is not supported by this version yet"),
        ("protobuf", "Protobuf is not supported by this version yet"),
    ];

    /// As the registry spells it.
    pub fn as_str(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, schema_type)| *schema_type == self);
        named.map_or("", |(name, _)| name)
    }
}

/// Which version of a subject is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionStrategy {
    /// The newest.
    #[default]
    Latest,
    /// This one.
    Pinned(u32),
    /// The newest, which must not be older than this one.
    Minimum(u32),
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
                Choice {
                    options: SchemaType::NAMES,
                    aliases: &[],
                    refused: SchemaType::LATER,
                },
                "How the schema is written. `json` takes any JSON, `number` a JSON number.",
            )
            .example("\"json_schema\"")
            .required();
        let definition = t
            .field(
                "schema_file",
                DefinitionKind,
                "The schema, for `json_schema`: a JSON Schema of draft-07 to 2020-12, of at most 1 MiB.",
            )
            .example("\"schemas/payment.json\"")
            .optional();
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
        match schema_type {
            Some(SchemaType::JsonSchema) if !t.given("schema_file") => t.session().error(
                &t.place("schema_file"),
                "a schema of type `json_schema` needs `schema_file`",
                "write for example `schema_file = \"schemas/payment.json\"`",
            ),
            Some(other) if other != SchemaType::JsonSchema && definition.as_ref().is_some_and(Option::is_some) => {
                t.session().error(
                    &t.place("schema_file"),
                    format!("a schema of type `{}` has no `schema_file`", other.as_str()),
                    "remove `schema_file`, or write `schema_type = \"json_schema\"`",
                );
            }
            _ => {}
        }
        if let (Some(topic), Some(subject)) = (&topic, &subject) {
            let (topic, subject) = (topic.clone(), subject.clone());
            let fact = (t.place("topic"), SchemaUse { topic, subject });
            t.session().ledger.borrow_mut().schemas.push(fact);
        }
        Some(Self {
            topic: topic?,
            subject: subject?,
            schema_type: schema_type?,
            definition: definition.flatten(),
            auto_register,
            version_strategy,
        })
    }
}

/// Reads the file of a JSON Schema. An empty path is none: Danube Connect wants the key even where it says nothing.
struct DefinitionKind;

impl Kind for DefinitionKind {
    type Value = Option<Definition>;

    fn what(&self) -> String {
        "the path of a file".to_owned()
    }

    fn show(&self, _: &Option<Definition>) -> String {
        String::new()
    }

    fn read(&self, spot: &Spot<'_>) -> Option<Option<Definition>> {
        let written = spot.text(&self.what())?;
        if written.is_empty() {
            return Some(None);
        }
        let path = spot.existing_file(&written)?;
        let text = spot.file_text(&path, SCHEMA_BYTES_MAX)?;
        match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            Ok(_) => Some(Some(Definition { path, text })),
            Err(error) => spot.refuse_with(
                format!("`{}` names {}, which is not JSON: {error}", spot.name(), path.display()),
                "correct the file",
            ),
        }
    }
}

/// Reads `"latest"`, `{ pinned = N }` and `{ minimum = N }`.
struct VersionKind;

impl Kind for VersionKind {
    type Value = VersionStrategy;

    fn what(&self) -> String {
        "`\"latest\"`, `{ pinned = N }` or `{ minimum = N }`".to_owned()
    }

    fn show(&self, value: &VersionStrategy) -> String {
        match value {
            VersionStrategy::Latest => "\"latest\"".to_owned(),
            VersionStrategy::Pinned(version) => format!("{{ pinned = {version} }}"),
            VersionStrategy::Minimum(version) => format!("{{ minimum = {version} }}"),
        }
    }

    fn read(&self, spot: &Spot<'_>) -> Option<VersionStrategy> {
        let refused = || spot.refuse(format!("`{}` must be {}", spot.name(), self.what()));
        match spot.value {
            DeValue::String(_) if spot.text("a string")? == "latest" => Some(VersionStrategy::Latest),
            DeValue::Table(entries) if entries.len() == 1 => {
                let (key, value) = entries.iter().next()?;
                let version = match value.get_ref() {
                    DeValue::Integer(written) => u32::from_str_radix(written.as_str(), written.radix()).ok(),
                    _ => None,
                };
                match (key.get_ref().as_ref(), version) {
                    ("pinned", Some(version @ 1..)) => Some(VersionStrategy::Pinned(version)),
                    ("minimum", Some(version @ 1..)) => Some(VersionStrategy::Minimum(version)),
                    _ => refused(),
                }
            }
            _ => refused(),
        }
    }
}
