//! Filters, and what the broker says to them.

use serde_json::json;

use crate::support::{
    mosquitto::Mosquitto,
    publisher::{numbers, publish, texts},
    source::{MqttProcess as _, Process, TOPIC, new_log, table, texts_once},
};

fn routes(port: u16, routes: &str) -> String {
    format!("url = \"mqtt://127.0.0.1:{port}\"\nclient_id = \"test-plant\"\nroutes = [{routes}]\n")
}

/// danube-connect: messages of shared subscriptions matched no route and were dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_subscription_gives_each_message_to_one_of_its_members() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let table = |member: &str| {
        let route = format!("{{ filter = \"$share/group/plant/#\", danube_topic = \"{TOPIC}\" }}");
        routes(broker.port, &route).replace("test-plant", member)
    };
    let one = Process::start(&log, &table("one")).await;
    let two = Process::start(&log, &table("two")).await;
    one.subscribed(1).await;
    two.subscribed(1).await;
    publish(broker.port, texts("plant/a", 1, numbers(1..=100))).await;
    let records = log.records(100).await;
    let mut found = texts_once(&records);
    found.sort_by_key(|text| text.parse::<u32>().expect("a number"));
    assert_eq!(found, numbers(1..=100));
    assert_eq!(records.len(), 100);
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_for_everything_does_not_bring_the_brokers_own_topics() {
    let Some(broker) = Mosquitto::start("sys_interval 1").await else {
        return;
    };
    let log = new_log();
    let route = format!("{{ filter = \"#\", danube_topic = \"{TOPIC}\" }}");
    let process = Process::start(&log, &routes(broker.port, &route)).await;
    process.subscribed(1).await;
    publish(broker.port, texts("a", 1, ["a"])).await;
    assert_eq!(log.records(1).await.len(), 1);
    process.stop().await;
    let (log, route) = (
        new_log(),
        format!("{{ filter = \"$SYS/broker/version\", danube_topic = \"{TOPIC}\" }}"),
    );
    let process = Process::start(&log, &routes(broker.port, &route)).await;
    assert!(log.records(1).await[0].text.starts_with("mosquitto version"));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_two_filters_is_one_event_of_the_first() {
    for version in ["5", "3.1.1"] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let both = format!(
            "{{ filter = \"plant/+/t\", danube_topic = \"{TOPIC}\" }}, {{ filter = \"plant/#\", danube_topic = \"{TOPIC}\" }}"
        );
        let table = format!("protocol = \"{version}\"\n{}", routes(broker.port, &both));
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        publish(broker.port, texts("plant/1/t", 1, ["both"])).await;
        publish(broker.port, texts("plant/1/p", 1, ["second"])).await;
        let records = log.records(2).await;
        assert_eq!(texts_once(&records), ["both", "second"], "{version}");
        assert!(
            records[0].id.contains("plant/+/t:") && records[1].id.contains("plant/#:"),
            "{records:?}"
        );
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_messages_can_be_left_out() {
    for version in ["5", "3.1.1"] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let old = json!({"topic": "plant/state", "payload": "old", "retain": true});
        publish(broker.port, vec![old]).await;
        let route = format!("{{ filter = \"plant/#\", danube_topic = \"{TOPIC}\", retained = \"skip\" }}");
        let table = format!("protocol = \"{version}\"\n{}", routes(broker.port, &route));
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        let new = json!({"topic": "plant/state", "payload": "new", "retain": true});
        publish(broker.port, vec![new]).await;
        assert_eq!(texts_once(&log.records(1).await), ["new"], "{version}");
        process.stop().await;
    }
}

/// Mosquitto's own plugin refuses what its file does not allow.
fn only_allows(dir: &std::path::Path, pattern: &str) -> String {
    let file = dir.join("security.json");
    let acl = json!([{"acltype": "subscribePattern", "topic": pattern, "allow": true}]);
    let text = json!({
        "defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true, "subscribe": false, "unsubscribe": true},
        "anonymousGroup": "all", "clients": [],
        "groups": [{"groupname": "all", "roles": [{"rolename": "reader"}], "clients": []}],
        "roles": [{"rolename": "reader", "acls": acl}],
    });
    std::fs::write(&file, text.to_string()).expect("its file");
    let unpacked = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/servers/debian");
    let plugin = format!(
        "usr/lib/{}-linux-gnu/mosquitto_dynamic_security.so",
        std::env::consts::ARCH
    );
    let found = [unpacked.join(&plugin), std::path::Path::new("/").join(&plugin)].into_iter();
    let plugin = found
        .into_iter()
        .find(|path| path.exists())
        .expect("mosquitto's plugin");
    format!("plugin {}\nplugin_opt_config_file {}", plugin.display(), file.display())
}

/// danube-connect, lf-edge/ekuiper#3709: nobody looked at the answers to subscriptions.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_refused_stops_the_source_and_names_the_filter() {
    for version in ["5", "3.1.1"] {
        let Some(broker) = Mosquitto::start_with(|dir| only_allows(dir, "plant/#")).await else {
            return;
        };
        let log = new_log();
        let both = format!(
            "{{ filter = \"plant/#\", danube_topic = \"{TOPIC}\" }}, {{ filter = \"secret/#\", danube_topic = \"{TOPIC}\" }}"
        );
        let table = format!("protocol = \"{version}\"\n{}", routes(broker.port, &both));
        let process = Process::start(&log, &table).await;
        let status = process
            .status("it stops", |status| {
                matches!(status, danube_wasm_pipeline::Status::Failed(_))
            })
            .await;
        let why = status.reason().expect("a reason");
        assert!(
            why.contains("refuses the subscription to `secret/#`"),
            "{version}: {why}"
        );
        let findings = crate::support::source::probe(&table).await;
        let texts: Vec<_> = findings.iter().map(|finding| format!("{finding:?}")).collect();
        assert!(
            texts[1].contains("plant/#") && texts[1].contains("Reached"),
            "{texts:?}"
        );
        assert!(
            texts[2].contains("secret/#") && texts[2].contains("Failed"),
            "{texts:?}"
        );
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_granted_for_less_is_found_by_check() {
    let Some(broker) = Mosquitto::start("max_qos 0").await else {
        return;
    };
    let findings = crate::support::source::probe(&table(broker.port, 1, "")).await;
    let texts: Vec<_> = findings.iter().map(|finding| format!("{finding:?}")).collect();
    assert!(texts[1].contains("QoS 0 instead of 1"), "{texts:?}");
}
