//! The one connector of a file.

use danube_wasm_model::ConnectorId;

use super::{
    auth::ConnectAuth,
    draft::Rows,
    endpoint::ConnectEndpoint,
    listener::{Listener, Server, WebhookServer},
    processing::Processing,
    surrealdb::ConnectSurreal,
};
use crate::{
    cross_checks::ListenerUse,
    tables::{
        component::Component,
        component_config::ComponentConfig,
        dead_letters::MaxDeadLetters,
        limits::Limits,
        sink::{SINK_LANES, Sink},
        source::{Batch, SOURCE_LANES, Source},
    },
};
use danube_wasm_settings::{Table, kinds::quote};

/// The tables of a connector in a pipeline file, each with its header.
type Tables = Vec<(&'static str, Rows)>;

/// What the connector is told beside its own tables.
pub(super) struct Common {
    pub(super) id: Option<ConnectorId>,
    pub(super) name_toml: Option<String>,
    pub(super) processing: Processing,
}

/// Everything that a source may be told, in whichever words.
pub(super) struct SourceTables {
    pub(super) server: Option<Server>,
    pub(super) webhook: Option<WebhookServer>,
    pub(super) endpoints: Vec<ConnectEndpoint>,
    pub(super) routes: Vec<ConnectEndpoint>,
    pub(super) auth: Option<ConnectAuth>,
}

/// A sink, and its tables with their headers.
pub(super) fn make_sink(t: &Table<'_>, common: Common, surrealdb: ConnectSurreal) -> Option<(Sink, Tables)> {
    let (surrealdb, rows, mappings) = surrealdb.with(t, &common.processing);
    let mut own = Rows::default();
    own.push("name", common.name_toml?);
    own.push("component", quote("builtin:surrealdb-sink"));
    let mut tables = vec![("[[sinks]]", own), ("[sinks.surrealdb]", rows)];
    tables.extend(
        mappings
            .into_iter()
            .map(|rows| ("[[sinks.surrealdb.topic_mappings]]", rows)),
    );
    let sink = Sink {
        id: common.id?,
        component: Component::Builtin("surrealdb-sink"),
        lanes: SINK_LANES,
        surrealdb,
        buffer: None,
        max_dead_letters: MaxDeadLetters::default(),
        limits: Limits::default(),
        config: ComponentConfig::default(),
    };
    Some((sink, tables))
}

/// A source, and its tables with their headers.
pub(super) fn make_source(t: &Table<'_>, common: Common, source: SourceTables) -> Option<(Source, Tables)> {
    let (listener, endpoints) = one_spelling(t, source.server, source.webhook, source.endpoints, source.routes);
    let Listener {
        mut webhook,
        host,
        port,
        rows,
    } = listener?;
    let mut own = Rows::default();
    own.push("name", common.name_toml?);
    own.push("component", quote("builtin:webhook-source"));
    let mut tables = vec![("[[sources]]", own), ("[sources.webhook]", rows)];
    for ConnectEndpoint { mut endpoint, mut rows } in endpoints {
        if let Some(auth) = &source.auth {
            endpoint.auth = auth.auth.clone();
            if let Some(toml) = &auth.toml {
                rows.push("auth", toml.as_str());
            }
        }
        webhook.endpoints.push(endpoint);
        tables.push(("[[sources.webhook.endpoints]]", rows));
    }
    // An [auth] that is wrong is an error already, and no open door.
    if source.auth.is_some() || !t.given("auth") {
        webhook.warn_of_open_doors(t.session(), &host);
    }
    ListenerUse::enter_at(t, port, &webhook);
    let source = Source {
        id: common.id?,
        component: Component::Builtin("webhook-source"),
        lanes: SOURCE_LANES,
        webhook,
        batch: Batch::default(),
        buffer: None,
        max_dead_letters: MaxDeadLetters::default(),
        limits: Limits::default(),
        config: ComponentConfig::default(),
    };
    Some((source, tables))
}

/// The listener and the endpoints, in whichever words they are; not in two at once.
fn one_spelling(
    t: &Table<'_>,
    server: Option<Server>,
    webhook: Option<WebhookServer>,
    endpoints: Vec<ConnectEndpoint>,
    routes: Vec<ConnectEndpoint>,
) -> (Option<Listener>, Vec<ConnectEndpoint>) {
    let session = t.session();
    if t.given("server") && t.given("webhook") {
        session.error(
            &t.span("webhook"),
            "`webhook` is another spelling of `server`, which is given too",
            "keep one of them",
        );
    }
    if !t.given("server") && !t.given("webhook") {
        session.error(t.own_span(), "the file needs a table `server`", "add `[server]`");
    }
    let (listener, inner) = match (server, webhook) {
        (Some(server), _) => (Some(server.0), Vec::new()),
        (None, Some(webhook)) => (Some(webhook.listener), webhook.endpoints),
        (None, None) => (None, Vec::new()),
    };
    let lists = [
        ("webhook.endpoints", inner),
        ("endpoints", endpoints),
        ("routes", routes),
    ];
    let mut given: Vec<_> = lists
        .into_iter()
        .filter(|(key, list)| !list.is_empty() || t.has_items(key))
        .collect();
    if let [(first, _), (second, _), ..] = &given[..] {
        session.error(
            &t.span(second),
            format!("`{second}` is another spelling of `{first}`, which is given too"),
            "keep one of them",
        );
    }
    match given.pop() {
        Some((_, endpoints)) => (listener, endpoints),
        None => {
            let message = "the file needs at least one of `routes`";
            session.error(t.own_span(), message, "add `[[routes]]`");
            (listener, Vec::new())
        }
    }
}
