//! What the labels of metrics are.

/// Each label and its values, for the reference page.
pub(super) const LABELS: &[(&str, &str)] = &[
    ("connector", "The connector, `pipeline/name`."),
    (
        "topic",
        "A topic, without its partition. Of events of a source, the endpoint that they came through: for `webhook`, its path.",
    ),
    (
        "error_type",
        "Of a source, the kind of failure of the component (as `kind`), `invalid_data` and `invalid_record` (refused by a \
         schema: what came in, what the component made), or what the broker answered: `unavailable`, `storage`, \
         `too_large`, `not_found`, `conflict`, `denied`, `incompatible`, `closed`. Of a sink, why a message became poison (as \
         `reason`).",
    ),
    ("subject", "The schema subject."),
    (
        "reason",
        "Why an input is a dead letter: `crashed` (the component trapped, ran out of a budget or went over a limit), `refused` \
         (by the component or the schema), `undecodable`, `target_refused`, `broker_refused`. Of what a source passed over, as its metric says.",
    ),
    (
        "state",
        "`pending`, `starting`, `running`, `degraded`, `down`, `paused`, `failed` or `stopped`.",
    ),
    (
        "behind",
        "What the circuit breaker protects: `component`, `broker` or `target`.",
    ),
    (
        "endpoint",
        "Of a source, the endpoint's path, or `unknown` for all paths that no endpoint has. Of a sink `http`, the endpoint's name.",
    ),
    (
        "status",
        "The HTTP status. Of a source `499` where the client had gone before its answer; of a sink `none` where there was no answer.",
    ),
    (
        "kind",
        "Of a call into a component: `trap`, `budget`, `limit`, `invalid_output`, `host`, or what the component said: \
         `retryable`, `fatal`, `invalid_data`, `configuration`. Of a write to a target: `transient` or `configuration`. Of a \
         confirmation: `transient`, `disconnected`, `configuration` or `gap` (the upstream lost what was not read).",
    ),
    (
        "stream",
        "What the upstream orders and confirms by itself: a partition, a replication slot, a session. Of a source with more \
         than a hundred, the rest are one, `others`.",
    ),
    (
        "how",
        "Of partitions of Kafka: `assigned` to this process, `revoked` from it when it had finished them, or `lost` to others without that.",
    ),
    ("outcome", "Of a commit to a group of Kafka: `ok` or `failed`."),
    ("what", "`log_lines` or `metrics`."),
    ("subscription", "The subscription."),
    (
        "session",
        "Of a connection with an MQTT broker: `resumed` where the broker had kept the session, else `new`.",
    ),
    (
        "version",
        "The version of danube-wasm; of a connection with an MQTT broker, that of the protocol.",
    ),
];
