//! The file as a whole.

use crate::cross_checks::CrossChecks;
use danube_wasm_model::ConnectorId;

use super::{
    auth::ConnectAuth,
    connector::{Common, SourceTables, make_sink, make_source},
    draft::Draft,
    endpoint::{ConnectEndpoint, RATE_LIMIT_HELP},
    listener::{Server, WebhookServer},
    processing::{Processing, Retry},
    schema::ConnectSchema,
    surrealdb::ConnectSurreal,
    unsaid::{admin_rows, empty_part},
};
use crate::{
    part::{Part, Setting, name_from},
    tables::service_url::ServiceUrlKind,
};
use danube_wasm_settings::{
    DATA_DIR_VARIABLE, Effect, Section, Table,
    kinds::{Name, quote},
};

/// A file of Danube Connect.
pub(crate) struct ConnectFile {
    /// What it says.
    pub(crate) part: Part,
    /// The same in the words of a pipeline file.
    pub(crate) draft: Draft,
}

/// Connectors of Danube Connect that have no counterpart here, by the table that tells them.
const OTHERS: [(&str, &str); 3] = [
    ("mqtt", "an MQTT source"),
    ("qdrant", "a Qdrant sink"),
    ("deltalake", "a Delta Lake sink"),
];

impl Section for ConnectFile {
    const ABOUT: &'static str = "One connector: a webhook source or a SurrealDB sink.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let mut draft = Draft::default();
        let name = name_from(t.session().dir());
        t.session().facts::<CrossChecks>().pipeline.clone_from(&name);
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
    let mut cross_checks = t.session().facts::<CrossChecks>();
    cross_checks
        .connectors
        .push((t.span("connector_name"), name.value.clone()));
    // Of several connectors in one file, one variable can name none.
    let toml = if t.session().has_siblings() {
        quote(&name.value)
    } else {
        name.toml
    };
    (
        ConnectorId::try_new(&cross_checks.pipeline, &name.value).ok(),
        Some(toml),
    )
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
            &t.span(table),
            format!("the file configures {what}, and this version has none"),
            "give files of webhook sources and SurrealDB sinks",
        ),
        (Some(key), true, _) => session.error(
            &t.span(key),
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
            t.own_span(),
            "the file configures no connector: it has neither [server] nor [surrealdb]",
            "add the tables of a webhook source or of a SurrealDB sink",
        ),
    }
}
