//! `[surrealdb]`.

use std::time::Duration;

use super::{
    draft::Rows,
    mapping::{Batches, OldMapping, Route, note_old_batches},
    processing::Processing,
};
use crate::tables::surrealdb::{Credentials, Level, SurrealDb, SurrealUrlKind, TIMEOUT};
use danube_wasm_settings::{
    Effect, Secret, Section, Table, Written,
    kinds::{Credential, Kind, Millis, SecretText, Secs, Text},
};

/// A database without its mappings, and those.
pub(super) struct ConnectSurreal {
    surrealdb: SurrealDb,
    rows: Rows,
    batches: Batches,
    mappings: Mappings,
}

/// The mappings, in the words of one version.
enum Mappings {
    Old(Vec<OldMapping>),
    Routes(Vec<Route>),
}

/// Batches of version 0.2 where neither the mapping nor its table says anything.
const OLD_BATCH_SIZE: usize = 100;
/// Batches of version 0.3 where `[processing]` says nothing.
const BATCH_SIZE: usize = 1000;
/// Wait for a batch of either version.
const BATCH_WAIT: Duration = Duration::from_secs(1);

impl ConnectSurreal {
    /// The database with its mappings, and the rows of all.
    pub(super) fn with(self, t: &Table<'_>, processing: &Processing) -> (SurrealDb, Rows, Vec<Rows>) {
        let usual = |size: usize| Batches {
            size: Some(Written {
                value: size,
                toml: size.to_string(),
            }),
            wait: Some(Written {
                value: BATCH_WAIT,
                toml: Millis(0..=0).show(&BATCH_WAIT),
            }),
        };
        let Self {
            mut surrealdb,
            rows,
            batches,
            mappings,
        } = self;
        let mappings: Vec<_> = match mappings {
            Mappings::Old(mappings) => {
                let help = "write `batch_size` and `flush_interval_ms` in [surrealdb]";
                processing.note_batches(t.session(), Effect::Never, help);
                let usual = batches.or(&usual(OLD_BATCH_SIZE));
                mappings.into_iter().map(|mapping| mapping.0.with(&usual)).collect()
            }
            Mappings::Routes(routes) => {
                let said = Batches {
                    size: processing.batch_size.clone(),
                    wait: processing.batch_timeout.clone(),
                };
                let usual = said.or(&usual(BATCH_SIZE));
                routes.into_iter().map(|route| route.0.with(&usual)).collect()
            }
        };
        let (mappings, mapping_rows) = mappings.into_iter().unzip();
        surrealdb.topic_mappings = mappings;
        (surrealdb, rows, mapping_rows)
    }
}

impl Section for ConnectSurreal {
    const ABOUT: &'static str = "The SurrealDB database that the sink writes to. Servers are of version 3.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let url = t
            .field("url", SurrealUrlKind, "Where the database is: `host:port`, or a URL.")
            .overridden_by("SURREALDB_URL")
            .example("\"surrealdb:8000\"")
            .required_written();
        let namespace = t
            .field("namespace", Text, "Namespace.")
            .example("\"default\"")
            .required_written();
        let database = t
            .field("database", Text, "Database.")
            .example("\"default\"")
            .required_written();
        let mut rows = Rows::default();
        let credentials = credentials(t);
        let connect_timeout = timeout(t, "connection_timeout_secs", "How long a connection may take.");
        let request_timeout = timeout(t, "request_timeout_secs", "How long a statement may take.");
        let batches = Batches::read(t);
        let old = t.group("topic_mappings").each::<OldMapping>();
        let routes = t.group("routes").each::<Route>();
        let mappings = match (t.has_items("topic_mappings"), t.has_items("routes")) {
            (true, true) => {
                t.session().error(
                    &t.span("routes"),
                    "`routes` is the newer spelling of `topic_mappings`, which is given too",
                    "keep one of them",
                );
                None
            }
            (true, false) => Some(Mappings::Old(old)),
            (false, true) => {
                note_old_batches(t);
                Some(Mappings::Routes(routes))
            }
            (false, false) => {
                if t.session().manual().is_none() {
                    t.session().error(
                        t.own_span(),
                        "[surrealdb] needs at least one of `routes`",
                        "add `[[surrealdb.routes]]`",
                    );
                }
                None
            }
        };
        let (url, namespace, database) = (url?, namespace?, database?);
        rows.push("url", url.toml);
        rows.push("namespace", namespace.toml);
        rows.push("database", database.toml);
        let credentials = match credentials {
            Some((username, password)) => {
                rows.push("username", username.toml);
                rows.push("password", password.toml);
                Credentials::User {
                    level: Level::Root,
                    username: username.value,
                    password: password.value,
                }
            }
            None => Credentials::None,
        };
        let usual = Millis(0..=0).show(&TIMEOUT);
        rows.unless(&usual, "connect_timeout_ms", Millis(0..=0).show(&connect_timeout));
        rows.unless(&usual, "request_timeout_ms", Millis(0..=0).show(&request_timeout));
        Some(Self {
            surrealdb: SurrealDb {
                url: url.value,
                namespace: namespace.value,
                database: database.value,
                credentials,
                connect_timeout,
                request_timeout,
                datetime_fields: Vec::new(),
                epoch_seconds_fields: Vec::new(),
                epoch_millis_fields: Vec::new(),
                topic_mappings: Vec::new(),
            },
            rows,
            batches,
            mappings: mappings?,
        })
    }
}

/// A user of the whole server, if both name and password are there: Danube Connect does not sign in with one alone.
fn credentials(t: &mut Table<'_>) -> Option<(Written<String>, Written<Secret>)> {
    let username = t
        .field("username", Credential, "User of the server to sign in with.")
        .overridden_by("SURREALDB_USERNAME")
        .example("\"root\"")
        .optional_written();
    let password = t
        .field("password", SecretText, "Password of the user.")
        .overridden_by("SURREALDB_PASSWORD")
        .example("\"secret\"")
        .optional_written();
    if t.given("password") && password.is_some() {
        let text = "the file holds the password: set SURREALDB_PASSWORD, and remove the default here".to_owned();
        t.session().note_for_translation(&t.span("password"), text);
    }
    if username.is_some() != password.is_some() {
        let help = "give both, as SURREALDB_USERNAME and SURREALDB_PASSWORD";
        for key in ["username", "password"] {
            t.tell_effect(key, Effect::Never, help);
        }
    }
    username.zip(password)
}

fn timeout(t: &mut Table<'_>, key: &'static str, about: &'static str) -> Duration {
    let timeout = t.field(key, Secs(1..=600), about).or(TIMEOUT);
    t.tell_effect(key, Effect::New, "see that it is long enough, or remove it");
    timeout
}
