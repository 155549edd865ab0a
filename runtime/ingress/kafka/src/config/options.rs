//! Settings of librdkafka that are passed on as they are.

use std::collections::BTreeMap;

use danube_wasm_settings::{Kind, ValueRef, kinds::FreeTable};
use serde_json::Value;

/// Settings of librdkafka by their own names.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Options(pub BTreeMap<String, String>);

/// Only names: a value may be a secret.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a key of ours says, or what the source's promises hang on: the name's beginning, and what to write instead.
const REFUSED: &[(&str, &str)] = &[
    ("bootstrap.servers", "write `brokers`"),
    ("metadata.broker.list", "write `brokers`"),
    ("group.id", "write `group`"),
    ("group.instance.id", "write `instance`"),
    ("group.protocol", "write `group_protocol`"),
    (
        "group.remote.assignor",
        "remove it: partitions are placed by this source",
    ),
    (
        "partition.assignment.strategy",
        "remove it: members share partitions cooperatively",
    ),
    (
        "enable.auto.",
        "remove it: offsets are committed when records are durable",
    ),
    ("auto.", "write `start` and `on_out_of_range`, or `commit_interval_ms`"),
    ("topic.auto.", "write `start` and `on_out_of_range`"),
    ("enable.partition.eof", "remove it"),
    ("offset.store.", "remove it: offsets are kept in the group"),
    ("isolation.level", "write `isolation`"),
    ("session.timeout.ms", "write `session_timeout_ms`"),
    (
        "max.poll.interval.ms",
        "remove it: the source polls whatever it waits for",
    ),
    ("queued.", "write `fetch_bytes`"),
    ("fetch.max.bytes", "write `fetch_bytes`"),
    ("statistics.interval.ms", "remove it: the lag is measured with it"),
    ("security.protocol", "write `tls` and `sasl`"),
    ("sasl.", "write `sasl`"),
    ("ssl.", "write `tls`"),
    ("https.", "write `tls`"),
    ("plugin.", "remove it: nothing is loaded into this process"),
    ("test.", "remove it"),
    ("consume.callback.", "remove it"),
    ("topic.blacklist", "name the topics in `routes`"),
    ("allow.auto.create.topics", "remove it: the source makes no topics"),
];

/// Reads a table of them.
pub(super) struct OptionsKind;

impl Kind for OptionsKind {
    type Value = Options;

    fn what(&self) -> String {
        "a table of settings of librdkafka".to_owned()
    }

    fn show(&self, value: &Options) -> String {
        let values = value
            .0
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        if value.0.is_empty() {
            "{}".to_owned()
        } else {
            Value::Object(values.collect()).to_string()
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Options> {
        let values = FreeTable.read(input)?.values;
        let mut options = BTreeMap::new();
        for (name, value) in values {
            if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| name.starts_with(refused)) {
                let message = format!("`{name}` cannot be set in `{}`", input.name());
                return input.refuse_with(message, *instead);
            }
            let text = match value {
                Value::String(text) => text,
                Value::Bool(flag) => flag.to_string(),
                Value::Number(number) => number.to_string(),
                _ => {
                    let message = format!("`{name}` must be a string, a number, true or false");
                    return input.refuse_with(message, "write it as librdkafka's manual does");
                }
            };
            if let Err(error) = crate::consumer::check_option(&name, &text) {
                return input.refuse_with(format!("`{name}`: {error}"), "write it as librdkafka's manual does");
            }
            options.insert(name, text);
        }
        Some(Options(options))
    }
}
