//! How much of its log the server keeps for the slot: asked for beside the stream, and said before a limit is reached.

use std::{sync::Arc, time::Duration};

use danube_wasm_egress_dial::Dialer;
use postgres_protocol::escape::escape_literal;
use tokio::task::JoinHandle;

use crate::{
    client::Shared,
    confirmed::Confirmed,
    refusal::PgError,
    sql::{Sql, text},
};

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(15);
/// Below this part of what may be kept it is said: 1/10.
const SCARCE_PART: u64 = 10;

/// Ends when it is dropped.
pub(crate) struct Monitor(JoinHandle<()>);

impl Drop for Monitor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Monitor {
    pub(crate) fn start(shared: Arc<Shared>, dialer: Dialer, confirmed: Arc<Confirmed>) -> Self {
        Self(tokio::spawn(async move {
            let mut was_scarce = false;
            loop {
                // What is wrong with the server, the stream says.
                let _ = watch(&shared, &dialer, &confirmed, &mut was_scarce).await;
                tokio::time::sleep(EVERY).await;
            }
        }))
    }
}

async fn watch(shared: &Shared, dialer: &Dialer, confirmed: &Confirmed, was_scarce: &mut bool) -> Result<(), PgError> {
    let sql = Sql::open(&shared.config, dialer).await?;
    let statement = format!(
        "SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn)::int8 \
         AS retained, safe_wal_size AS safe, wal_status FROM pg_replication_slots WHERE slot_name = {}",
        escape_literal(shared.config.slot.as_str())
    );
    loop {
        if let Some(row) = sql.rows("asking how much the slot keeps", &statement).await?.first() {
            let retained = text(row, "retained").parse().unwrap_or_default();
            shared.counters.retained(retained);
            confirmed.set_retained(retained);
            let safe = text(row, "safe").parse::<i64>().ok();
            let safe = safe.map(|safe| u64::try_from(safe).unwrap_or_default());
            let is_scarce = safe.is_some_and(|safe| safe < (retained + safe) / SCARCE_PART)
                || text(row, "wal_status") == "unreserved";
            if is_scarce && !*was_scarce {
                tracing::error!(connector = %shared.connector, slot = %shared.config.slot, retained_bytes = retained, left_bytes = safe, "the server will soon have to drop what the slot keeps (`max_slot_wal_keep_size`), and changes are then lost: raise it at the server, or see why records are not durable");
            }
            *was_scarce = is_scarce;
        }
        tokio::time::sleep(EVERY).await;
    }
}
