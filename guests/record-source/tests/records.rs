//! What an event becomes.

use danube_connector::{
    Error, ProducerConfig,
    testing::{Incoming, Published, SourceHarness},
};
use record_source::RecordSource;

fn settings(config: &str) -> String {
    format!(
        r#"{{"endpoints": [{{"path": "site/+/power", "danube_topic": "/plant/power", "partitions": 4}},
            {{"path": "doors", "danube_topic": "/plant/doors", "key_pointer": "/door", "id_pointer": ""}}], "config": {config}}}"#
    )
}

fn source(config: &str) -> SourceHarness<RecordSource> {
    SourceHarness::new(&settings(config)).expect("valid settings")
}

fn reading(payload: &str) -> Incoming {
    Incoming {
        id: "7-1".into(),
        key: "site/berlin/power".into(),
        content_type: "application/json".into(),
        attributes: vec![
            ("mqtt.topic".into(), "site/berlin/power".into()),
            ("mqtt.qos".into(), "1".into()),
        ],
        headers: vec![("unit".into(), "kW".into())],
        ..Incoming::new("site/+/power", payload)
    }
}

fn record(config: &str, event: Incoming) -> Published {
    let mut polled = source(config).poll(&[event]).expect("polled");
    assert!(polled.refused.is_empty(), "{:?}", polled.refused);
    assert_eq!(polled.records.len(), 1);
    polled.records.remove(0)
}

fn attributes(record: &Published) -> Vec<(&str, &str)> {
    let pairs = record.attributes.iter();
    pairs.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn an_event_goes_on_as_it_came() {
    for payload in [r#"{ "kw" : 1.50 }"#, "not JSON", ""] {
        let record = record("null", reading(payload));
        assert_eq!(record.topic, "/plant/power");
        assert_eq!(record.payload, payload.as_bytes());
        assert!(record.forwarded, "the payload crosses once");
        assert_eq!((record.key.as_deref(), record.id), (Some("site/berlin/power"), None));
    }
}

#[test]
fn topics_are_asked_for_as_the_source_maps_them() {
    let topics = source("{}").producer_configs().expect("valid");
    let power = ProducerConfig::new("/plant/power").with_partitions(4);
    assert_eq!(topics, [power, ProducerConfig::new("/plant/doors")]);
}

#[test]
fn key_and_id_are_where_the_settings_say() {
    let config = r#"{"key_pointer": "/meter", "id_pointer": "/reading/0"}"#;
    let record = record(
        config,
        reading(r#"{"meter": "m-4", "reading": [18446744073709551616, 3]}"#),
    );
    assert_eq!(record.key.as_deref(), Some("m-4"));
    assert_eq!(
        record.id.as_deref(),
        Some("18446744073709551616"),
        "no float has rounded it"
    );
}

#[test]
fn where_they_are_not_the_sources_own_stand() {
    let config = r#"{"key_pointer": "/meter", "id_pointer": "/id"}"#;
    for payload in [
        "not JSON",
        "",
        "{}",
        r#"{"meter": null, "id": {}}"#,
        r#"{"meter": "", "id": ""}"#,
    ] {
        let record = record(config, reading(payload));
        assert_eq!(
            (record.key.as_deref(), record.id),
            (Some("site/berlin/power"), None),
            "{payload}"
        );
    }
    let keyless = Incoming {
        key: Vec::new(),
        ..reading("{}")
    };
    assert_eq!(record(config, keyless).key, None);
}

#[test]
fn an_endpoints_own_pointers_win() {
    let event = |payload: &str| Incoming {
        endpoint: "doors".into(),
        ..reading(payload)
    };
    let config = r#"{"key_pointer": "/meter", "id_pointer": "/id"}"#;
    let at_the_door = record(config, event(r#"{"meter": "m", "door": 7, "id": "i"}"#));
    assert_eq!((at_the_door.key.as_deref(), at_the_door.id), (Some("7"), None));
    let whole = record(config, event("\"opened\""));
    assert_eq!(whole.id.as_deref(), Some("opened"));
}

#[test]
fn an_id_that_is_none_refuses_its_event_and_no_other() {
    let mut source = source(r#"{"id_pointer": "/id"}"#);
    let long = format!(r#"{{"id": "{}"}}"#, "x".repeat(257));
    let most = format!(r#"{{"id": "{}"}}"#, "x".repeat(256));
    let events = [reading(&long), reading(r#"{"id": "a\nb"}"#), reading(&most)];
    let polled = source.poll(&events).expect("the batch goes on");
    assert_eq!(polled.records.len(), 1);
    assert_eq!(polled.records[0].id.as_ref().map(String::len), Some(256));
    let refused: Vec<_> = polled.refused.iter().map(|refused| refused.origin).collect();
    assert_eq!(refused, [0, 1]);
}

#[test]
fn a_record_carries_what_the_source_knows() {
    let record = record("{}", reading("{}"));
    assert_eq!(
        attributes(&record),
        [
            ("content-type", "application/json"),
            ("mqtt.qos", "1"),
            ("mqtt.topic", "site/berlin/power"),
            ("unit", "kW"),
        ]
    );
}

#[test]
fn metadata_and_headers_can_be_switched_off() {
    let without = record(r#"{"include_metadata": false}"#, reading("{}"));
    assert_eq!(attributes(&without), [("unit", "kW")]);
    let neither = r#"{"include_metadata": false, "include_headers": false, "attributes": {"site": "berlin"}}"#;
    assert_eq!(attributes(&record(neither, reading("{}"))), [("site", "berlin")]);
}

/// A sender must not be able to say what only the source can know.
#[test]
fn a_header_replaces_nothing() {
    let pairs = [
        ("mqtt.topic", "site/paris/power"),
        ("site", "paris"),
        ("unit", "W"),
        ("unit", "kW"),
    ];
    let event = Incoming {
        headers: pairs.map(|(name, value)| (name.into(), value.into())).into(),
        content_type: String::new(),
        ..reading("{}")
    };
    let record = record(r#"{"attributes": {"site": "berlin", "mqtt.qos": "unknown"}}"#, event);
    assert_eq!(
        attributes(&record),
        [
            ("mqtt.qos", "unknown"),
            ("mqtt.topic", "site/berlin/power"),
            ("site", "berlin"),
            ("unit", "W"),
        ]
    );
}

#[test]
fn an_event_of_an_unknown_endpoint_is_refused() {
    let polled = source("{}").poll(&[Incoming::new("x", "{}"), reading("{}")]);
    let polled = polled.expect("the batch goes on");
    assert_eq!((polled.refused.len(), polled.records.len()), (1, 1));
    assert!(polled.refused[0].message.contains("`x`"), "{:?}", polled.refused);
}

#[test]
fn settings_that_do_nothing_are_refused() {
    for (config, says) in [
        (r#"{"key_ponter": "/a"}"#, "`key_ponter`"),
        (r#"{"key_pointer": "a"}"#, "`a` is not a JSON pointer"),
        (r#"{"attributes": {"site": 1}}"#, "expected a string"),
    ] {
        let error = SourceHarness::<RecordSource>::new(&settings(config)).expect_err("refused");
        assert!(
            matches!(&error, Error::Configuration { message, .. } if message.contains(says)),
            "{error}"
        );
    }
}
