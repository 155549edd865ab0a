//! Commands of a session in replication mode.

use bytes::{Buf, Bytes};
use danube_wasm_egress_dial::Dialer;
use pgwire_replication::{
    PgWireError,
    protocol::{BackendMessage, ErrorFields, framing::MessageReader, framing::write_query},
};
use postgres_protocol::escape::escape_identifier;
use tokio::io::BufReader;

use super::{auth::sign_in, stream::WalStream};
use crate::{
    config::{Origin, Postgres},
    dial::{Socket, dial, in_time},
    limits::{ANSWER_MAX, SLOT_MAX},
    lsn::Lsn,
    position::System,
    refusal::{PgError, Said, refused},
};

/// A socket and what is read of it so far.
pub(super) struct Connection {
    pub(super) socket: BufReader<Box<dyn Socket>>,
    pub(super) reader: MessageReader,
}

/// A session that takes commands. It holds what it makes for itself, a temporary slot or an exported snapshot, until it ends.
pub(crate) struct ReplicationSession {
    connection: Connection,
    config: Postgres,
}

/// What a slot is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotKind {
    /// It ends with the session, and a snapshot of its beginning can be read until the next command.
    Temporary,
    /// It stays.
    Permanent {
        /// A snapshot of its beginning can be read until the next command.
        exports_snapshot: bool,
        /// Standbys have it, too.
        failover: bool,
    },
}

/// A slot that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreatedSlot {
    /// Changes that are committed behind this are in its stream.
    pub(crate) consistent: Lsn,
    /// Name of the snapshot in which all before it is visible.
    pub(crate) snapshot: Option<String>,
}

type Row = Vec<Option<Bytes>>;

impl ReplicationSession {
    /// Signs in.
    pub(crate) async fn open(config: &Postgres, dialer: &Dialer) -> Result<Self, PgError> {
        let socket = dial(config, dialer).await?;
        let connection = in_time(config, config.connect_timeout, sign_in(config, socket)).await?;
        Ok(Self {
            connection,
            config: config.clone(),
        })
    }

    /// Which system this is, and how far its log is.
    pub(crate) async fn identify(&mut self) -> Result<System, PgError> {
        let rows = self.query("IDENTIFY_SYSTEM", "IDENTIFY_SYSTEM").await?;
        let row = rows.first().ok_or_else(|| self.senseless("IDENTIFY_SYSTEM"))?;
        let (id, timeline, flushed) = (text(row, 0), text(row, 1).parse(), text(row, 2).parse());
        let timeline: u32 = timeline.map_err(|_| self.senseless("IDENTIFY_SYSTEM"))?;
        let flushed = flushed.map_err(|_| self.senseless("IDENTIFY_SYSTEM"))?;
        // The first timeline has no history.
        let history = if timeline > 1 {
            let command = format!("TIMELINE_HISTORY {timeline}");
            let rows = self.query("TIMELINE_HISTORY", &command).await?;
            rows.first().map(|row| history(&text(row, 1))).unwrap_or_default()
        } else {
            Vec::new()
        };
        Ok(System {
            id,
            timeline,
            history,
            flushed,
        })
    }

    /// Makes a slot. It waits for all transactions that are under way.
    pub(crate) async fn create_slot(&mut self, name: &str, kind: SlotKind) -> Result<CreatedSlot, PgError> {
        let (temporary, exports_snapshot, failover) = match kind {
            SlotKind::Temporary => (" TEMPORARY", true, false),
            SlotKind::Permanent {
                exports_snapshot,
                failover,
            } => ("", exports_snapshot, failover),
        };
        let snapshot = if exports_snapshot { "export" } else { "nothing" };
        // Older servers do not know the word.
        let failover = if failover { ", FAILOVER true" } else { "" };
        let command = format!(
            "CREATE_REPLICATION_SLOT {}{temporary} LOGICAL pgoutput (SNAPSHOT '{snapshot}'{failover})",
            escape_identifier(name)
        );
        let what = format!("making the slot `{name}`");
        let rows = self.query_within(SLOT_MAX, &what, &command).await?;
        let row = rows.first().ok_or_else(|| self.senseless(&what))?;
        let consistent = text(row, 1).parse().map_err(|_| self.senseless(&what))?;
        let snapshot = Some(text(row, 2)).filter(|name| !name.is_empty());
        Ok(CreatedSlot { consistent, snapshot })
    }

    /// Starts the stream where the slot stands. The version is `server_version_num`.
    pub(crate) async fn stream(mut self, server_version: u32, from: Lsn) -> Result<WalStream, PgError> {
        let command = start_command(&self.config, server_version, from);
        let what = format!("reading the slot `{}`", self.config.slot);
        let config = self.config.clone();
        in_time(&config, ANSWER_MAX, async {
            self.write(&command).await?;
            loop {
                let message = self.connection.read(&self.config).await?;
                match message.tag {
                    b'W' => return Ok(()),
                    b'E' => return Err(self.refusal(&what, &message)),
                    _ => {}
                }
            }
        })
        .await?;
        Ok(WalStream::start(self.connection, config.status_interval, from))
    }

    async fn query(&mut self, what: &str, command: &str) -> Result<Vec<Row>, PgError> {
        self.query_within(ANSWER_MAX, what, command).await
    }

    async fn query_within(
        &mut self,
        within: std::time::Duration,
        what: &str,
        command: &str,
    ) -> Result<Vec<Row>, PgError> {
        let config = self.config.clone();
        in_time(&config, within, async {
            self.write(command).await?;
            let (mut rows, mut error) = (Vec::new(), None);
            loop {
                let message = self.connection.read(&self.config).await?;
                match message.tag {
                    b'D' => rows.push(row(message.payload).ok_or_else(|| self.senseless(what))?),
                    b'E' => error = Some(self.refusal(what, &message)),
                    b'Z' => return error.map_or(Ok(rows), Err),
                    _ => {}
                }
            }
        })
        .await
    }

    async fn write(&mut self, command: &str) -> Result<(), PgError> {
        let written = write_query(&mut self.connection.socket, command).await;
        written.map_err(|error| broke(&self.config, &error))
    }

    fn refusal(&self, what: &str, message: &BackendMessage) -> PgError {
        refused(&self.config, what, Said::from(ErrorFields::parse(&message.payload)))
    }

    fn senseless(&self, what: &str) -> PgError {
        PgError::transient(format!("{}: the answer to {what} makes no sense", self.config.url))
    }
}

impl Connection {
    pub(super) async fn read(&mut self, config: &Postgres) -> Result<BackendMessage, PgError> {
        let read = self.reader.read(&mut self.socket).await;
        read.map_err(|error| broke(config, &error))
    }
}

pub(super) fn broke(config: &Postgres, error: &PgWireError) -> PgError {
    PgError::transient(format!("{}: the connection broke: {error}", config.url))
}

fn start_command(config: &Postgres, server_version: u32, from: Lsn) -> String {
    // A list of quoted names in a literal; the grammar of these commands knows no escapes.
    let publication = escape_identifier(&config.publication).replace('\'', "''");
    let messages = if config.messages.is_empty() {
        ""
    } else {
        ", messages 'true'"
    };
    let origin = match config.origin {
        Origin::None if server_version >= 160_000 => ", origin 'none'",
        Origin::None | Origin::Any => "",
    };
    format!(
        "START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names '{publication}'{messages}{origin})",
        escape_identifier(config.slot.as_str()),
        from
    )
}

fn text(row: &Row, at: usize) -> String {
    let value = row.get(at).and_then(Option::as_ref);
    value.map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// A row of an answer, every value as text.
fn row(mut payload: Bytes) -> Option<Row> {
    let columns = payload.try_get_i16().ok()?;
    let mut row = Vec::new();
    for _ in 0..columns {
        let length = payload.try_get_i32().ok()?;
        row.push(match usize::try_from(length) {
            Ok(length) if length <= payload.len() => Some(payload.split_to(length)),
            Ok(_) => return None,
            Err(_) => None,
        });
    }
    Some(row)
}

/// Each line has a timeline, where it ended, and why.
fn history(file: &str) -> Vec<(u32, Lsn)> {
    let lines = file.lines().filter(|line| !line.trim_start().starts_with('#'));
    let ends = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    });
    ends.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_names_the_end_of_each_timeline() {
        let file = "1\t0/3000000\tno recovery target specified\n\n2\t16/B374D848\tbefore 2000-01-01\n";
        let read = history(file);
        assert_eq!(read, [(1, Lsn(0x300_0000)), (2, Lsn(0x16_b374_d848))]);
    }

    #[test]
    fn a_row_that_is_cut_short_is_none() {
        let whole = Bytes::from_static(b"\0\x02\0\0\0\x01a\xff\xff\xff\xff");
        assert_eq!(row(whole.clone()), Some(vec![Some(Bytes::from_static(b"a")), None]));
        for cut in 0..whole.len() {
            assert_eq!(row(whole.slice(..cut)), None, "{cut}");
        }
    }
}
