//! The bare side: a client and a parser of other authors, of which the source takes the messages and the parser.

use anyhow::{Result, bail, ensure};
use danube_wasm_benches::Clock;
use pg_walstream::{LogicalReplicationMessage, LogicalReplicationParser};
use pgwire_replication::{Lsn, ReplicationClient, ReplicationConfig, ReplicationEvent};

use crate::{DATABASE, MARK, PUBLICATION};

/// First argument of this process.
pub(crate) const ROLE: &str = "bare";

/// Version of the messages: each transaction comes whole.
const PROTOCOL: u32 = 1;
/// Of the table's columns, the one that has the mark.
const NOTE: usize = 3;

/// Reads as many inserts as the arguments say: of the port, the slot.
pub(crate) fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(2).collect();
    let [port, slot, rows] = &arguments[..] else {
        bail!("these are not the arguments: {arguments:?}")
    };
    let config = ReplicationConfig::new("127.0.0.1", "danube", "", DATABASE, slot, PUBLICATION);
    let config = config.with_port(port.parse()?).with_start_lsn(Lsn::ZERO);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let rows = rows.parse()?;
    // A task, so that it runs on a thread like the client's own.
    println!(
        "{}",
        runtime.block_on(async { tokio::spawn(read(config, rows)).await? })?
    );
    Ok(())
}

async fn read(config: ReplicationConfig, rows: u64) -> Result<String> {
    let mut client = ReplicationClient::connect(config).await?;
    let mut parser = LogicalReplicationParser::with_protocol_version(PROTOCOL);
    let mut clock = Clock::default();
    let mut inserts = 0;
    while let Some(event) = client.recv().await? {
        match event {
            ReplicationEvent::XLogData { data, .. } => {
                clock.record()?;
                let parsed = parser.parse_wal_message_bytes(data)?;
                inserts += count(&parsed.message)?;
            }
            ReplicationEvent::Commit { end_lsn, .. } => {
                client.update_applied_lsn(end_lsn);
                if inserts >= rows {
                    break;
                }
            }
            _ => {}
        }
    }
    let account = clock.account(inserts)?;
    client.shutdown().await?;
    ensure!(inserts == rows, "{inserts} inserts came of {rows}");
    Ok(account)
}

/// One of an insert that is whole.
fn count(message: &LogicalReplicationMessage) -> Result<u64> {
    let LogicalReplicationMessage::Insert { tuple, .. } = message else {
        return Ok(0);
    };
    let note = tuple.columns.get(NOTE).map(|column| column.as_bytes());
    ensure!(note == Some(MARK.as_bytes()), "an insert is cut off");
    Ok(1)
}
