//! The texts that the pipeline files of tests are made of.

use std::fmt;

use crate::harness::KEY;

/// The lines of a source or sink that waits on disk while its other side is away.
pub const DISK_BUFFER: &str = "buffer = { type = \"disk\", max_bytes = 1073741824 }";

/// The top of a file: a name, an admin port of its own, time for an orderly end. `lines` are more keys of the top level.
pub fn top(lines: &str, grace_secs: u32) -> String {
    format!("name = \"test\"\n{lines}\n[admin]\nport = 0\n[shutdown]\ngrace_secs = {grace_secs}\n")
}

/// `[[schemas]]`: the example's schema, as `payment.json` beside the file.
pub fn payment_schema(topic: &str) -> String {
    format!(
        "[[schemas]]\ntopic = \"{topic}\"\nsubject = \"stripe-payment-v1\"\nschema_type = \"json_schema\"\n\
         schema_file = \"payment.json\"\n"
    )
}

/// `[[sources]]`: webhooks at any port, with an endpoint `/hook` that wants [`KEY`].
#[derive(Clone)]
pub struct WebhookSource<'a> {
    pub component: &'a str,
    pub topic: &'a str,
    pub partitions: u32,
    /// More lines of the source.
    pub lines: &'a str,
    /// More lines of the endpoint.
    pub endpoint: &'a str,
}

impl Default for WebhookSource<'_> {
    fn default() -> Self {
        Self {
            component: "builtin:webhook-source",
            topic: "/stripe/payments",
            partitions: 4,
            lines: "",
            endpoint: "",
        }
    }
}

impl fmt::Display for WebhookSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            component,
            topic,
            partitions,
            lines,
            endpoint,
        } = self;
        write!(
            f,
            r#"
[[sources]]
name = "webhook"
component = "{component}"
{lines}
[sources.webhook]
port = 0
[[sources.webhook.endpoints]]
path = "/hook"
danube_topic = "{topic}"
partitions = {partitions}
auth = {{ type = "api_key", secrets = ["{KEY}"] }}
{endpoint}
"#
        )
    }
}

/// `[[sinks]]`: one topic into a table of the file's own database.
#[derive(Clone)]
pub struct DatabaseSink<'a> {
    pub name: &'a str,
    pub component: &'a str,
    pub url: &'a str,
    pub namespace: &'a str,
    pub topic: &'a str,
    pub subscription: &'a str,
    pub table: &'a str,
    /// More lines of the sink.
    pub lines: &'a str,
    /// More lines of the database.
    pub database: &'a str,
    /// More lines of the mapping.
    pub mapping: &'a str,
}

impl Default for DatabaseSink<'_> {
    fn default() -> Self {
        Self {
            name: "surrealdb",
            component: "builtin:surrealdb-sink",
            url: "surrealkv://data/db",
            namespace: "default",
            topic: "/stripe/payments",
            subscription: "rows",
            table: "payments",
            lines: "",
            database: "",
            mapping: "",
        }
    }
}

impl fmt::Display for DatabaseSink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            component,
            url,
            namespace,
            topic,
            subscription,
            table,
            lines,
            database,
            mapping,
        } = self;
        write!(
            f,
            r#"
[[sinks]]
name = "{name}"
component = "{component}"
{lines}
[sinks.surrealdb]
url = "{url}"
namespace = "{namespace}"
database = "default"
{database}
[[sinks.surrealdb.topic_mappings]]
topic = "{topic}"
subscription = "{subscription}"
table = "{table}"
{mapping}
"#
        )
    }
}
