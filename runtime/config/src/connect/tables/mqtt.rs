//! Tables of an MQTT source.

use super::super::keys::{
    Effect::Removed,
    How::{Integer, Same, Secret, Secs, Separate, Text},
    OldKey, OldTable,
};

pub(in super::super) static MQTT: OldTable = OldTable::one(
    &["mqtt"],
    "sources.mqtt",
    "The MQTT broker that is read from. Danube Connect acknowledged messages before it published them, and lost those that came \
     while it was away.",
    &[
        OldKey::new(&["broker_host"], "", Separate)
            .variable("MQTT_BROKER_HOST")
            .required("\"mosquitto\"")
            .note("Part of `url`, `mqtt://HOST:PORT`."),
        BROKER_PORT,
        USE_TLS,
        OldKey::same(&["client_id"])
            .variable("MQTT_CLIENT_ID")
            .required("\"danube-plant-7\""),
        OldKey::new(&["username"], "username", Text)
            .example("\"danube\"")
            .variable("MQTT_USERNAME")
            .note("Without effect if there is no password."),
        OldKey::new(&["password"], "password", Secret)
            .example("\"secret\"")
            .variable("MQTT_PASSWORD")
            .note("Without effect if there is no user."),
        OldKey::new(&["keep_alive_secs"], "keep_alive_secs", Same).example("60"),
        OldKey::new(&["connection_timeout_secs"], "connect_timeout_ms", Secs)
            .default("30")
            .note("Danube Connect never used it."),
        OldKey::new(&["max_packet_size"], "max_packet_bytes", Separate)
            .default("10485760")
            .note("8388608 at most here."),
        OldKey::new(&["clean_session"], "clean_start", Same)
            .example("false")
            .note("`true` without it in Danube Connect, which lost what came while it was away; `false` here."),
        INCLUDE_METADATA,
        OldKey::ignored(
            &["tcp_nodelay"],
            Removed,
            "remove it; acknowledgements are always sent at once",
        ),
        OldKey::new(&["routes"], "routes", Separate),
        OldKey::new(&["topic_mappings"], "routes", Separate),
    ],
);

pub(in super::super) const BROKER_PORT: OldKey = OldKey::new(&["broker_port"], "", Integer(1..=65535))
    .variable("MQTT_BROKER_PORT")
    .default("1883")
    .note("Likewise.");

const USE_TLS: OldKey = OldKey::new(&["use_tls"], "", Separate)
    .variable("MQTT_USE_TLS")
    .default("false")
    .note("`mqtts://` if it is true. Danube Connect never used it, and spoke in the clear.");

/// Of the component, which is what adds it.
pub(in super::super) const INCLUDE_METADATA: OldKey =
    OldKey::new(&["include_metadata"], "", Separate).note("`sources.config.include_metadata` here.");

pub(in super::super) static MQTT_ROUTES: OldTable = OldTable::many(
    &["mqtt.topic_mappings", "mqtt.routes"],
    "sources.mqtt.routes",
    "Topics that are subscribed to, and the topic that their records go to.",
    &[
        OldKey::new(&["mqtt_topic", "from"], "filter", Same).required("\"sensors/+/temperature\""),
        OldKey::new(&["danube_topic", "to"], "danube_topic", Same).required("\"/default/temperatures\""),
        OldKey::new(&["qos"], "qos", Separate)
            .default("\"AtLeastOnce\"")
            .note("`AtMostOnce`, `AtLeastOnce` and `ExactlyOnce`, which are 0, 1 and 2 here."),
        OldKey::same(&["partitions"]),
        OldKey::ignored(
            &["reliable_dispatch"],
            Removed,
            "remove it; what is acknowledged to the MQTT broker is always kept until it is read",
        ),
    ],
);
