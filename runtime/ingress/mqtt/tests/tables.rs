//! What the operator is told of a table before anything connects.

use std::{collections::BTreeMap, path::Path};

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_ingress_mqtt::MqttSource;

/// The warnings of a file with this in `[sources.mqtt]`, or what is wrong with it.
fn told(table: &str) -> Result<Vec<String>, Vec<String>> {
    let registry = Registry::default().with_source::<MqttSource>(Builtin {
        name: "record-source",
        component: b"",
    });
    let text = format!(
        "[[sources]]\nname = \"plant\"\ncomponent = \"builtin:record-source\"\n[sources.mqtt]\nclient_id = \"c\"\n{table}\n\
         [[sources.mqtt.routes]]\nfilter = \"a\"\ndanube_topic = \"/plant/a\"\n"
    );
    let secret = BTreeMap::from([("SECRET".to_owned(), "hunter2".to_owned())]);
    let loaded = Loader::new(&registry, &secret).load_text(Path::new("pipeline.toml"), text);
    let all = |found: &mut dyn Iterator<Item = String>| found.collect();
    match loaded {
        Ok(loaded) => Ok(all(&mut loaded.warnings.iter().map(ToString::to_string))),
        Err(found) => Err(all(&mut found.iter().map(ToString::to_string))),
    }
}

/// Basekick-Labs/arc#233, lf-edge/ekuiper#3709: a clean session made QoS 1 of no use, and nobody was told.
#[test]
fn a_session_that_keeps_nothing_is_a_warning() {
    let url = "url = \"mqtt://127.0.0.1\"";
    assert_eq!(told(url), Ok(Vec::new()));
    for (key, says) in [
        ("clean_start = true", "is delivered, whatever `qos` says"),
        ("clean_session = true", "is delivered, whatever `qos` says"),
        ("session_expiry_secs = 0", "forgets the session"),
    ] {
        let warnings = told(&format!("{url}\n{key}")).expect("warnings only");
        assert!(
            warnings.iter().any(|warning| warning.contains(says)),
            "{key}: {warnings:?}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_websocket_url_is_said_with_its_cure() {
    for (table, says) in [
        ("url = \"ws://127.0.0.1:8083/mqtt?token=hunter2\"", "no query"),
        ("url = \"wss://user:hunter2@b/mqtt\"", "must not hold credentials"),
        ("url = \"mqtts://b/mqtt\"", "only `ws` and `wss` URLs have a path"),
        ("url = \"http://b/mqtt\"", "`ws://HOST:PORT/PATH`"),
        (
            "url = \"ws://127.0.0.1/mqtt\"\ntls = { ca_file = \"ca.pem\" }",
            "`tls` is for `mqtts` and `wss` URLs, and `url` says `ws`",
        ),
    ] {
        let errors = told(table).expect_err(table);
        assert!(errors.iter().any(|error| error.contains(says)), "{table}: {errors:?}");
    }
    let login = "username = \"u\"\npassword = \"${SECRET}\"";
    let warnings = told(&format!("url = \"ws://broker.example/mqtt\"\n{login}")).expect("warnings only");
    assert!(
        warnings.len() == 1 && warnings[0].contains("in the clear") && warnings[0].contains("`url = \"wss://…\"`"),
        "{warnings:?}"
    );
    assert_eq!(
        told(&format!("url = \"wss://broker.example/mqtt\"\n{login}")),
        Ok(Vec::new())
    );
}
