//! Whether each table can be reached and is as the file says, and what its store can promise. An object is written and removed, to
//! see whether the store keeps commits apart; nothing of a table is changed.

use std::sync::Arc;

use danube_wasm_connector::{Finding, Outcome};
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::ConnectorId;
use futures_util::future::join_all;
use tokio::task::spawn_blocking;

use crate::{
    config::{Delta, Table},
    error::TableError,
    ids_file::Identity,
    storage::{self, StoreKind, StoreThreads, TableStore},
    writer::{Setup, Survey, survey},
};

/// One finding for each table that a mapping names.
pub(crate) async fn probe(config: &Delta, id: &ConnectorId) -> Vec<Finding> {
    let named = |table: &&Table| {
        let mut targets = config.topic_mappings.iter().flat_map(|mapping| mapping.targets());
        targets.any(|target| target == table.name)
    };
    let threads = match StoreThreads::start() {
        Ok(threads) => Arc::new(threads),
        Err(error) => {
            return vec![Finding {
                what: format!("{id}: threads for its stores"),
                outcome: Outcome::Failed(error.to_string()),
            }];
        }
    };
    let findings = config.tables.iter().filter(named).map(|table| async {
        Finding {
            what: format!("{id}: {} ({})", table.shown(), promise(table)),
            outcome: look(config, table, id, threads.clone()).await,
        }
    });
    join_all(findings).await
}

/// What the table can promise.
fn promise(table: &Table) -> String {
    let rows = table.window_rows;
    let untested = match table.url.kind() {
        StoreKind::Google => "; Google Cloud Storage is built and was never tested",
        _ => "",
    };
    format!("each message is a row once, if it comes again within {rows} rows{untested}")
}

async fn look(config: &Delta, table: &Table, id: &ConnectorId, threads: Arc<StoreThreads>) -> Outcome {
    let dialer = Dialer::new(config.guard.policy());
    let objects = match storage::open(&table.url, &config.options_of(table), &dialer) {
        Ok(objects) => objects,
        Err(why) => return Outcome::Failed(format!("{why}; correct `storage`")),
    };
    let setup = Setup {
        config: table.clone(),
        store: TableStore::new(objects, &table.url, threads),
        identity: Identity::new(id.as_str(), "check"),
        tried: Arc::default(),
        may_create: false,
    };
    let found = spawn_blocking(move || survey(&setup)).await;
    match found {
        Ok(Ok(Survey::Fits)) => Outcome::Reached,
        Ok(Ok(Survey::ToBeMade)) => Outcome::Awaited("it is made when the sink starts".to_owned()),
        Ok(Err(TableError::Transient(why))) => Outcome::Failed(format!("its store cannot be reached: {why}")),
        Ok(Err(error)) => Outcome::Failed(error.to_string()),
        Err(error) => Outcome::Unknown(error.to_string()),
    }
}
