//! What connectors' tables leave behind, to be compared with that of others when all are read.

use danube_wasm_model::{SubscriptionType, TopicName};
use danube_wasm_settings::{Listen, Span, Table};

/// What the tables of all connectors leave behind, each with where the file says it. A table that is wrong elsewhere still
/// leaves what it says here, so that a clash is reported beside the other mistakes and not only after they are corrected.
#[derive(Debug, Default)]
pub struct Facts {
    /// Topics that sources publish to.
    pub published: Vec<(Span, Published)>,
    /// Topics that sinks consume.
    pub consumed: Vec<(Span, Consumed)>,
    /// Where a poisonous message blocks its key, with the sinks, as [`Table::item`] names them.
    pub blocking: Vec<(Span, String)>,
    /// Addresses to listen on, but for port 0.
    pub addresses: Vec<(Span, AddressClaim)>,
    /// Paths of listeners.
    pub paths: Vec<(Span, PathClaim)>,
    /// Anything else that only one connector can have.
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
    /// How its messages are shared.
    pub subscription_type: SubscriptionType,
    /// The sink, as [`Table::item`] names it.
    pub sink: String,
    /// Messages of another schema subject are refused.
    pub expected_schema_subject: Option<String>,
    /// Where the file says that the newest message of an id is what is stored, if it does.
    pub by_id: Option<Span>,
}

/// An address to listen on.
#[derive(Debug, Clone)]
pub struct AddressClaim {
    /// The address.
    pub listen: Listen,
    /// Who listens: `admin`, or a connector as [`Table::item`] names it.
    pub owner: String,
    /// Others with the same terms can share it; `None` if nobody can.
    pub terms: Option<String>,
}

impl AddressClaim {
    /// Leaves the address of a connector, whose table has the key `port`, unless the port is one that nobody else can have.
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
    /// Leaves the path that is under this key.
    pub fn leave(t: &Table<'_>, key: &str, path: &str) {
        let claim = Self {
            owner: t.item(),
            path: path.to_owned(),
        };
        t.session().facts::<Facts>().paths.push((t.span(key), claim));
    }
}

/// Something else that only one connector can have: a replication slot, a client id.
#[derive(Debug, Clone)]
pub struct NameClaim {
    /// What it is, such as "replication slot `s` of db:5432". Equal texts clash.
    pub what: String,
}

impl NameClaim {
    /// Leaves what is under this key.
    pub fn leave(t: &Table<'_>, key: &str, what: String) {
        t.session().facts::<Facts>().names.push((t.span(key), Self { what }));
    }
}
