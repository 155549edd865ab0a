//! Whether tables take what the built-in sink adds to every row.

use danube_wasm_config::{Component, Sink, StorageMode, TopicMapping};
use danube_wasm_egress_surrealdb::SurrealEgress;

use super::{Finding, Outcome};

const METADATA: &str = "_danube_metadata";
const TIMESTAMP: &str = "_timestamp";

/// A finding for each table that refuses every row of its mapping. What other components add is not known.
pub(super) async fn check(sink: &Sink, egress: &SurrealEgress) -> Vec<Finding> {
    let mut findings = Vec::new();
    for mapping in &sink.surrealdb.topic_mappings {
        let (Component::Builtin(_), Some(table)) = (&sink.component, &mapping.table) else {
            continue;
        };
        let outcome = match egress.undefined_fields(table, &added(mapping)).await {
            Ok(undefined) if undefined.is_empty() => continue,
            Ok(undefined) => Outcome::Failed(refused(&undefined, mapping)),
            Err(error) => Outcome::Unknown(error.to_string()),
        };
        let what = format!("{}: table `{table}`", sink.id);
        findings.push(Finding { what, outcome });
    }
    findings
}

fn added(mapping: &TopicMapping) -> Vec<&'static str> {
    let metadata = mapping.include_danube_metadata.then_some(METADATA);
    let timestamp = (mapping.storage_mode == StorageMode::TimeSeries).then_some(TIMESTAMP);
    metadata.into_iter().chain(timestamp).collect()
}

fn refused(undefined: &[String], mapping: &TopicMapping) -> String {
    let cures = undefined.iter().map(|field| match field.as_str() {
        METADATA => format!(
            "write `include_danube_metadata = false` in the mapping of {}, or `DEFINE FIELD {METADATA} ON TABLE … TYPE \
             object FLEXIBLE` in the database",
            mapping.topic
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
