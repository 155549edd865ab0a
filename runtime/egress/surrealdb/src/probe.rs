//! `check --connect`: whether the database answers, and whether its tables accept the fields that the built-in sink adds.

use std::borrow::Cow;

use danube_wasm_connector::{Finding, Outcome, keys::IncludeAttributes};
use danube_wasm_model::{ConnectorId, door::Egress as _};

use crate::{
    Connections, SurrealDb, SurrealEgress,
    config::{StorageMode, TopicMapping},
    table_schema,
};

const METADATA: &str = "_danube_metadata";
const TIMESTAMP: &str = "_timestamp";
const ATTRIBUTES: &str = "_attributes";
const OWN_ID: &str = "_id";
/// An object of any fields.
const OBJECT: &str = "object FLEXIBLE";

/// Checks the database, then, for the built-in component, each table that would refuse all rows of its mapping.
pub(crate) async fn probe(
    config: &SurrealDb,
    connections: &Connections,
    id: &ConnectorId,
    is_builtin: bool,
) -> Vec<Finding> {
    // `run` creates a database that does not exist.
    let exists = match config.url.directory() {
        Some(directory) => directory.exists(),
        None => !config.url.is_embedded(),
    };
    if !exists {
        return Vec::new();
    }
    let egress = connections.egress(config.options());
    let outcome = match egress.in_use() {
        // The other process may be the pipeline itself.
        Some(in_use) => Outcome::Unknown(format!("its tables were not looked at: {in_use}")),
        None => match egress.ready().await {
            Ok(()) => Outcome::Reached,
            Err(error) => Outcome::Failed(error.to_string()),
        },
    };
    let is_reached = outcome == Outcome::Reached;
    let mut findings = vec![Finding {
        what: format!("{id}: database {}", config.url),
        outcome,
    }];
    if is_reached && is_builtin {
        findings.extend(probe_tables(config, id, &egress).await);
    }
    // An error of closing does not change the findings.
    let _ = egress.close().await;
    findings
}

async fn probe_tables(config: &SurrealDb, id: &ConnectorId, egress: &SurrealEgress) -> Vec<Finding> {
    let mut findings = Vec::new();
    for mapping in &config.topic_mappings {
        let Some(table) = &mapping.table else { continue };
        let added = added_fields(mapping);
        let names: Vec<_> = added.iter().map(|field| &*field.name).collect();
        let outcome = match egress.undefined_fields(table, &names).await {
            Ok(undefined) if undefined.is_empty() => continue,
            Ok(undefined) => Outcome::Failed(schemafull_message(&added, &undefined, mapping)),
            Err(error) => Outcome::Unknown(error.to_string()),
        };
        let what = format!("{id}: table `{table}`");
        findings.push(Finding { what, outcome });
    }
    findings
}

/// A field of a row that its message does not have by that name, and the type that it may be defined with.
struct AddedField<'a> {
    name: Cow<'a, str>,
    kind: &'static str,
}

fn added_fields(mapping: &TopicMapping) -> Vec<AddedField<'_>> {
    let field = |name: &'static str, kind| AddedField {
        name: name.into(),
        kind,
    };
    let metadata = mapping.include_danube_metadata.then(|| field(METADATA, OBJECT));
    let timestamp = (mapping.storage_mode == StorageMode::TimeSeries).then(|| field(TIMESTAMP, "string"));
    // The message's own `id` is stored by that name.
    let own_id = mapping.id.pointer.as_ref().filter(|pointer| pointer.as_str() == "/id");
    let own_id = own_id.map(|_| field(OWN_ID, "any"));
    let mut added: Vec<_> = metadata.into_iter().chain(timestamp).chain(own_id).collect();
    match &mapping.include_attributes {
        None => {}
        Some(IncludeAttributes::Listed(_)) => added.push(field(ATTRIBUTES, OBJECT)),
        Some(IncludeAttributes::Fields(fields)) => added.extend(fields.keys().map(|name| AddedField {
            name: name.into(),
            kind: "option<string>",
        })),
    }
    added
}

fn schemafull_message(added: &[AddedField<'_>], undefined: &[String], mapping: &TopicMapping) -> String {
    let missing = added
        .iter()
        .filter(|field| undefined.iter().any(|name| *name == field.name));
    let cures = missing.map(|AddedField { name, kind }| {
        let define = format!(
            "`DEFINE FIELD {} ON TABLE … TYPE {kind}` in the database",
            table_schema::quoted(name)
        );
        match &**name {
            METADATA => format!(
                "write `include_danube_metadata = false` in the mapping of {}, or {define}",
                mapping.consumer.topic
            ),
            _ => define,
        }
    });
    format!(
        "it is SCHEMAFULL and does not define `{}`, which the sink adds to every row: every message would become a dead \
         letter. The cure: {}",
        undefined.join("` and `"),
        cures.collect::<Vec<_>>().join("; ")
    )
}
