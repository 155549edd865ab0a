//! `check --connect`: whether the server answers, what it can promise, whether collections are what the file says, and whether
//! the embedding service makes vectors of their length.

use std::sync::Arc;

use danube_wasm_connector::{Finding, Outcome};
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::ConnectorId;
use qdrant_client::qdrant::CollectionInfo;

use crate::{
    collection::{self, Collection, Shape, wanted_indexes},
    config::Qdrant,
    embed::Embedder,
    fault::Fault,
    link::{Link, Session},
};

/// Changes nothing.
pub(crate) async fn probe(config: &Qdrant, id: &ConnectorId) -> Vec<Finding> {
    let dialer = Dialer::new(config.guard.policy());
    let link = Link::new(config, dialer.clone());
    let mut findings = Vec::new();
    let (promise, outcome) = match link.session().await {
        Ok(session) => {
            let version = session.version;
            findings.extend(probe_collections(config, id, &session).await);
            (format!("version {version}: {}", promise(&session)), Outcome::Reached)
        }
        Err(fault) => ("not looked at".to_owned(), failed(fault)),
    };
    let server = Finding {
        what: format!("{id}: {} ({promise})", link.who()),
        outcome,
    };
    findings.insert(0, server);
    findings.extend(probe_embedding(config, id, &dialer).await);
    findings
}

/// What the server can promise.
fn promise(session: &Session) -> String {
    match session.version.inserts_only() {
        true => {
            "each document once, the newest of an id stays, until it is deleted: a delete leaves no mark".to_owned()
        }
        false => session.version.lacks().to_owned(),
    }
}

async fn probe_collections(config: &Qdrant, id: &ConnectorId, session: &Arc<Session>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for collection in collection::of_config(config).values() {
        let outcome = match collection.look(session).await {
            Ok(None) if collection.spec.create => {
                Outcome::Awaited("it is not there yet; `run` makes it with its first record".to_owned())
            }
            Ok(None) => Outcome::Failed("it is not there: make it, or write `create = \"if-missing\"`".to_owned()),
            Ok(Some(info)) => look_at(collection, &info),
            Err(fault) => failed(fault),
        };
        findings.push(Finding {
            what: format!("{id}: collection `{}`", collection.name),
            outcome,
        });
    }
    findings
}

/// Whether all indexes are there, where nobody makes them.
fn look_at(collection: &Collection, info: &CollectionInfo) -> Outcome {
    let shape = Shape::of(info);
    if shape.is_empty() && collection.embedding.is_some() {
        return Outcome::Failed("it has no vectors, and `embedding` makes some".to_owned());
    }
    if collection.spec.create {
        return Outcome::Reached;
    }
    let wanted = wanted_indexes(collection).into_iter().map(|index| index.field);
    let missing: Vec<_> = wanted
        .filter(|field| !info.payload_schema.contains_key(field))
        .collect();
    match missing.is_empty() {
        true => Outcome::Reached,
        false => Outcome::Unknown(format!(
            "it is there, without indexes of `{}`: in Qdrant's strict mode writes with an order need those of `_order_hi`, \
             `_order_lo` and `_record`",
            missing.join("`, `")
        )),
    }
}

async fn probe_embedding(config: &Qdrant, id: &ConnectorId, dialer: &Dialer) -> Option<Finding> {
    let embedding = Arc::new(config.embedding.clone()?);
    let outcome = match Embedder::new(&embedding, dialer) {
        Err(why) => Outcome::Failed(why),
        Ok(embedder) => match embedder.probe("the text `check` is refused").await {
            Err(fault) => failed(fault),
            Ok(dimension) => compare(config, &embedding.vector, dimension as u64),
        },
    };
    Some(Finding {
        what: format!("{id}: embedding with the model `{}`", embedding.model),
        outcome,
    })
}

/// Whether the vectors that are made have the length of those in the file.
fn compare(config: &Qdrant, vector: &str, dimension: u64) -> Outcome {
    use crate::config::VectorForm::Dense;
    let vectors = config.topic_mappings.iter().flat_map(|mapping| &mapping.spec.vectors);
    for spec in vectors.filter(|spec| spec.name == vector) {
        match spec.form {
            Dense {
                dimension: expected, ..
            } if expected != dimension => {
                return Outcome::Failed(format!(
                    "it makes vectors of {dimension} dimensions, and the file says {expected}: write the model's number"
                ));
            }
            _ => {}
        }
    }
    Outcome::Reached
}

fn failed(fault: Fault) -> Outcome {
    match fault {
        Fault::Transient { message, .. }
        | Fault::Unfit(message)
        | Fault::Configuration(message)
        | Fault::Refused(message)
        | Fault::NoCollection(message) => Outcome::Failed(message),
    }
}
