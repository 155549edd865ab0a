//! Whether the database can be read from as configured: for `check --connect`. Nothing is changed.

use danube_wasm_connector::{Finding, Outcome};
use danube_wasm_egress_dial::Dialer;

use crate::{
    catalog::{PublishedTable, Server, ensure_publication, slot},
    config::{Postgres, SnapshotMode},
    position::Slot,
    refusal::PgError,
    replication::ReplicationSession,
    sql::Sql,
};

/// The server, the right to replicate, the publication and its tables, the slot.
pub(crate) async fn probe(config: &Postgres, dialer: &Dialer, id: &str, is_running: bool) -> Vec<Finding> {
    let finding = |what: String, outcome| Finding {
        what: format!("{id}: {what}"),
        outcome,
    };
    let mut findings = Vec::new();
    let (sql, server) = match server(config, dialer).await {
        Ok(found) => found,
        Err(error) => return vec![finding(config.url.to_string(), Outcome::Failed(error.message))],
    };
    let what = format!("{}, PostgreSQL {}", config.url, server.version_text);
    findings.push(finding(
        what,
        match server.check(config) {
            Ok(None) => Outcome::Reached,
            Ok(Some(warning)) => Outcome::Unknown(warning),
            Err(error) => Outcome::Failed(error.message),
        },
    ));
    let what = format!("replication as `{}`", config.user);
    findings.push(finding(what, replicates(config, dialer).await));
    let publication = ensure_publication(&sql, config, false).await;
    let (outcome, tables) = published(config, publication);
    findings.push(finding(format!("publication `{}`", config.publication), outcome));
    for table in &tables {
        findings.push(finding(format!("table `{}`", table.name), readable(config, table)));
    }
    let found = slot(&sql, config.slot.as_str()).await;
    let outcome = match found {
        Ok(slot) => slot_outcome(config, &server, slot, is_running),
        Err(error) => Outcome::Failed(error.message),
    };
    let timeout = server.idle_slot_timeout.as_ref();
    let timeout = timeout.map_or(String::new(), |timeout| format!(", for {timeout} without a reader"));
    let keeps = match server.slot_keeps.as_str() {
        "-1" => "all that is not confirmed, until the server's disk is full".to_owned(),
        size => format!("up to {size}"),
    };
    findings.push(finding(
        format!("replication slot `{}`, which keeps {keeps}{timeout}", config.slot),
        outcome,
    ));
    findings
}

async fn server(config: &Postgres, dialer: &Dialer) -> Result<(Sql, Server), PgError> {
    let sql = Sql::open(config, dialer).await?;
    let server = Server::ask(&sql).await?;
    Ok((sql, server))
}

async fn replicates(config: &Postgres, dialer: &Dialer) -> Outcome {
    let identified = async {
        let mut session = ReplicationSession::open(config, dialer).await?;
        session.identify().await
    };
    match identified.await {
        Ok(_) => Outcome::Reached,
        Err(error) => Outcome::Failed(error.message),
    }
}

fn published(config: &Postgres, found: Result<Vec<PublishedTable>, PgError>) -> (Outcome, Vec<PublishedTable>) {
    match found {
        Ok(tables) if tables.iter().all(|table| table.is_published) => (Outcome::Reached, tables),
        Ok(tables) => {
            let why = format!(
                "`run` makes it, or adds what it lacks: the role `{}` must own the tables",
                config.user
            );
            (Outcome::Awaited(why), tables)
        }
        Err(error) => (Outcome::Failed(error.message), Vec::new()),
    }
}

fn readable(config: &Postgres, table: &PublishedTable) -> Outcome {
    let name = &table.name;
    if config.snapshot == SnapshotMode::Initial && !table.is_readable {
        return Outcome::Failed(format!(
            "the role `{}` may not read its rows for the snapshot: `GRANT SELECT ON {name} TO \"{}\"`, or write `snapshot = \"never\"`",
            config.user, config.user
        ));
    }
    match table.has_identity() {
        true => Outcome::Reached,
        false => Outcome::Unknown(format!(
            "it has no primary key and no replica identity, so the server refuses updates and deletes of its rows while it is published: \
             add a primary key, or `ALTER TABLE {name} REPLICA IDENTITY FULL`, unless rows are only ever inserted"
        )),
    }
}

fn slot_outcome(config: &Postgres, server: &Server, slot: Option<Slot>, is_running: bool) -> Outcome {
    let Some(slot) = slot else {
        return match server.has_free_slot() {
            true => Outcome::Awaited("`run` makes it".to_owned()),
            false => Outcome::Failed(
                "it is not there, and the server has no room for another: raise `max_replication_slots`, or drop a slot that nobody reads"
                    .to_owned(),
            ),
        };
    };
    if slot.plugin != "pgoutput" || slot.database != config.url.database() {
        return Outcome::Failed(format!(
            "it is one of the database `{}` and the plugin `{}`, not of `{}` and `pgoutput`: give `slot` another name",
            slot.database,
            slot.plugin,
            config.url.database()
        ));
    }
    match (slot.lost, slot.reader) {
        (Some(why), _) => Outcome::Failed(format!("the server can no longer serve it ({why}): changes are lost")),
        (None, Some(reader)) if !is_running => {
            Outcome::Failed(format!("it is in use by {reader}: two sources cannot read one slot"))
        }
        _ => Outcome::Reached,
    }
}
