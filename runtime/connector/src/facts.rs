//! Facts that connectors' tables record, to be checked against each other when all tables are read.

use danube_wasm_model::{SubscriptionType, TopicName};
use danube_wasm_settings::{Listen, Span, Table};

/// The facts that the tables of all connectors record, each with its place in the file. A table that is invalid for
/// another reason still records its facts, so that a conflict is reported together with the other mistakes.
#[derive(Debug, Default)]
pub struct Facts {
    /// Topics that sources publish to.
    pub published: Vec<(Span, Published)>,
    /// Topics that sinks consume.
    pub consumed: Vec<(Span, Consumed)>,
    /// Attributes of records that endpoints' tables ask for.
    pub given: Vec<(Span, GivenAttributes)>,
    /// Attributes that sinks ask for.
    pub asked: Vec<(Span, AskedAttributes)>,
    /// Places where a poison message blocks its key, with the sinks, as [`Table::item`] names them.
    pub blocking: Vec<(Span, String)>,
    /// Addresses to listen on, except those with port 0.
    pub addresses: Vec<(Span, AddressClaim)>,
    /// Paths of listeners.
    pub paths: Vec<(Span, PathClaim)>,
    /// Other names that only one connector may have.
    pub names: Vec<(Span, NameClaim)>,
}

/// A topic that an endpoint publishes to.
#[derive(Debug, Clone)]
pub struct Published {
    /// The topic.
    pub topic: TopicName,
    /// See [`danube_wasm_model::Route::partitions`].
    pub partitions: u32,
    /// See [`danube_wasm_model::Route::reliable_dispatch`].
    pub reliable_dispatch: bool,
    /// See [`danube_wasm_model::Route::ordered`].
    pub ordered: bool,
    /// Whether its records have keys.
    pub keyed: bool,
    /// The source, as [`Table::item`] names it.
    pub source: String,
}

/// A topic that a sink consumes.
#[derive(Debug, Clone)]
pub struct Consumed {
    /// The topic.
    pub topic: TopicName,
    /// The subscription.
    pub subscription: String,
    /// The type of the subscription.
    pub subscription_type: SubscriptionType,
    /// The sink, as [`Table::item`] names it.
    pub sink: String,
    /// The schema subject that messages must have.
    pub expected_schema_subject: Option<String>,
    /// Place of the setting that the newest message of an id is stored, if it is set.
    pub by_id: Option<Span>,
}

/// Attributes that the records of a topic have because an endpoint's table says so.
#[derive(Debug, Clone)]
pub struct GivenAttributes {
    /// The topic.
    pub topic: TopicName,
    /// Their names.
    pub names: Vec<String>,
    /// Families of attributes of which its records have no other.
    pub families: &'static [AttributeFamily],
    /// The source, as [`Table::item`] names it.
    pub source: String,
}

/// Attributes with names that begin alike.
#[derive(Debug)]
pub struct AttributeFamily {
    /// How they begin.
    pub prefix: &'static str,
    /// What to write for one, by the rest of its name.
    pub help: fn(&str) -> String,
}

/// Attributes that a sink asks for by name.
#[derive(Debug, Clone)]
pub struct AskedAttributes {
    /// The topic.
    pub topic: TopicName,
    /// Their names.
    pub names: Vec<String>,
}

/// An address to listen on.
#[derive(Debug, Clone)]
pub struct AddressClaim {
    /// The address.
    pub listen: Listen,
    /// The listener: `admin`, or a connector as [`Table::item`] names it.
    pub owner: String,
    /// Connectors with equal terms can share the address; `None` if nobody can.
    pub terms: Option<String>,
}

impl AddressClaim {
    /// Records the address of a connector, whose table has the key `port`. Does nothing for port 0, which cannot
    /// conflict.
    pub fn leave(t: &Table<'_>, listen: &Listen, terms: String) {
        if listen.port != 0 {
            let claim = Self {
                listen: listen.clone(),
                owner: t.item(),
                terms: Some(terms),
            };
            t.session().facts::<Facts>().addresses.push((t.span("port"), claim));
        }
    }
}

/// A path of a connector's listener.
#[derive(Debug, Clone)]
pub struct PathClaim {
    /// The connector, as [`Table::item`] names it.
    pub owner: String,
    /// The path.
    pub path: String,
}

impl PathClaim {
    /// Records the path under this key.
    pub fn leave(t: &Table<'_>, key: &str, path: &str) {
        let claim = Self {
            owner: t.item(),
            path: path.to_owned(),
        };
        t.session().facts::<Facts>().paths.push((t.span(key), claim));
    }
}

/// Another name that only one connector may have, such as a replication slot or a client id.
#[derive(Debug, Clone)]
pub struct NameClaim {
    /// A description, such as "replication slot `s` of db:5432". Equal descriptions conflict.
    pub what: String,
}

impl NameClaim {
    /// Records the name under this key.
    pub fn leave(t: &Table<'_>, key: &str, what: String) {
        t.session().facts::<Facts>().names.push((t.span(key), Self { what }));
    }
}
