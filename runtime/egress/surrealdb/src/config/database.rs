//! The database that a sink writes to.

use std::{path::Path, time::Duration};

use danube_wasm_settings::{
    Section, Table, ValueRef,
    kinds::{Choice, Credential, Kind, List, Millis, Parsed, SecretText, Text},
    values::{FieldPath, HttpUrl},
};

use super::mapping::TopicMapping;
use crate::{Credentials, DatetimeField, DatetimeForm, SurrealOptions, SurrealUrl};

/// A SurrealDB database and how to write to it.
#[derive(Debug, Clone, PartialEq)]
pub struct SurrealDb {
    /// Address.
    pub url: SurrealUrl,
    /// Namespace.
    pub namespace: String,
    /// Database.
    pub database: String,
    /// How to sign in.
    pub credentials: Option<Credentials>,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time for a statement.
    pub request_timeout: Duration,
    /// Fields whose RFC 3339 text is stored as a datetime.
    pub datetime_fields: Vec<FieldPath>,
    /// Fields whose number of seconds since 1970-01-01 UTC is stored as a datetime.
    pub epoch_seconds_fields: Vec<FieldPath>,
    /// Fields whose number of milliseconds since 1970-01-01 UTC is stored as a datetime.
    pub epoch_millis_fields: Vec<FieldPath>,
    /// The topics to consume and their tables; at least one.
    pub topic_mappings: Vec<TopicMapping>,
}

/// The level at which a user is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Namespace,
    Database,
}

impl SurrealDb {
    /// The options of the egress.
    pub(crate) fn options(&self) -> SurrealOptions {
        let forms = [
            (DatetimeForm::Rfc3339, &self.datetime_fields),
            (DatetimeForm::EpochSeconds, &self.epoch_seconds_fields),
            (DatetimeForm::EpochMillis, &self.epoch_millis_fields),
        ];
        let fields = forms.into_iter().flat_map(|(form, fields)| {
            let field = move |field: &FieldPath| DatetimeField {
                path: field.steps(),
                form,
            };
            fields.iter().map(field)
        });
        SurrealOptions {
            credentials: self.credentials.clone(),
            connect_timeout: self.connect_timeout,
            request_timeout: self.request_timeout,
            datetime_fields: fields.collect(),
            tables: self.topic_mappings.iter().flat_map(TopicMapping::targets).collect(),
            ..SurrealOptions::new(self.url.clone(), &self.namespace, &self.database)
        }
    }
}

impl Section for SurrealDb {
    const ABOUT: &'static str = "The SurrealDB database that a sink writes to. Servers are of version 3.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let url = t
            .field(
                "url",
                SurrealUrlKind,
                "Where the database is. `surrealkv://DIR` is a database on disk in this process, `mem://` one in \
                 memory; `host:port` means `ws://host:port`.",
            )
            .example("\"surrealkv://data/db\"")
            .required();
        let namespace = t
            .field("namespace", Text, "Namespace.")
            .example("\"default\"")
            .required();
        let database = t.field("database", Text, "Database.").example("\"default\"").required();
        let credentials = credentials(t);
        let timeout = || Millis(100..=600_000);
        let connect_timeout = t
            .field("connect_timeout_ms", timeout(), "How long a connection may take.")
            .or(SurrealOptions::CONNECT_TIMEOUT_DEFAULT);
        let request_timeout = t
            .field(
                "request_timeout_ms",
                timeout(),
                "How long a statement may take before it is tried again.",
            )
            .or(SurrealOptions::REQUEST_TIMEOUT_DEFAULT);
        let datetime_fields = t
            .field(
                "datetime_fields",
                fields(),
                "Fields whose text is stored as a datetime: names at the top of a document, or JSON pointers to fields \
                 anywhere, in which `*` stands for every element of an array. The text is RFC 3339 with date, time and \
                 offset, as `2024-01-31T09:30:00Z`; any other, also a date alone, refuses the document, and its message \
                 becomes a dead letter. Null and what is not there are passed over.",
            )
            .example("[\"created_at\", \"/data/items/*/paid_at\"]")
            .or(Vec::new());
        let epoch_seconds_fields = t
            .field(
                "epoch_seconds_fields",
                fields(),
                "Likewise, fields whose number of seconds since 1970-01-01 UTC, with or without a fraction, is stored as a \
                 datetime.",
            )
            .example("[\"created\"]")
            .or(Vec::new());
        let epoch_millis_fields = t
            .field(
                "epoch_millis_fields",
                fields(),
                "Likewise, fields whose number of milliseconds since 1970-01-01 UTC is stored as a datetime.",
            )
            .example("[\"/event/at_ms\"]")
            .or(Vec::new());
        let topic_mappings = t
            .group("topic_mappings")
            .aliases(&["routes"])
            .each_of_some::<TopicMapping>();
        t.moved("connection_timeout_secs", "write `connect_timeout_ms`, in milliseconds");
        t.moved("request_timeout_secs", "write `request_timeout_ms`, in milliseconds");
        Some(Self {
            url: url?,
            namespace: namespace?,
            database: database?,
            credentials,
            connect_timeout,
            request_timeout,
            datetime_fields,
            epoch_seconds_fields,
            epoch_millis_fields,
            topic_mappings,
        })
    }
}

fn fields() -> List<Parsed<FieldPath>> {
    List {
        kind: Parsed::new("a field's name or a JSON pointer"),
        len: 0..=64,
    }
}

fn credentials(t: &mut Table<'_>) -> Option<Credentials> {
    let username = t
        .field("username", Credential, "User to sign in with.")
        .example("\"root\"")
        .optional();
    let password = t
        .field("password", SecretText, "Password of the user.")
        .example("\"${SURREALDB_PASSWORD}\"")
        .optional();
    let token = t
        .field("token", SecretText, "Token to sign in with, instead of a user.")
        .example("{ file = \"secrets/surrealdb-token\" }")
        .optional();
    let level = t
        .field(
            "level",
            Choice::of(&[
                ("root", Level::Root),
                ("namespace", Level::Namespace),
                ("database", Level::Database),
            ]),
            "Where the user is defined.",
        )
        .or(Level::Root);
    let given = |key| t.given(key);
    let wrong = match (given("username"), given("password"), given("token")) {
        (true, false, false) => Some(("username", "`username` needs `password`", "add `password`")),
        (false, true, _) => Some(("password", "`password` needs `username`", "add `username`")),
        (true, _, true) => Some(("token", "`token` and `username` are both given", "keep one of them")),
        (false, _, _) if given("level") => Some(("level", "`level` is for a user, and none is given", "remove it")),
        _ => None,
    };
    if let Some((key, message, help)) = wrong {
        t.session().error(&t.span(key), message, help);
    }
    match (username.zip(password), token) {
        (Some((username, password)), _) => {
            let password = password.expose().to_owned();
            Some(match level {
                Level::Root => Credentials::Root { username, password },
                Level::Namespace => Credentials::Namespace { username, password },
                Level::Database => Credentials::Database { username, password },
            })
        }
        (None, token) => token.map(|token| Credentials::Token(token.expose().to_owned())),
    }
}

/// Reads the address of a SurrealDB.
struct SurrealUrlKind;

impl Kind for SurrealUrlKind {
    type Value = SurrealUrl;

    fn what(&self) -> String {
        "`\"surrealkv://DIR\"`, `\"mem://\"`, `\"ws(s)://HOST\"`, `\"http(s)://HOST\"` or `\"HOST:PORT\"`".to_owned()
    }

    fn show(&self, value: &SurrealUrl) -> String {
        format!("\"{value}\"")
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<SurrealUrl> {
        let text = Text.read(input)?;
        let refused = || input.refuse(format!("`{}` must be {}", input.name(), self.what()));
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None if has_port(&text) => ("ws", text.as_str()),
            None => return refused(),
        };
        if authority(rest).contains('@') {
            return input.refuse_with(
                format!("`{}` holds credentials, which would be shown in logs", input.name()),
                "write them as `username` and `password`",
            );
        }
        let url = match scheme {
            "surrealkv" if !rest.is_empty() && !rest.contains('?') => {
                format!("surrealkv://{}", input.session.resolve(rest).display())
            }
            "mem" if rest.is_empty() => "mem://".to_owned(),
            "ws" | "wss" | "http" | "https" if is_server(rest) => format!("{scheme}://{}", authority(rest)),
            _ => return refused(),
        };
        SurrealUrl::parse(&url, Path::new("/")).ok().or_else(refused)
    }
}

/// The part of a URL before its path, query and fragment.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether this is a host, with or without a port, followed by at most the path that clients add themselves.
fn is_server(rest: &str) -> bool {
    let path = &rest[authority(rest).len()..];
    matches!(path, "" | "/" | "/rpc") && format!("http://{rest}").parse::<HttpUrl>().is_ok()
}

fn has_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}
