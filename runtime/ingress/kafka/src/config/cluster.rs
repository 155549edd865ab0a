//! The Kafka cluster that a source reads from, and how.

use danube_wasm_connector::NameClaim;
use danube_wasm_settings::{
    Section, Table,
    kinds::{List, Parsed, Text},
};

use super::{
    Broker, Options, Reading, RouteConfig, Sasl, SchemaRegistryConfig, TlsConfig, check, options::OptionsKind,
};

/// The Kafka cluster that a source reads from, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Kafka {
    /// Some of the cluster's brokers; at least one.
    pub brokers: Vec<Broker>,
    /// The consumer group, which keeps how far everything is read.
    pub group: String,
    /// The member's name, which outlives the process.
    pub instance: Option<String>,
    /// How it is read.
    pub reading: Reading,
    /// Whom to trust and who we are; without it nothing is encrypted.
    pub tls: Option<TlsConfig>,
    /// User and password.
    pub sasl: Option<Sasl>,
    /// Where the schemas of records are.
    pub schema_registry: Option<SchemaRegistryConfig>,
    /// Further settings of librdkafka.
    pub options: Options,
    /// Topics and where they go; at least one.
    pub routes: Vec<RouteConfig>,
}

impl Section for Kafka {
    const ABOUT: &'static str = "The Kafka cluster that a source reads from, brokers from 0.11 to 4.x and others that speak their protocol. \
        The offset of a record is committed to the consumer group when the record, and all before it in its partition, are durable here.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let brokers = t
            .field(
                "brokers",
                List {
                    kind: Parsed::<Broker>::new("`HOST:PORT`"),
                    len: 1..=64,
                },
                "Some brokers of the cluster, `HOST:PORT`, from which the others are learned. Without a port 9092.",
            )
            .aliases(&["bootstrap_servers"])
            .example("[\"kafka-1.example:9092\", \"kafka-2.example:9092\"]")
            .required();
        let group = t
            .field(
                "group",
                Text,
                "The consumer group, which keeps on the cluster how far each partition is read. Processes of one group share the \
                 partitions; with a new name everything is read from `start`.",
            )
            .aliases(&["group_id"])
            .example("\"danube-orders\"")
            .required();
        let instance = t
            .field(
                "instance",
                Text,
                "A name of this process in the group that stays over its restart (`group.instance.id`): a restart within the session's \
                 timeout moves no partition. Each process needs one of its own: the newest of one name ends the others.",
            )
            .aliases(&["group_instance_id"])
            .example("\"${HOSTNAME}\"")
            .optional();
        let reading = Reading::read(t);
        let tls = t.group("tls").optional::<TlsConfig>();
        let sasl = t.group("sasl").optional::<Sasl>();
        let schema_registry = t.group("schema_registry").optional::<SchemaRegistryConfig>();
        let options = t
            .field(
                "options",
                OptionsKind,
                "Further settings of librdkafka, by their own names. Those that decide what is lost or read twice are refused.",
            )
            .example("{ \"client.rack\" = \"eu-1a\" }")
            .or(Options::default());
        let routes = t.group("routes").each_of_some::<RouteConfig>();
        check::registry(t, &routes);
        check::check(t, brokers.as_deref(), tls.is_some(), sasl.as_ref(), &reading, &routes);
        if let (Some(instance), Some(group)) = (&instance, &group) {
            let what = format!("instance `{instance}` of the Kafka group `{group}`");
            NameClaim::leave(t, "instance", what);
        }
        Some(Self {
            brokers: brokers?,
            group: group?,
            instance,
            reading,
            tls,
            sasl,
            schema_registry,
            options,
            routes,
        })
    }
}

impl Kafka {
    /// The brokers of the file, for messages and for librdkafka.
    pub(crate) fn address(&self) -> String {
        let brokers: Vec<_> = self.brokers.iter().map(Broker::to_string).collect();
        brokers.join(",")
    }
}
