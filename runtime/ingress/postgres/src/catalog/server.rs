//! The server, and whether it can be read from at all.

use crate::{
    config::Postgres,
    limits::{SERVER_VERSION_MIN, SERVER_VERSION_TESTED_MAX},
    refusal::PgError,
    sql::{Sql, flag, optional, text},
};

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// As `server_version_num`: 150018.
    pub(crate) version: u32,
    /// For people: `15.18`.
    pub(crate) version_text: String,
    wal_level: String,
    encoding: String,
    /// It replays another server's log.
    pub(crate) is_standby: bool,
    /// How much log a slot may keep: -1 for as much as it takes.
    pub(crate) slot_keeps: String,
    /// Slots that nobody reads for so long are invalidated; none before version 18.
    pub(crate) idle_slot_timeout: Option<String>,
    pub(crate) slots_free: i64,
}

const STATEMENT: &str = "SELECT current_setting('server_version_num') AS version, current_setting('server_version') AS version_text, \
    current_setting('wal_level') AS wal_level, current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS is_standby, \
    current_setting('max_slot_wal_keep_size') AS slot_keeps, current_setting('idle_replication_slot_timeout', true) AS idle_slot_timeout, \
    current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots) AS slots_free";

impl Server {
    pub(crate) async fn ask(sql: &Sql) -> Result<Self, PgError> {
        let row = sql.row("asking for the server's settings", STATEMENT).await?;
        Ok(Self {
            version: text(&row, "version").parse().unwrap_or_default(),
            version_text: text(&row, "version_text"),
            wal_level: text(&row, "wal_level"),
            encoding: text(&row, "encoding"),
            is_standby: flag(&row, "is_standby"),
            slot_keeps: text(&row, "slot_keeps"),
            idle_slot_timeout: optional(&row, "idle_slot_timeout").filter(|timeout| timeout != "0"),
            slots_free: text(&row, "slots_free").parse().unwrap_or_default(),
        })
    }

    /// Whether it can be read from; a warning if perhaps not.
    pub(crate) fn check(&self, config: &Postgres) -> Result<Option<String>, PgError> {
        let url = &config.url;
        if self.version < SERVER_VERSION_MIN {
            return Err(PgError::permanent(format!(
                "{url} is PostgreSQL {}, and 15 is the oldest that this source reads: upgrade the server",
                self.version_text
            )));
        }
        if self.wal_level != "logical" {
            return Err(PgError::permanent(format!(
                "{url} has `wal_level = {}`, and changes can be read with `logical` only: set it in postgresql.conf and restart the \
                 server",
                self.wal_level
            )));
        }
        if self.encoding == "SQL_ASCII" {
            return Err(PgError::permanent(format!(
                "{url} has the encoding SQL_ASCII, in which nobody knows what bytes mean: create the database with `ENCODING 'UTF8'`"
            )));
        }
        Ok((self.version > SERVER_VERSION_TESTED_MAX).then(|| {
            format!(
                "{url} is PostgreSQL {}, and 18 is the newest that this was tested with",
                self.version_text
            )
        }))
    }

    /// Whether slots can be synchronised to standbys.
    pub(crate) fn has_failover(&self) -> bool {
        self.version >= 170_000 && !self.is_standby
    }

    /// Whether there is room for the slot of a source that has none yet.
    pub(crate) fn has_free_slot(&self) -> bool {
        self.slots_free > 0
    }
}
