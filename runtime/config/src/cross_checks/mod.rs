//! Facts that are compared across tables when all of them are read.
//!
//! A table that is wrong elsewhere still enters what it says here, so that a clash is reported beside the other
//! mistakes and not only after they are corrected.

mod check;

use danube_wasm_model::{SubscriptionType, TopicName};

use crate::tables::{
    schema::Schema,
    webhook::{Terms, Webhook},
};
use danube_wasm_settings::{Diagnostic, Listen, Reading, Severity, Span, Table, values::UrlPath};

pub(crate) use check::check;

/// Where the text of each topic's schema is named, as an error without its sentence.
pub(crate) fn schema_texts(shared: &Reading<'_>) -> Vec<(TopicName, Diagnostic)> {
    let cross_checks = shared.facts::<CrossChecks>();
    let error = |own: &SchemaUse| {
        let help = "correct the schema's file";
        shared.diagnostic(Severity::Error, &own.text, String::new(), help.to_owned())
    };
    let schemas = cross_checks.schemas.iter();
    schemas.map(|(_, own)| (own.topic.clone(), error(own))).collect()
}

/// The facts, each with where the file says it.
#[derive(Debug, Default)]
pub(crate) struct CrossChecks {
    /// Name of the pipeline, for the ids of its connectors.
    pub(crate) pipeline: String,
    /// Names of connectors.
    pub(crate) connectors: Vec<(Span, String)>,
    /// Buffers on disk, with their connectors, as [`Table::item`] names them.
    pub(crate) buffers: Vec<(Span, String)>,
    /// Where a poisonous message holds up its key, with the sinks, as [`Table::item`] names them.
    pub(crate) blocking: Vec<(Span, String)>,
    /// Sources with a component of the user's, as [`Table::item`] names them.
    pub(crate) own_components: Vec<String>,
    /// Addresses to listen on, but for port 0.
    pub(crate) listeners: Vec<(Span, ListenerUse)>,
    /// Paths of endpoints.
    pub(crate) paths: Vec<(Span, PathUse)>,
    /// Topics that sources publish to.
    pub(crate) published: Vec<(Span, Published)>,
    /// Topics with their schemas.
    pub(crate) schemas: Vec<(Span, SchemaUse)>,
    /// Topics that sinks consume.
    pub(crate) consumed: Vec<(Span, Consumed)>,
}

/// An address to listen on.
#[derive(Debug)]
pub(crate) struct ListenerUse {
    listen: Listen,
    /// Who listens: `admin`, or a connector as [`Table::item`] names it.
    owner: String,
    /// What others must agree on to share it; `None` if nobody can.
    terms: Option<Terms>,
}

impl ListenerUse {
    /// Enters the address of a source, whose table has the key `port`, unless it is one that nobody else can have.
    pub(crate) fn enter(table: &Table<'_>, webhook: &Webhook) {
        if webhook.listen.port != 0 {
            let (listen, owner, terms) = (webhook.listen.clone(), table.item(), Some(webhook.terms()));
            let fact = (table.span("port"), Self { listen, owner, terms });
            table.session().facts::<CrossChecks>().listeners.push(fact);
        }
    }

    /// Enters the address of the host's own port, which comes before those of sources.
    pub(crate) fn enter_admin(shared: &Reading<'_>, span: Span, listen: &Listen) {
        if listen.port != 0 {
            let (listen, owner) = (listen.clone(), "admin".to_owned());
            let terms = None;
            let fact = (span, Self { listen, owner, terms });
            shared.facts::<CrossChecks>().listeners.insert(0, fact);
        }
    }
}

/// A path of a source's listener.
#[derive(Debug)]
pub(crate) struct PathUse {
    /// The source, as [`Table::item`] names it.
    pub(crate) source: String,
    pub(crate) path: UrlPath,
}

impl PathUse {
    /// Enters the key `path` of an endpoint.
    pub(crate) fn enter(t: &Table<'_>, path: UrlPath) {
        let source = t.item();
        let fact = (t.span("path"), Self { source, path });
        t.session().facts::<CrossChecks>().paths.push(fact);
    }
}

/// A topic that an endpoint publishes to.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) topic: TopicName,
    pub(crate) partitions: u32,
    pub(crate) reliable_dispatch: bool,
    pub(crate) ordered: bool,
    /// Whether its records have keys, or a component of the user's may give them some.
    pub(crate) keyed: bool,
    /// The source, as [`Table::item`] names it.
    pub(crate) source: String,
}

impl Published {
    /// Enters the key `danube_topic` of an endpoint.
    pub(crate) fn enter(self, t: &Table<'_>) {
        let fact = (t.span("danube_topic"), self);
        t.session().facts::<CrossChecks>().published.push(fact);
    }
}

/// A topic with a schema.
#[derive(Debug)]
pub(crate) struct SchemaUse {
    pub(crate) topic: TopicName,
    pub(crate) subject: String,
    /// All of it, if it is right.
    pub(crate) schema: Option<Schema>,
    /// Where its text is named.
    pub(crate) text: Span,
}

/// A topic that a sink consumes.
#[derive(Debug)]
pub(crate) struct Consumed {
    pub(crate) topic: TopicName,
    pub(crate) subscription: String,
    pub(crate) subscription_type: SubscriptionType,
    /// The sink, as [`Table::item`] names it.
    pub(crate) sink: String,
    pub(crate) expected_schema_subject: Option<String>,
    /// Where it says that the newest message of an id is what is stored, if it does.
    pub(crate) by_id: Option<Span>,
}

impl Consumed {
    /// Enters the key `topic` of a mapping.
    pub(crate) fn enter(self, t: &Table<'_>) {
        let fact = (t.span("topic"), self);
        t.session().facts::<CrossChecks>().consumed.push(fact);
    }
}
