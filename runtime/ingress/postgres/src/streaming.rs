//! The stream as the driver reads it: changes while there is room, and progress.

use std::sync::atomic::{AtomicBool, Ordering};

use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::{
    event::Event,
    upstream::{Delivery, Position, Room},
};

use crate::{
    catalog::{Types, key_columns},
    client::Shared,
    decoder::{Decoded, Decoder, Described},
    event::Source,
    limits::EPOCH,
    lsn::Lsn,
    refusal::{PgError, refused},
    relation::{Defined, Relation},
    replication::{End, WalMessage, WalStream},
    snapshot::Snapshot,
    sql::Sql,
};

/// The stream, and what is known of the tables in it.
pub(crate) struct Streaming {
    pub(crate) stream: WalStream,
    decoder: Decoder,
    types: Types,
    sql: Option<Sql>,
    /// A table that is to be asked about first.
    described: Option<Described>,
    events: Vec<(Event, Position)>,
    bytes: usize,
    /// Everything up to here is whole: the position of what comes next.
    whole: Lsn,
    /// As the driver knows it.
    told: Lsn,
    /// Where a snapshot is to be read first.
    hold: Option<Hold>,
}

/// A place of the log from which on nothing is taken yet.
struct Hold {
    at: Lsn,
    /// Where the first snapshot began.
    since: Lsn,
    /// All that was committed before it has been taken.
    is_reached: bool,
}

impl Streaming {
    pub(crate) fn new(stream: WalStream, from: Lsn, snapshots: Vec<Lsn>) -> Self {
        Self {
            stream,
            decoder: Decoder::new(snapshots),
            types: Types::default(),
            sql: None,
            described: None,
            events: Vec::new(),
            bytes: 0,
            whole: from,
            told: from,
            hold: None,
        }
    }

    /// A stream of which only what was committed before a snapshot is taken, until it is [released](Self::release).
    pub(crate) fn held(stream: WalStream, from: Lsn, snapshot: &Snapshot, snapshots: Vec<Lsn>) -> Self {
        let at = snapshot.consistent;
        let before = from.min(at.before());
        Self {
            hold: Some(Hold {
                at,
                since: snapshot.since,
                is_reached: from >= at,
            }),
            ..Self::new(stream, before, snapshots)
        }
    }

    /// Whether all that was committed before the place of the hold has been taken.
    pub(crate) fn is_at_hold(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.is_reached)
    }

    /// What comes next is taken, too.
    pub(crate) fn release(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.whole = self.whole.max(hold.at);
            self.told = self.whole;
        }
    }

    /// Takes what is there and fits; waits for the first of it. May be cancelled.
    pub(crate) async fn gather(
        &mut self,
        shared: &Shared,
        dialer: &Dialer,
        room: Room,
        has_warned: &AtomicBool,
    ) -> Result<(), PgError> {
        if room.events == 0 && !self.is_at_hold() {
            if self.events.is_empty() && self.whole > self.told {
                return Ok(());
            }
            let end = self.stream.ended().await;
            return Err(ended(shared, end));
        }
        loop {
            if let Some(described) = self.described.clone() {
                let relation = self.describe(shared, dialer, &described).await?;
                self.decoder.learn(described.oid, relation);
                self.described = None;
            }
            if self.is_at_hold() {
                return Ok(());
            }
            let is_full = self.events.len() >= room.events || self.bytes >= room.bytes.max(1);
            if is_full {
                return Ok(());
            }
            let has_some = !self.events.is_empty() || self.whole > self.told;
            let next = match self.stream.try_next() {
                Some(next) => next,
                None if has_some => return Ok(()),
                None => self.stream.next().await,
            };
            match next {
                Ok(message) => self.take(shared, message, has_warned)?,
                // First what came before it.
                Err(_) if has_some => return Ok(()),
                Err(end) => return Err(ended(shared, end)),
            }
        }
    }

    fn take(&mut self, shared: &Shared, message: WalMessage, has_warned: &AtomicBool) -> Result<(), PgError> {
        let (start, data) = match message {
            WalMessage::KeepAlive { end } => {
                // Within a transaction it says nothing about what is whole.
                if !self.decoder.is_within_transaction() {
                    self.advance(end);
                }
                return Ok(());
            }
            WalMessage::Data { start, data } => (start, data),
        };
        let source = Source {
            unfinished_snapshot: self.hold.as_ref().map(|hold| hold.since),
            ..shared.source()
        };
        let decoded = self.decoder.decode(&source, &shared.routes, start, data);
        let decoded = decoded.map_err(|why| PgError::transient(format!("{}: {why}", shared.config.url)))?;
        match decoded {
            Decoded::Events(events) => {
                let position = Position::from(self.whole.0);
                for event in events {
                    self.bytes += event.payload.len() + event.key.as_ref().map_or(0, |key| key.len());
                    self.events.push((event, position));
                }
            }
            Decoded::Began(commit) => self.check_hold(commit),
            Decoded::Committed(end) => self.advance(end),
            Decoded::Relation(described) => self.described = Some(described),
            Decoded::Type(oid) => self.types.forget(oid),
            Decoded::Unrouted => {
                shared.counters.left_out("unrouted");
                if !has_warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(connector = %shared.connector, publication = shared.config.publication, "the publication has tables that are not in `tables`, or messages that are not in `messages`: their changes are passed over");
                }
            }
            Decoded::Nothing => {}
        }
        Ok(())
    }

    /// Everything up to here is whole.
    fn advance(&mut self, end: Lsn) {
        self.check_hold(end);
        let end = self.hold.as_ref().map_or(end, |hold| end.min(hold.at.before()));
        self.whole = self.whole.max(end);
    }

    /// All that was committed before this has come.
    fn check_hold(&mut self, lsn: Lsn) {
        if let Some(hold) = &mut self.hold {
            hold.is_reached |= lsn >= hold.at;
        }
    }

    /// The table, with what only the catalogs say: types that not every server has, and the key where the stream names none.
    async fn describe(&mut self, shared: &Shared, dialer: &Dialer, described: &Described) -> Result<Relation, PgError> {
        let oids = described.columns.iter().map(|column| column.type_id);
        let unknown = self.types.unknown(oids);
        // With the whole row as identity, every column is marked.
        let names_no_key = matches!(described.identity, b'f' | b'n');
        let endpoint = shared.routes.table(&described.schema, &described.table);
        let mut key = None;
        if endpoint.is_some() && (names_no_key || !unknown.is_empty()) {
            let sql = match self.sql.take() {
                Some(sql) => sql,
                None => Sql::open(&shared.config, dialer).await?,
            };
            if !unknown.is_empty() {
                self.types.learn(&sql, unknown).await?;
            }
            if names_no_key {
                key = Some(key_columns(&sql, described.oid, "").await?);
            }
            self.sql = Some(sql);
        }
        let defined: Vec<_> = described
            .columns
            .iter()
            .map(|column| Defined {
                name: &column.name,
                oid: column.type_id,
                is_key: match &key {
                    Some(key) => key.iter().any(|name| **name == *column.name),
                    None => column.is_key() && !names_no_key,
                },
            })
            .collect();
        let of = (described.oid, described.schema.clone(), described.table.clone());
        Ok(Relation::new(
            of,
            &defined,
            described.identity == b'f',
            &self.types,
            endpoint,
        ))
    }

    /// What was gathered, as one delivery: events, or progress.
    pub(crate) fn deliver(&mut self, shared: &Shared) -> Option<Delivery> {
        let stream = shared.stream.clone();
        if !self.events.is_empty() {
            self.bytes = 0;
            let events = std::mem::take(&mut self.events);
            return Some(Delivery::Events {
                stream,
                epoch: EPOCH,
                events,
            });
        }
        (self.whole > self.told).then(|| {
            self.told = self.whole;
            Delivery::Passed {
                stream,
                epoch: EPOCH,
                position: Position::from(self.whole.0),
            }
        })
    }
}

fn ended(shared: &Shared, end: End) -> PgError {
    match end {
        End::Said(said) => refused(&shared.config, "reading the slot", said),
        End::Broken(why) => PgError::transient(format!("{}: {why}", shared.config.url)),
    }
}
