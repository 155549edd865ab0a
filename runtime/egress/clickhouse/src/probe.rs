//! `check --connect`: whether each table can be written to, and what it can promise.

use danube_wasm_connector::{Finding, Outcome};
use danube_wasm_model::ConnectorId;
use futures_util::future::join_all;

use crate::{ClickHouseEgress, config::ClickHouse, promise, table::Table};

/// A finding for each table, and one for each thing that may surprise.
pub(crate) async fn probe(config: &ClickHouse, id: &ConnectorId) -> Vec<Finding> {
    let egress = match ClickHouseEgress::new(config) {
        Ok(egress) => egress,
        Err(why) => {
            return vec![Finding {
                what: format!("{id}: ClickHouse at {}", config.origin()),
                outcome: Outcome::Failed(why),
            }];
        }
    };
    let findings = join_all(
        egress
            .tables
            .values()
            .map(|table| probe_table(config, id, &egress, table)),
    )
    .await;
    findings.into_iter().flatten().collect()
}

async fn probe_table(config: &ClickHouse, id: &ConnectorId, egress: &ClickHouseEgress, table: &Table) -> Vec<Finding> {
    let what = format!("{id}: table `{}`.`{}` of {}", config.database, table.name, egress.who());
    let layout = match table.layout().await {
        Ok(layout) => layout,
        Err(fault) => {
            return vec![Finding {
                what,
                outcome: Outcome::Failed(fault.message().to_owned()),
            }];
        }
    };
    let warnings = promise::warnings(&layout).into_iter().map(|warning| Finding {
        what: what.clone(),
        outcome: Outcome::Unknown(warning),
    });
    let promise = promise::of(&layout, &table.options);
    let rights = match table.try_empty(&layout).await {
        Ok(()) => Outcome::Reached,
        Err(fault) => Outcome::Failed(fault.message().to_owned()),
    };
    let reached = Finding {
        what: format!("{what} ({promise})"),
        outcome: rights,
    };
    std::iter::once(reached).chain(warnings).collect()
}
