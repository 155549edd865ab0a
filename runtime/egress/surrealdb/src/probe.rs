//! `check --connect`: whether the database answers, and whether its tables accept the fields that the built-in sink adds.

use danube_wasm_connector::{Finding, Outcome};
use danube_wasm_model::{ConnectorId, door::Egress as _};

use crate::{
    Connections, SurrealDb, SurrealEgress,
    config::{StorageMode, TopicMapping},
};

const METADATA: &str = "_danube_metadata";
const TIMESTAMP: &str = "_timestamp";

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
        let outcome = match egress.undefined_fields(table, &added_fields(mapping)).await {
            Ok(undefined) if undefined.is_empty() => continue,
            Ok(undefined) => Outcome::Failed(schemafull_message(&undefined, mapping)),
            Err(error) => Outcome::Unknown(error.to_string()),
        };
        let what = format!("{id}: table `{table}`");
        findings.push(Finding { what, outcome });
    }
    findings
}

fn added_fields(mapping: &TopicMapping) -> Vec<&'static str> {
    let metadata = mapping.include_danube_metadata.then_some(METADATA);
    let timestamp = (mapping.storage_mode == StorageMode::TimeSeries).then_some(TIMESTAMP);
    metadata.into_iter().chain(timestamp).collect()
}

fn schemafull_message(undefined: &[String], mapping: &TopicMapping) -> String {
    let cures = undefined.iter().map(|field| match field.as_str() {
        METADATA => format!(
            "write `include_danube_metadata = false` in the mapping of {}, or `DEFINE FIELD {METADATA} ON TABLE … TYPE \
             object FLEXIBLE` in the database",
            mapping.consumer.topic
        ),
        field => format!("`DEFINE FIELD {field} ON TABLE … TYPE string` in the database"),
    });
    format!(
        "it is SCHEMAFULL and does not define `{}`, which the sink adds to every row: every message would become a dead \
         letter. The cure: {}",
        undefined.join("` and `"),
        cures.collect::<Vec<_>>().join("; ")
    )
}
