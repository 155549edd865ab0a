//! `[[schemas]]`, which both kinds of file have.

use super::draft::Rows;
use crate::tables::{
    schema::{Schema, SchemaType},
    version::{VersionKind, VersionStrategy},
};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Kind, quote},
};

/// A schema, and its rows.
pub(super) struct ConnectSchema {
    pub(super) schema: Schema,
    pub(super) rows: Rows,
}

impl Section for ConnectSchema {
    const ABOUT: &'static str = Schema::ABOUT;

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let schema = Schema::read(t)?;
        let told = match schema.schema_type {
            SchemaType::Avro => Some("Danube Connect published JSON text here; records are now encoded as Avro"),
            SchemaType::String => Some(
                "Danube Connect published any JSON here, as text; a body is now a JSON string, and others are answered \
                 422",
            ),
            _ => None,
        };
        if let Some(told) = told {
            let help = "write `json_schema` with a `schema_file` where bodies are documents";
            t.session().note(&t.span("schema_type"), told, help);
        }
        let mut rows = Rows::default();
        let text = |text: &str| quote(&text.replace("${", "$${"));
        rows.push("topic", text(schema.topic.as_str()));
        rows.push("subject", text(&schema.subject));
        rows.push("schema_type", text(schema.schema_type.as_str()));
        if let Some(definition) = &schema.definition {
            rows.push("schema_file", t.session().portable(&definition.path));
        }
        if let Some(message) = &schema.message {
            rows.push("message", text(message));
        }
        rows.unless("true", "auto_register", schema.auto_register.to_string());
        let usual = VersionKind.show(&VersionStrategy::Latest);
        rows.unless(&usual, "version_strategy", VersionKind.show(&schema.version_strategy));
        Some(Self { schema, rows })
    }
}
