//! The text of a schema with all that it refers to.

use std::collections::{HashSet, VecDeque};

use danube_wasm_schema::{WriterText, WriterType};

use super::client::{Client, Fault};
use crate::limits::REFERENCES_MAX;

/// Asks for it, then for each reference.
pub(super) async fn fetch(client: &Client, id: u32) -> Result<WriterText, Fault> {
    let root = client.schema(id).await?;
    let schema_type = schema_type(client, id, root.schema_type.as_deref())?;
    let (mut references, mut seen) = (Vec::new(), HashSet::new());
    let mut unread = VecDeque::from(root.references);
    while let Some(reference) = unread.pop_front() {
        if !seen.insert(reference.clone()) {
            continue;
        }
        if seen.len() > REFERENCES_MAX {
            let who = client.who();
            return Err(Fault::Unfit(format!(
                "schema {id} of {who} refers to more than {REFERENCES_MAX} others"
            )));
        }
        let other = client.version(id, &reference).await?;
        unread.extend(other.references);
        references.push((reference.name, other.schema));
    }
    Ok(WriterText {
        schema_type,
        text: root.schema,
        references,
    })
}

/// Without a word it is Avro: registries say nothing else of what there was first.
fn schema_type(client: &Client, id: u32, word: Option<&str>) -> Result<WriterType, Fault> {
    match word.unwrap_or("AVRO") {
        "AVRO" => Ok(WriterType::Avro),
        "PROTOBUF" => Ok(WriterType::Protobuf),
        "JSON" => Ok(WriterType::Json),
        other => Err(Fault::Unfit(format!(
            "schema {id} of {} is of the type `{}`: only AVRO, PROTOBUF and JSON are read",
            client.who(),
            client.shown(other.as_bytes())
        ))),
    }
}
