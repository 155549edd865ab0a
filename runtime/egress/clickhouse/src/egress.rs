//! The tables of a sink, as a target of writes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use danube_wasm_model::{
    BatchWish, Targets,
    door::{Egress, EgressError, Later, Write, WriteReport},
};
use futures_util::future::join_all;

use crate::{BATCH_WISH, client::Client, config::ClickHouse, exception::Fault, insert::Written, table::Table};

/// The tables of a sink.
pub struct ClickHouseEgress {
    pub(crate) tables: BTreeMap<Arc<str>, Table>,
    targets: Targets,
    client: Arc<Client>,
    is_closed: AtomicBool,
}

impl ClickHouseEgress {
    /// Connects at the first write.
    ///
    /// # Errors
    ///
    /// A certificate or a secret cannot be used: what to do.
    pub fn new(config: &ClickHouse) -> Result<Self, String> {
        let client = Arc::new(Client::new(config)?);
        let mut tables = BTreeMap::new();
        for mapping in &config.topic_mappings {
            for name in mapping.targets() {
                let table = || Table::new(name, &mapping.options, config, client.clone());
                tables.entry(Arc::from(name)).or_insert_with(table);
            }
        }
        Ok(Self {
            targets: tables.keys().cloned().collect(),
            tables,
            client,
            is_closed: AtomicBool::new(false),
        })
    }

    /// Where it is, for people.
    pub(crate) fn who(&self) -> &str {
        &self.client.who
    }

    async fn write_to(&self, target: &str, writes: Vec<(usize, &Write)>) -> (Arc<str>, Written, usize) {
        match self.tables.get(target) {
            Some(table) => {
                let outcome = table.write(writes).await;
                (table.name.clone(), outcome.written, outcome.unchanged)
            }
            None => {
                let why = format!("this sink has no table {target:?}");
                let refused = writes.into_iter().map(|(place, _)| (place, why.clone()));
                let written = Written {
                    refused: refused.collect(),
                    failed: None,
                };
                (target.into(), written, 0)
            }
        }
    }
}

#[async_trait]
impl Egress for ClickHouseEgress {
    /// Tables are written to at the same time. If all fail, the first one's fault is the result: so a table that is held is
    /// known as such. Otherwise the writes to those that fail are done later.
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(EgressError::Transient {
                message: "the sink was closed".to_owned(),
                retry_after: None,
            });
        }
        let mut by_table: BTreeMap<&str, Vec<(usize, &Write)>> = BTreeMap::new();
        for (place, write) in writes.iter().enumerate() {
            by_table.entry(&write.target).or_default().push((place, write));
        }
        let results = join_all(
            by_table
                .into_iter()
                .map(|(target, writes)| self.write_to(target, writes)),
        )
        .await;
        let (mut report, mut faults) = (WriteReport::default(), Vec::new());
        for (table, written, unchanged) in results {
            report.refused.extend(written.refused);
            report.unchanged += unchanged;
            faults.extend(written.failed.map(|(places, fault)| (table, places, fault)));
        }
        report.refused.sort_unstable_by_key(|(place, _)| *place);
        let open: usize = faults.iter().map(|(_, places, _)| places.len()).sum();
        if open == writes.len() && !writes.is_empty() {
            return Err(first_fault(faults));
        }
        report.later = faults
            .into_iter()
            .map(|(_, places, fault)| later(places, fault))
            .collect();
        Ok(report)
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }

    fn batch_wish(&self) -> BatchWish {
        BATCH_WISH
    }

    async fn ready(&self) -> Result<(), EgressError> {
        let answer = self.client.ask("SELECT 1".to_owned(), &[]).await;
        answer.map(drop).map_err(|fault| match fault {
            Fault::Transient { message, retry_after } => EgressError::Transient { message, retry_after },
            fault => EgressError::Configuration {
                message: fault.message().to_owned(),
            },
        })
    }

    async fn close(&self) -> Result<(), EgressError> {
        self.is_closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Of a table that somebody must act for, if there is one.
fn first_fault(mut faults: Vec<(Arc<str>, Vec<usize>, Fault)>) -> EgressError {
    let unfit = faults
        .iter()
        .position(|(_, _, fault)| !matches!(fault, Fault::Transient { .. }));
    let (table, _, fault) = faults.swap_remove(unfit.unwrap_or(0));
    fault.into_egress_error(&table)
}

fn later(places: Vec<usize>, fault: Fault) -> Later {
    let retry_after = match &fault {
        Fault::Transient { retry_after, .. } => *retry_after,
        _ => None,
    };
    Later {
        places,
        message: fault.message().to_owned(),
        retry_after,
    }
}
