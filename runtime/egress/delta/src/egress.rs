//! The tables of a sink, as a target of writes.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::{
    BatchWish, Targets,
    door::{Egress, EgressError, Later, Write, WriteReport},
    message::Operation,
};
use futures_util::future::join_all;

use crate::{
    BATCH_WISH,
    committer::{Appended, Committer},
    config::{Delta, Table},
    error::TableError,
    ids_file::Identity,
    layout::Layout,
    storage::{self, StoreThreads, TableStore},
    writer::Setup,
};

/// The tables of a sink.
pub struct DeltaEgress {
    tables: BTreeMap<Arc<str>, (Table, Committer)>,
    targets: Targets,
}

impl DeltaEgress {
    /// The tables that mappings name. `connector` and `consumer` are whose commits they are: the first is of all processes that run
    /// this sink, the second of one. Asks no store anything.
    ///
    /// # Errors
    ///
    /// An option does not suit a table's store: what to do.
    pub fn new(config: &Delta, connector: &str, consumer: &str, may_create: bool) -> Result<Self, String> {
        let threads = StoreThreads::start().map_err(|error| format!("no threads can be started: {error}"))?;
        let threads = Arc::new(threads);
        let dialer = Dialer::new(config.guard.policy());
        let named = config.topic_mappings.iter().flat_map(|mapping| mapping.targets());
        let targets: Targets = named.collect();
        let mut tables = BTreeMap::new();
        for table in config.tables.iter().filter(|table| targets.contains(&table.name)) {
            let wrong = |why: String| format!("{}: {why}; correct `storage`", table.shown());
            let objects = storage::open(&table.url, &config.options_of(table), &dialer).map_err(wrong)?;
            let setup = Setup {
                config: table.clone(),
                store: TableStore::new(objects, &table.url, threads.clone()),
                identity: Identity::new(connector, consumer),
                tried: Arc::default(),
                may_create,
            };
            let committer = Committer::start(setup).map_err(|error| format!("no thread can be started: {error}"))?;
            tables.insert(Arc::from(table.name.as_str()), (table.clone(), committer));
        }
        Ok(Self { tables, targets })
    }

    async fn append(&self, target: &Arc<str>, writes: &[(usize, &Write)]) -> Result<Appended, TableError> {
        match self.tables.get(target) {
            Some((_, committer)) => committer.append(writes).await,
            None => {
                let why = || format!("this sink has no table {target:?}");
                Ok(Appended {
                    refused: writes.iter().map(|(place, _)| (*place, why())).collect(),
                    known: 0,
                })
            }
        }
    }
}

/// A table, its writes with their places, and what became of them.
type TableOutcome<'w> = (&'w Arc<str>, &'w [(usize, &'w Write)], Result<Appended, TableError>);

/// What became of a batch, of what became of each table's part. What is done is found when it is written again.
fn report(outcomes: Vec<TableOutcome<'_>>) -> Result<WriteReport, EgressError> {
    let is_only_one = outcomes.len() == 1;
    let mut report = WriteReport::default();
    for (target, writes, outcome) in outcomes {
        match outcome {
            Ok(appended) => {
                report.refused.extend(appended.refused);
                report.unchanged += appended.known;
            }
            Err(error @ (TableError::Transient(_) | TableError::Changed)) if !is_only_one => report.later.push(Later {
                places: writes.iter().map(|(place, _)| *place).collect(),
                message: error.to_string(),
                retry_after: None,
            }),
            Err(error) => return Err(error.of_target(target)),
        }
    }
    report.refused.sort_unstable();
    Ok(report)
}

#[async_trait]
impl Egress for DeltaEgress {
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        let mut by_target: BTreeMap<&Arc<str>, Vec<(usize, &Write)>> = BTreeMap::new();
        for (place, write) in writes.iter().enumerate() {
            by_target.entry(&write.target).or_default().push((place, write));
        }
        let appends = by_target.iter().map(async |(target, writes)| {
            let appended = self.append(target, writes).await;
            (*target, writes.as_slice(), appended)
        });
        report(join_all(appends).await)
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }

    fn accepts(&self, target: &str, operation: Operation) -> bool {
        let table = self.tables.get(target);
        table.is_none_or(|(table, _)| Layout::accepts(table.changes, operation))
    }

    fn batch_wish(&self) -> BatchWish {
        BATCH_WISH
    }

    async fn ready(&self) -> Result<(), EgressError> {
        for (name, (_, committer)) in &self.tables {
            committer.layout().await.map_err(|error| error.of_target(name))?;
        }
        Ok(())
    }

    /// What was handed in is committed before.
    async fn close(&self) -> Result<(), EgressError> {
        join_all(self.tables.values().map(|(_, committer)| committer.close())).await;
        Ok(())
    }
}
