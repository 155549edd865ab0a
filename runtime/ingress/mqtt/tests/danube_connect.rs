//! Files of Danube Connect's MQTT source: what they become, and what the operator is told.

use std::{collections::BTreeMap, path::Path, time::Duration};

use danube_wasm_config::{Loaded, Loader};
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_ingress_mqtt::{Mqtt, MqttSource};
use danube_wasm_settings::SecretSource;

/// As its version 0.3 has it.
const FILE: &str = r#"danube_service_url = "http://b:6650"
connector_name = "plant"
[mqtt]
broker_host = "mosquitto"
broker_port = 1884
client_id = "danube-plant"
username = "danube"
password = "secret"
use_tls = false
keep_alive_secs = 30
connection_timeout_secs = 15
max_packet_size = 10485760
clean_session = false
include_metadata = false
tcp_nodelay = true
[[mqtt.routes]]
from = "sensors/+/temperature"
to = "/default/temperatures"
qos = "ExactlyOnce"
partitions = 4
reliable_dispatch = true
[[mqtt.routes]]
from = "alarms/#"
to = "/default/alarms"
"#;

fn registry() -> Registry {
    Registry::default().with_source::<MqttSource>(Builtin {
        name: "record-source",
        component: b"",
    })
}

fn load(text: &str, env: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    let env: BTreeMap<_, _> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let loaded = Loader::new(&registry(), &env).load_text(Path::new("mqtt.toml"), text.to_owned());
    loaded.map_err(|found| found.iter().map(ToString::to_string).collect())
}

fn mqtt(loaded: &Loaded) -> &Mqtt {
    let source = &loaded.pipeline.sources[0];
    source.connector.downcast::<MqttSource>().expect("an MQTT source")
}

fn told(loaded: &Loaded) -> Vec<&str> {
    loaded.warnings.iter().map(|warning| warning.key.as_str()).collect()
}

#[test]
fn a_file_of_version_0_3_is_read_and_keeps_what_it_acknowledges() {
    let loaded = load(FILE, &[]).unwrap_or_else(|found| panic!("{found:#?}"));
    let (source, mqtt) = (&loaded.pipeline.sources[0], mqtt(&loaded));
    assert_eq!(source.component.to_string(), "builtin:record-source");
    assert!(source.buffer.is_some(), "a cluster confirms before it has written");
    assert_eq!(mqtt.url.to_string(), "mqtt://mosquitto:1884");
    assert_eq!(
        (mqtt.client_id.as_str(), mqtt.username.as_deref()),
        ("danube-plant", Some("danube"))
    );
    assert!(matches!(&mqtt.password, Some(SecretSource::Text(secret)) if secret.expose() == "secret"));
    assert_eq!(
        (mqtt.keep_alive_secs, mqtt.connect_timeout),
        (30, Duration::from_secs(15))
    );
    assert_eq!((mqtt.max_packet_bytes, mqtt.clean_start), (8 << 20, false));
    let [temperatures, alarms] = &mqtt.routes[..] else {
        panic!("{:?}", mqtt.routes)
    };
    assert_eq!(
        (temperatures.filter.as_str(), temperatures.qos),
        ("sensors/+/temperature", 2)
    );
    assert_eq!(
        (temperatures.route.topic.as_str(), temperatures.route.partitions),
        ("/default/temperatures", 4)
    );
    assert_eq!((alarms.filter.as_str(), alarms.qos), ("alarms/#", 1));
    assert!(alarms.route.reliable_dispatch);
    let told = told(&loaded);
    for key in [
        "mqtt.max_packet_size",
        "mqtt.tcp_nodelay",
        "mqtt.routes[0].reliable_dispatch",
        "mqtt.connection_timeout_secs",
    ] {
        assert!(told.contains(&key), "{key} of {told:?}");
    }
}

#[test]
fn a_file_of_version_0_2_is_the_same_in_other_words() {
    let old = FILE
        .replace("[[mqtt.routes]]", "[[mqtt.topic_mappings]]")
        .replace("from =", "mqtt_topic =")
        .replace("to =", "danube_topic =");
    let (old, new) = (
        load(&old, &[]).expect("it is read"),
        load(FILE, &[]).expect("it is read"),
    );
    assert_eq!(mqtt(&old), mqtt(&new));
}

#[test]
fn its_variables_hold_over_the_file() {
    let env = [
        ("MQTT_BROKER_HOST", "other"),
        ("MQTT_BROKER_PORT", "8884"),
        ("MQTT_CLIENT_ID", "danube-2"),
        ("MQTT_USERNAME", "user"),
        ("MQTT_PASSWORD", "pass"),
        ("MQTT_USE_TLS", "true"),
    ];
    let loaded = load(FILE, &env).unwrap_or_else(|found| panic!("{found:#?}"));
    let mqtt = mqtt(&loaded);
    assert_eq!(mqtt.url.to_string(), "mqtts://other:8884");
    assert_eq!(
        (mqtt.client_id.as_str(), mqtt.username.as_deref()),
        ("danube-2", Some("user"))
    );
    assert!(matches!(&mqtt.password, Some(SecretSource::Text(secret)) if secret.expose() == "pass"));
}

/// What Danube Connect spoke in the clear whatever the file said.
#[test]
fn tls_that_the_file_asks_for_is_used_and_told() {
    let loaded = load(&FILE.replace("use_tls = false", "use_tls = true"), &[]).expect("it is read");
    assert_eq!(mqtt(&loaded).url.to_string(), "mqtts://mosquitto:1884");
    assert!(told(&loaded).contains(&"mqtt.use_tls"));
}

#[test]
fn what_it_leaves_out_is_as_danube_connect_had_it_but_for_the_session() {
    let text = "danube_service_url = \"http://b:6650\"\nconnector_name = \"plant\"\n[mqtt]\nbroker_host = \"h\"\nclient_id = \"c\"\n\
                password = \"alone\"\n[[mqtt.routes]]\nfrom = \"a\"\nto = \"/default/a\"\nqos = \"AtMostOnce\"\n";
    let loaded = load(text, &[]).unwrap_or_else(|found| panic!("{found:#?}"));
    let mqtt = mqtt(&loaded);
    assert_eq!(mqtt.url.to_string(), "mqtt://h:1883");
    assert_eq!(
        (mqtt.max_packet_bytes, mqtt.connect_timeout),
        (8 << 20, Duration::from_secs(30))
    );
    assert!(mqtt.password.is_none(), "it does not sign in with a password alone");
    assert!(!mqtt.clean_start, "what came while it was away was lost");
    assert_eq!(mqtt.routes[0].qos, 0);
}

#[test]
fn mistakes_have_the_files_own_lines_and_keys() {
    for (old, new, says) in [
        ("broker_host = \"mosquitto\"\n", "", "[mqtt] needs `broker_host`"),
        (
            "broker_port = 1884",
            "broker_port = 0",
            "5:15: error[DW0105]: `broker_port` must be",
        ),
        ("client_id = \"danube-plant\"\n", "", "[mqtt] needs `client_id`"),
        ("ExactlyOnce", "Twice", "19:7: error[DW0105]: `qos` must be"),
        ("sensors/+/temperature", "sensors/#/temperature", "17:8: "),
        (
            "max_packet_size = 10485760",
            "max_packet_size = \"large\"",
            "12:19: error[DW0104]: `max_packet_size` must be",
        ),
        (
            "include_metadata = false",
            "include_metadata = 1",
            "14:20: error[DW0104]: `include_metadata` must be",
        ),
        (
            "clean_session = false",
            "clean_sesion = false",
            "did you mean `clean_session`?",
        ),
        ("[mqtt]", "[server]\nhost = \"h\"\n[mqtt]", "one connector"),
    ] {
        assert!(FILE.contains(old), "{old}");
        let found = load(&FILE.replacen(old, new, 1), &[]).expect_err(says);
        assert!(found.iter().any(|found| found.contains(says)), "{says}: {found:#?}");
    }
}

/// What the file becomes can be read as a pipeline file, too.
#[test]
fn a_migrated_file_says_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("mqtt.toml");
    std::fs::write(&path, FILE).expect("a file");
    let (registry, env) = (registry(), BTreeMap::new());
    let loader = Loader::new(&registry, &env);
    let migrated = loader.migrate(&[&path]).unwrap_or_else(|found| panic!("{found}"));
    let again = loader.load_text(&dir.path().join("pipeline.toml"), migrated.toml.clone());
    let again = again.unwrap_or_else(|found| panic!("{found}\n{}", migrated.toml));
    assert_eq!(
        mqtt(&again),
        mqtt(&load(FILE, &[]).expect("it is read")),
        "{}",
        migrated.toml
    );
    assert!(migrated.toml.contains("include_metadata = false"), "{}", migrated.toml);
}
