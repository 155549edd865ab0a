//! Facts that are compared across tables when all of them are read.
//!
//! A table that is wrong elsewhere still enters what it says here, so that a clash is reported beside the other
//! mistakes and not only after they are corrected.

mod check;

use danube_wasm_model::{SubscriptionType, TopicName};

use crate::{
    diagnostic::{Diagnostic, Severity},
    reader::{Place, Shared, Table},
    tables::{
        listen::Listen,
        schema::Schema,
        webhook::{Terms, Webhook},
    },
    values::UrlPath,
};

pub(crate) use check::check;

/// Where the text of each topic's schema is named, as an error without its sentence.
pub(crate) fn schema_texts(shared: &Shared<'_>) -> Vec<(TopicName, Diagnostic)> {
    let ledger = shared.ledger().borrow();
    let error = |own: &SchemaUse| {
        let help = "correct the schema's file";
        shared.diagnostic(Severity::Error, &own.text, String::new(), help.to_owned())
    };
    let schemas = ledger.schemas.iter();
    schemas.map(|(_, own)| (own.topic.clone(), error(own))).collect()
}

/// The facts, each with its place.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Name of the pipeline, for the ids of its connectors.
    pub(crate) pipeline: String,
    /// Names of connectors.
    pub(crate) connectors: Vec<(Place, String)>,
    /// Buffers on disk, with their connectors, as [`Table::connector`] names them.
    pub(crate) buffers: Vec<(Place, String)>,
    /// Where a poisonous message holds up its key, with the sinks, as [`Table::connector`] names them.
    pub(crate) blocking: Vec<(Place, String)>,
    /// Sources with a component of the user's, as [`Table::connector`] names them.
    pub(crate) own_components: Vec<String>,
    /// Addresses to listen on, but for port 0.
    pub(crate) listeners: Vec<(Place, ListenerUse)>,
    /// Paths of endpoints.
    pub(crate) paths: Vec<(Place, PathUse)>,
    /// Topics that sources publish to.
    pub(crate) published: Vec<(Place, Published)>,
    /// Topics with their schemas.
    pub(crate) schemas: Vec<(Place, SchemaUse)>,
    /// Topics that sinks consume.
    pub(crate) consumed: Vec<(Place, Consumed)>,
}

/// An address to listen on.
#[derive(Debug)]
pub(crate) struct ListenerUse {
    listen: Listen,
    /// Who listens: `admin`, or a connector as [`Table::connector`] names it.
    owner: String,
    /// What others must agree on to share it; `None` if nobody can.
    terms: Option<Terms>,
}

impl ListenerUse {
    /// Enters the address of a source, whose table has the key `port`, unless it is one that nobody else can have.
    pub(crate) fn enter(table: &Table<'_>, webhook: &Webhook) {
        Self::enter_at(table, table.place("port"), webhook);
    }

    /// As [`ListenerUse::enter`] where the port stands in another table than the rest.
    pub(crate) fn enter_at(table: &Table<'_>, port: Place, webhook: &Webhook) {
        if webhook.listen.port != 0 {
            let (listen, owner, terms) = (webhook.listen.clone(), table.connector(), Some(webhook.terms()));
            let fact = (port, Self { listen, owner, terms });
            table.session().ledger().borrow_mut().listeners.push(fact);
        }
    }

    /// Enters the address of the host's own port, which comes before those of sources.
    pub(crate) fn enter_admin(shared: &Shared<'_>, place: Place, listen: &Listen) {
        if listen.port != 0 {
            let (listen, owner) = (listen.clone(), "admin".to_owned());
            let terms = None;
            let fact = (place, Self { listen, owner, terms });
            shared.ledger().borrow_mut().listeners.insert(0, fact);
        }
    }
}

/// A path of a source's listener.
#[derive(Debug)]
pub(crate) struct PathUse {
    /// The source, as [`Table::connector`] names it.
    pub(crate) source: String,
    pub(crate) path: UrlPath,
}

impl PathUse {
    /// Enters the key `path` of an endpoint.
    pub(crate) fn enter(t: &Table<'_>, path: UrlPath) {
        let source = t.connector();
        let fact = (t.place("path"), Self { source, path });
        t.session().ledger().borrow_mut().paths.push(fact);
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
    /// The source, as [`Table::connector`] names it.
    pub(crate) source: String,
}

impl Published {
    /// Enters the key `danube_topic` of an endpoint.
    pub(crate) fn enter(self, t: &Table<'_>) {
        let fact = (t.place("danube_topic"), self);
        t.session().ledger().borrow_mut().published.push(fact);
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
    pub(crate) text: Place,
}

/// A topic that a sink consumes.
#[derive(Debug)]
pub(crate) struct Consumed {
    pub(crate) topic: TopicName,
    pub(crate) subscription: String,
    pub(crate) subscription_type: SubscriptionType,
    /// The sink, as [`Table::connector`] names it.
    pub(crate) sink: String,
    pub(crate) expected_schema_subject: Option<String>,
    /// Where it says that the newest message of an id is what is stored, if it does.
    pub(crate) by_id: Option<Place>,
}

impl Consumed {
    /// Enters the key `topic` of a mapping.
    pub(crate) fn enter(self, t: &Table<'_>) {
        let fact = (t.place("topic"), self);
        t.session().ledger().borrow_mut().consumed.push(fact);
    }
}
