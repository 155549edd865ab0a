//! Replication slots.

use postgres_protocol::escape::escape_literal;

use crate::{
    position::Slot,
    refusal::PgError,
    sql::{Sql, optional, text},
};

/// The slot of this name, if there is one.
pub(crate) async fn slot(sql: &Sql, name: &str) -> Result<Option<Slot>, PgError> {
    // As JSON, what only newer versions have is NULL in older ones.
    let statement = format!(
        "SELECT coalesce(s.database, '') AS database, coalesce(s.plugin, '') AS plugin, s.confirmed_flush_lsn AS confirmed, \
         s.wal_status, s.active_pid, to_jsonb(s) ->> 'invalidation_reason' AS reason, to_jsonb(s) ->> 'conflicting' AS conflicting, \
         a.usename, a.application_name, host(a.client_addr) AS address \
         FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid WHERE s.slot_name = {}",
        escape_literal(name)
    );
    let rows = sql.rows(&format!("looking for the slot `{name}`"), &statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let reason = optional(row, "reason");
    let is_lost = text(row, "wal_status") == "lost" || text(row, "conflicting") == "true" || reason.is_some();
    let reader = optional(row, "active_pid").map(|pid| {
        let mut words = format!("process {pid}");
        for (column, what) in [("application_name", ""), ("usename", "role "), ("address", "from ")] {
            if let Some(value) = optional(row, column).filter(|value| !value.is_empty()) {
                words.push_str(&format!(", {what}{value}"));
            }
        }
        words
    });
    Ok(Some(Slot {
        database: text(row, "database"),
        plugin: text(row, "plugin"),
        // None of a physical slot, and of one that was never consistent.
        confirmed: text(row, "confirmed").parse().unwrap_or_default(),
        lost: is_lost.then(|| reason.unwrap_or_else(|| "its part of the log was removed".to_owned())),
        reader,
    }))
}
