//! The file as a whole.

use danube_wasm_model::ConnectorId;

use super::{
    DATA_DIR_VARIABLE,
    auth::ConnectAuth,
    draft::{Draft, Rows},
    endpoint::{ConnectEndpoint, RATE_LIMIT_HELP},
    listener::{Listener, Server, WebhookServer},
    processing::{Processing, Retry},
    schema::ConnectSchema,
    surrealdb::ConnectSurreal,
};
use crate::{
    ledger::ListenerUse,
    part::{Part, Setting, name_from},
    reader::{
        Effect, Section, Table,
        kinds::{Name, quote},
    },
    tables::{
        component::Component,
        danube::DanubeTable,
        host::{Admin, AdminTable},
        limits::Limits,
        listen::Listen,
        service_url::ServiceUrlKind,
        sink::{SINK_LANES, Sink},
        source::{Batch, SOURCE_LANES, Source},
    },
    values::Host,
};

/// A file of Danube Connect.
pub(crate) struct ConnectFile {
    /// What it says.
    pub(crate) part: Part,
    /// The same in the words of a pipeline file.
    pub(crate) draft: Draft,
}

/// Port of metrics and health where the file says none.
const METRICS_PORT: u16 = 9090;

/// Connectors of Danube Connect that have no counterpart here, by the table that tells them.
const OTHERS: [(&str, &str); 3] = [
    ("mqtt", "an MQTT source"),
    ("qdrant", "a Qdrant sink"),
    ("deltalake", "a Delta Lake sink"),
];

/// What the connector is told beside its own tables.
struct Common {
    id: Option<ConnectorId>,
    name_toml: Option<String>,
    processing: Processing,
}

/// Everything that a source may be told, in whichever words.
struct SourceTables {
    server: Option<Server>,
    webhook: Option<WebhookServer>,
    endpoints: Vec<ConnectEndpoint>,
    routes: Vec<ConnectEndpoint>,
    auth: Option<ConnectAuth>,
}

impl Section for ConnectFile {
    const ABOUT: &'static str = "One connector: a webhook source or a SurrealDB sink.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let mut draft = Draft::default();
        let name = name_from(t.session().dir());
        t.session().ledger().borrow_mut().pipeline.clone_from(&name);
        let service_url = t
            .field("danube_service_url", ServiceUrlKind, "The broker.")
            .overridden_by("DANUBE_SERVICE_URL")
            .example("\"http://danube-broker:6650\"")
            .required_written();
        let (id, name_toml) = connector(t);
        let processing = t.group("processing").optional::<Processing>().unwrap_or_default();
        t.group("retry").optional::<Retry>();
        t.inert("metrics_port", Effect::Never, "write it in [processing]");
        let schemas = t.group("schemas").each::<ConnectSchema>();
        let source = SourceTables {
            server: t.group("server").optional::<Server>(),
            webhook: t.group("webhook").optional::<WebhookServer>(),
            endpoints: t.group("endpoints").each::<ConnectEndpoint>(),
            routes: t.group("routes").each::<ConnectEndpoint>(),
            auth: t.group("auth").optional::<ConnectAuth>(),
        };
        t.inert("rate_limit", Effect::Never, RATE_LIMIT_HELP);
        let surrealdb = t.group("surrealdb").optional::<ConnectSurreal>();
        for (table, _) in OTHERS {
            t.inert(table, Effect::Gone, "keep that connector where it runs now");
        }
        let common = Common {
            id,
            name_toml,
            processing,
        };
        let mut part = empty_part(t, &name, &common.processing);
        draft.root.push("name", quote(&name));
        let data_dir = format!("${{{DATA_DIR_VARIABLE}:-data}}");
        draft.root.push("data_dir", quote(&data_dir));
        if let Some(url) = service_url {
            draft.root.push("danube_service_url", url.toml);
            part.service_url = Setting::of(t, "danube_service_url", Some(Some(url.value)));
        }
        draft.admin = admin_rows(&common.processing);
        for ConnectSchema { schema, rows } in schemas {
            part.schemas.push(schema);
            draft.schemas.push(rows);
        }
        if t.session().manual().is_none() {
            read_connector(t, common, source, surrealdb, &mut part, &mut draft);
        }
        draft.notes = t.session().notes();
        Some(Self { part, draft })
    }
}

/// The name of the connector, and that as a pipeline file says it.
fn connector(t: &mut Table<'_>) -> (Option<ConnectorId>, Option<String>) {
    let name = t
        .field("connector_name", Name("connector"), "Name of the connector.")
        .overridden_by("CONNECTOR_NAME")
        .example("\"webhook-source\"")
        .required_written();
    let Some(name) = name else {
        return (None, None);
    };
    let mut ledger = t.session().ledger().borrow_mut();
    ledger.connectors.push((t.place("connector_name"), name.value.clone()));
    // Of several connectors in one file, one variable can name none.
    let toml = if t.session().has_siblings() {
        quote(&name.value)
    } else {
        name.toml
    };
    (ConnectorId::try_new(&ledger.pipeline, &name.value).ok(), Some(toml))
}

fn read_connector(
    t: &Table<'_>,
    common: Common,
    source: SourceTables,
    surrealdb: Option<ConnectSurreal>,
    part: &mut Part,
    draft: &mut Draft,
) {
    let listens = ["server", "webhook", "endpoints", "routes"]
        .into_iter()
        .find(|key| t.given(key));
    let other = OTHERS.into_iter().find(|(table, _)| t.given(table));
    let session = t.session();
    part.has_connectors = true;
    match (listens, t.given("surrealdb"), other) {
        (_, _, Some((table, what))) => session.error(
            &t.place(table),
            format!("the file configures {what}, and this version has none"),
            "give files of webhook sources and SurrealDB sinks",
        ),
        (Some(key), true, _) => session.error(
            &t.place(key),
            "the file configures a source and a sink, and a file of Danube Connect has one connector",
            "put the source and the sink in a file each, and name both",
        ),
        (Some(_), false, _) => {
            let help = "remove it; events that arrive together travel together, and none waits";
            common.processing.note_batches(session, Effect::Gone, help);
            if let Some((made, tables)) = make_source(t, common, source) {
                part.sources.push(made);
                draft.connector = tables;
            }
        }
        (None, true, _) => {
            for key in ["auth", "rate_limit"] {
                t.tell_effect(key, Effect::Never, "remove it; a sink listens to nobody");
            }
            if let Some((made, tables)) = surrealdb.and_then(|surrealdb| make_sink(t, common, surrealdb)) {
                part.sinks.push(made);
                draft.connector = tables;
            }
        }
        (None, false, _) => session.error(
            t.own_place(),
            "the file configures no connector: it has neither [server] nor [surrealdb]",
            "add the tables of a webhook source or of a SurrealDB sink",
        ),
    }
}

fn make_sink(t: &Table<'_>, common: Common, surrealdb: ConnectSurreal) -> Option<(Sink, Vec<(&'static str, Rows)>)> {
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
        limits: Limits::default(),
        config: serde_json::Map::new(),
    };
    Some((sink, tables))
}

fn make_source(t: &Table<'_>, common: Common, source: SourceTables) -> Option<(Source, Vec<(&'static str, Rows)>)> {
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
        limits: Limits::default(),
        config: serde_json::Map::new(),
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
            &t.place("webhook"),
            "`webhook` is another spelling of `server`, which is given too",
            "keep one of them",
        );
    }
    if !t.given("server") && !t.given("webhook") {
        session.error(t.own_place(), "the file needs a table `server`", "add `[server]`");
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
            &t.place(second),
            format!("`{second}` is another spelling of `{first}`, which is given too"),
            "keep one of them",
        );
    }
    match given.pop() {
        Some((_, endpoints)) => (listener, endpoints),
        None => {
            let message = "the file needs at least one of `routes`";
            session.error(t.own_place(), message, "add `[[routes]]`");
            (listener, Vec::new())
        }
    }
}

/// What no file of Danube Connect says.
fn empty_part(t: &Table<'_>, name: &str, processing: &Processing) -> Part {
    let session = t.session();
    let data_dir = session.env().get(DATA_DIR_VARIABLE).filter(|dir| !dir.is_empty());
    let data_dir = session.of_first_file().resolve(data_dir.as_deref().unwrap_or("data"));
    let (admin, given) = match &processing.metrics_port {
        Some((place, port)) => (admin(place.clone(), port.value), Some(place.clone())),
        None => (admin(session.root(), METRICS_PORT), None),
    };
    Part {
        name: Setting::unsaid(Some(name.to_owned())),
        data_dir: Setting::unsaid(Some(data_dir)),
        service_url: Setting::unsaid(None),
        danube: usual::<DanubeTable>(t, "danube"),
        admin: Setting {
            value: Some(admin),
            given,
        },
        telemetry: usual(t, "telemetry"),
        shutdown: usual(t, "shutdown"),
        retention: usual(t, "retention"),
        schemas: Vec::new(),
        sources: Vec::new(),
        sinks: Vec::new(),
        has_connectors: false,
    }
}

/// A table that the file does not have, as a pipeline file without it would.
fn usual<T: Section>(t: &Table<'_>, key: &str) -> Setting<T> {
    let session = t.session();
    if session.manual().is_some() {
        return Setting::unsaid(None);
    }
    Setting::unsaid(Table::read(session, None, session.root(), key.to_owned(), false))
}

fn admin(place: crate::reader::Place, port: u16) -> AdminTable {
    AdminTable {
        admin: Admin {
            listen: Listen {
                host: Host::everywhere(),
                port,
            },
        },
        host: place.clone(),
        port: place,
    }
}

fn admin_rows(processing: &Processing) -> (Rows, bool) {
    let mut rows = Rows::default();
    rows.push("host", quote(Host::everywhere().as_str()));
    if let Some((_, port)) = &processing.metrics_port {
        rows.unless(&METRICS_PORT.to_string(), "port", port.toml.as_str());
    }
    (rows, processing.metrics_port.is_some())
}
