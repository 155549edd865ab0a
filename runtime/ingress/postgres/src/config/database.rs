//! The database that a source reads from, and how.

use std::time::Duration;

use danube_wasm_connector::NameClaim;
use danube_wasm_egress_dial::config::TlsPaths;
use danube_wasm_settings::{
    Field, SecretSource, Section, Table,
    kinds::{Choice, Credential, Flag, Millis, Parsed, SecretSourceKind, Secs, Text},
};

use super::{MessageRoute, Name, TableRoute};
use crate::url::PostgresUrl;

/// The database that a source reads from, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Postgres {
    /// Where it is.
    pub url: PostgresUrl,
    /// Role that signs in.
    pub user: String,
    /// Password of the role.
    pub password: Option<SecretSource>,
    /// Whether the connection is encrypted.
    pub sslmode: SslMode,
    /// Whom to trust and who we are.
    pub tls: Option<TlsPaths>,
    /// The replication slot, which keeps what is not confirmed.
    pub slot: Name,
    /// The publication, which says what is in the stream.
    pub publication: String,
    /// Whether the publication is made, and tables are added to it.
    pub create_publication: bool,
    /// Whether rows that were there before are read first.
    pub snapshot: SnapshotMode,
    /// What becomes of a slot that is not where this source left it.
    pub on_slot_lost: OnSlotLost,
    /// What a payload looks like.
    pub envelope: Envelope,
    /// Whether an `int8` is a string.
    pub int8_as_text: bool,
    /// Whether the slot is also kept on standbys.
    pub failover: bool,
    /// Whether changes that were replicated to the server are read, too.
    pub origin: Origin,
    /// How often the server hears of us.
    pub status_interval: Duration,
    /// How long connection, TLS and signing in may take together.
    pub connect_timeout: Duration,
    /// Tables and where they go.
    pub tables: Vec<TableRoute>,
    /// Messages and where they go.
    pub messages: Vec<MessageRoute>,
}

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// By a certificate that was made for the host.
    VerifyFull,
    /// Not.
    Disable,
}

/// Whether the rows that are in the tables when a source begins are read first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotMode {
    /// They are.
    Initial,
    /// Only changes are read.
    Never,
}

/// What becomes of a slot that is gone, was recreated, was advanced by others or belongs to another system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSlotLost {
    /// The source stops, and names what is lost.
    Stop,
    /// All tables are read anew.
    Snapshot,
}

/// What a payload looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// The row.
    Row,
    /// As Debezium's: operation, row before and after, source.
    Debezium,
}

/// Which changes a server sends that replicates from others itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// All.
    Any,
    /// Only its own.
    None,
}

impl Section for Postgres {
    const ABOUT: &'static str = "The PostgreSQL database that a source reads from, versions 15 to 18. A transaction is confirmed to the replication \
        slot when all its records are durable; the server keeps what is not confirmed, also while this side is away.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let url = t
            .field(
                "url",
                Parsed::<PostgresUrl>::new("the URL of a database"),
                "Where the database is: `postgres://HOST:PORT/DATABASE`. Without a port 5432. The server itself, not a pooler.",
            )
            .example("\"postgres://db.example/shop\"")
            .required();
        let user = t
            .field(
                "user",
                Credential,
                "The role that signs in. It needs LOGIN, REPLICATION, and SELECT on the tables for the snapshot.",
            )
            .example("\"danube\"")
            .required();
        let password = password(t).optional();
        let sslmode = t
            .field(
                "sslmode",
                Choice::of(&[("verify-full", SslMode::VerifyFull), ("disable", SslMode::Disable)]),
                "Whether the connection is encrypted, by a certificate that was made for the host of `url`.",
            )
            .defaults_to("`\"verify-full\"`; `\"disable\"` for this machine");
        let tls = t.group("tls").optional::<TlsPaths>();
        let reading = reading(t);
        let connect_timeout = t
            .field(
                "connect_timeout_ms",
                Millis(100..=600_000),
                "How long connection, TLS and signing in may take together.",
            )
            .or(Duration::from_secs(10));
        let tables = t.group("tables").each_of_some::<TableRoute>();
        let messages = t.group("messages").each::<MessageRoute>();
        let is_local = url.as_ref().is_some_and(PostgresUrl::is_loopback);
        let sslmode = sslmode.unwrap_or(if is_local {
            SslMode::Disable
        } else {
            SslMode::VerifyFull
        });
        check(t, is_local, sslmode, &tables, &messages);
        if let (Some(url), Some(slot)) = (&url, &reading.slot) {
            NameClaim::leave(t, "slot", claim(url, slot));
        }
        Some(Self {
            url: url?,
            user: user?,
            password,
            sslmode,
            tls,
            slot: reading.slot?,
            publication: reading.publication,
            create_publication: reading.create_publication,
            snapshot: reading.snapshot,
            on_slot_lost: reading.on_slot_lost,
            envelope: reading.envelope,
            int8_as_text: reading.int8_as_text,
            failover: reading.failover,
            origin: reading.origin,
            status_interval: reading.status_interval,
            connect_timeout,
            tables,
            messages,
        })
    }
}

/// What only one source can have.
pub(crate) fn claim(url: &PostgresUrl, slot: &Name) -> String {
    format!("replication slot `{slot}` at {}", url.address())
}

fn password<'t, 's>(t: &'t mut Table<'s>) -> Field<'t, 's, SecretSourceKind> {
    t.field(
        "password",
        SecretSourceKind,
        "Password of the role. One in a file is read anew for each connection.",
    )
    .example("\"${PGPASSWORD}\"")
}

/// The keys about slot, publication and stream.
struct ReadingKeys {
    slot: Option<Name>,
    publication: String,
    create_publication: bool,
    snapshot: SnapshotMode,
    on_slot_lost: OnSlotLost,
    envelope: Envelope,
    int8_as_text: bool,
    failover: bool,
    origin: Origin,
    status_interval: Duration,
}

fn reading(t: &mut Table<'_>) -> ReadingKeys {
    let slot = t
        .field(
            "slot",
            Parsed::<Name>::new("the name of a replication slot"),
            "The replication slot, which keeps on the server what is not confirmed yet, and grows while this side is away. It is made if it \
             is not there, and never dropped: when the source goes for good, drop it yourself.",
        )
        .aliases(&["slot_name"])
        .example("\"danube_shop\"")
        .required();
    let publication = t
        .field(
            "publication",
            Text,
            "The publication, which says what the server sends. Its row filters and column lists hold for the snapshot, too.",
        )
        .aliases(&["publication_name"])
        .or("danube".to_owned());
    let create_publication = t
        .field(
            "create_publication",
            Flag,
            "Make the publication with `tables` if it is not there, and add tables that it lacks. The role must own these.",
        )
        .or(false);
    let snapshot = t
        .field(
            "snapshot",
            Choice::of(&[("initial", SnapshotMode::Initial), ("never", SnapshotMode::Never)]),
            "Whether the rows that are there when the source begins are read before the changes. With `never` a slot that is there is \
             read from where it stands.",
        )
        .aliases(&["snapshot_mode"])
        .or(SnapshotMode::Initial);
    let on_slot_lost = t
        .field(
            "on_slot_lost",
            Choice::of(&[("stop", OnSlotLost::Stop), ("snapshot", OnSlotLost::Snapshot)]),
            "What happens when the slot is gone, was recreated or advanced by others, or belongs to another system, so that changes are \
             lost: stop and say so, or read all tables anew. Rows that were deleted meanwhile are not found by that.",
        )
        .or(OnSlotLost::Stop);
    let envelope = t
        .field(
            "envelope",
            Choice::of(&[("row", Envelope::Row), ("debezium", Envelope::Debezium)]),
            "What a payload looks like: the row, with the operation in the attribute `change.op`; or operation, row before and after, and \
             source, as Debezium lays them out.",
        )
        .or(Envelope::Row);
    let int8_as_text = t
        .field(
            "int8",
            Choice::of(&[("number", false), ("string", true)]),
            "How a 64-bit integer is written. Some readers of JSON lose digits above 2^53.",
        )
        .or(false);
    let failover = t
        .field(
            "failover",
            Flag,
            "Make the slot one that is synchronised to standbys, on servers that can (17 and later).",
        )
        .or(true);
    let origin = t
        .field(
            "origin",
            Choice::of(&[("any", Origin::Any), ("none", Origin::None)]),
            "Whether changes are read that the server got by replication from another one. `none` (16 and later) is for databases that \
             replicate to each other.",
        )
        .or(Origin::Any);
    let status_interval = t
        .field(
            "status_interval_secs",
            Secs(1..=30),
            "How often the server hears of this side at least. A confirmed position is told within a second.",
        )
        .or(Duration::from_secs(10));
    ReadingKeys {
        slot,
        publication,
        create_publication,
        snapshot,
        on_slot_lost,
        envelope,
        int8_as_text,
        failover,
        origin,
        status_interval,
    }
}

fn check(t: &Table<'_>, is_local: bool, sslmode: SslMode, tables: &[TableRoute], messages: &[MessageRoute]) {
    let session = t.session();
    if sslmode == SslMode::Disable {
        if t.given("tls") {
            let message = "`tls` is for encrypted connections, and `sslmode` is `disable`";
            session.error(
                &t.span("tls"),
                message,
                "write `sslmode = \"verify-full\"`, or remove `tls`",
            );
        } else if t.given("password") && !is_local {
            let message = "rows go over the network in the clear";
            session.warning(&t.span("sslmode"), message, "write `sslmode = \"verify-full\"`");
        }
    }
    for (at, route) in tables.iter().enumerate() {
        if tables[..at].iter().any(|earlier| earlier.table == route.table) {
            let message = format!("the table `{}` is there twice", route.table);
            session.error(&t.span("tables"), message, "keep one of them");
        }
    }
    for (at, route) in messages.iter().enumerate() {
        if messages[..at].iter().any(|earlier| earlier.prefix == route.prefix) {
            let message = format!("the prefix `{}` is there twice", route.prefix);
            session.error(&t.span("messages"), message, "keep one of them");
        }
    }
}
