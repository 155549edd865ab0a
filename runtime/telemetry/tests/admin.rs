//! The admin port over real HTTP: what is counted is shown, health is told as it is, and nothing else is there.

use std::{collections::BTreeSet, net::Ipv4Addr, sync::Arc, time::Duration};

use danube_wasm_model::ConnectorId;
use danube_wasm_telemetry::{AdminServer, ConnectorState, Health, Metrics, health::State};
use reqwest::StatusCode;
use serde_json::{Value, json};

struct Admin {
    server: AdminServer,
    metrics: Arc<Metrics>,
    health: Health,
}

impl Admin {
    async fn start() -> Self {
        let (metrics, health) = (Metrics::new().expect("metrics"), Health::default());
        let server = AdminServer::bind((Ipv4Addr::LOCALHOST, 0).into(), metrics.clone(), health.clone());
        Self {
            server: server.await.expect("a free port"),
            metrics,
            health,
        }
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let url = format!("http://{}{path}", self.server.local_addr());
        let answer = reqwest::get(url).await.expect("an answer");
        (answer.status(), answer.text().await.expect("a body"))
    }

    async fn ready(&self) -> (StatusCode, Value) {
        let (status, body) = self.get("/health/ready").await;
        (status, serde_json::from_str(&body).expect("JSON"))
    }
}

fn id(connector: &str) -> ConnectorId {
    ConnectorId::try_new("pipeline", connector).expect("valid")
}

/// Lines of the metrics page after [`everything_that_is_counted_is_shown_under_its_name`] counted.
const LINES: [&str; 30] = [
    r#"danube_connector_messages_received_total{connector="pipeline/c",topic="/ns/t"} 3"#,
    r#"danube_connector_messages_processed_total{connector="pipeline/c",topic="/ns/t"} 2"#,
    r#"danube_connector_messages_failed_total{connector="pipeline/c",error_type="trap",topic="/ns/t"} 1"#,
    r#"danube_connector_messages_retried_total{connector="pipeline/c",topic="/ns/t"} 4"#,
    r#"danube_connector_inflight_messages{connector="pipeline/c"} 1"#,
    r#"danube_connector_health{connector="pipeline/c"} 1"#,
    r#"danube_wasm_connector_state{connector="pipeline/c",state="degraded"} 1"#,
    r#"danube_wasm_connector_state{connector="pipeline/c",state="running"} 0"#,
    r#"danube_wasm_connector_state{connector="pipeline/c",state="failed"} 0"#,
    r#"danube_connector_batch_size_bucket{connector="pipeline/c",le="25"} 0"#,
    r#"danube_connector_batch_size_bucket{connector="pipeline/c",le="50"} 1"#,
    r#"danube_connector_processing_duration_seconds_bucket{connector="pipeline/c",le="0.001"} 1"#,
    r#"danube_wasm_schema_violations_total{connector="pipeline/c",subject="subject",topic="/ns/t"} 1"#,
    r#"danube_wasm_publish_duration_seconds_count{connector="pipeline/c"} 1"#,
    r#"danube_wasm_guest_call_duration_seconds_count{connector="pipeline/c"} 1"#,
    r#"danube_wasm_guest_failures_total{connector="pipeline/c",kind="budget"} 1"#,
    r#"danube_wasm_guest_dropped_total{connector="pipeline/c",what="log_lines"} 7"#,
    r#"danube_wasm_egress_write_duration_seconds_count{connector="pipeline/c"} 1"#,
    r#"danube_wasm_egress_failures_total{connector="pipeline/c",kind="transient"} 1"#,
    r#"danube_wasm_dead_letters_total{connector="pipeline/c",reason="trap"} 1"#,
    r#"danube_wasm_http_requests_total{endpoint="/hook",status="200"} 1"#,
    r#"danube_wasm_http_request_duration_seconds_bucket{endpoint="/hook",le="0.001"} 1"#,
    r#"danube_wasm_subscription_lag_messages{subscription="sub",topic="/ns/t"} 12"#,
    r#"danube_wasm_topic_messages{topic="/ns/t"} 5"#,
    r#"danube_wasm_topic_consumed_messages{topic="/ns/t"} 3"#,
    r#"danube_wasm_topic_bytes{topic="/ns/t"} 700"#,
    r#"danube_guest_seen{connector="pipeline/c"} 2"#,
    r#"danube_guest_level{connector="pipeline/c"} 0.5"#,
    r#"danube_guest_sizes_bucket{connector="pipeline/c",le="0.5"} 1"#,
    concat!(
        r#"danube_wasm_build_info{version=""#,
        env!("CARGO_PKG_VERSION"),
        r#""} 1"#
    ),
];

#[tokio::test]
async fn everything_that_is_counted_is_shown_under_its_name() {
    let admin = Admin::start().await;
    let c = admin.metrics.connector(&id("c"));
    let ms = Duration::from_millis(1);
    c.received("/ns/t", 3);
    c.processed("/ns/t", 2);
    c.failed("/ns/t", "trap");
    c.retried("/ns/t", 4);
    c.set_in_flight(1);
    c.set_health(true);
    c.set_state(ConnectorState::Degraded);
    c.violation("/ns/t", "subject");
    c.batch(50);
    c.processing(ms);
    c.publish(ms);
    c.guest_call(ms, Some("budget"));
    c.egress_write(ms, Some("transient"));
    c.dead_letter("trap");
    c.guest_dropped("log_lines", 7);
    c.guest_counter("seen", 2);
    c.guest_gauge("level", 0.5);
    c.guest_observe("sizes", 0.3);
    admin.metrics.http_request("/hook", 200, ms);
    admin.metrics.set_lags([("/ns/t", "removed", 3)]);
    admin.metrics.set_lags([("/ns/t", "sub", 12)]);
    admin.metrics.set_topics([("/ns/removed", [1, 1, 1])]);
    admin.metrics.set_topics([("/ns/t", [5, 3, 700])]);

    let (status, text) = admin.get("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!text.contains("removed"), "the lag of a subscription that is gone");
    for line in LINES {
        assert!(text.lines().any(|shown| shown == line), "no line {line} in\n{text}");
    }
    assert!(text.contains("\ndanube_wasm_start_time_seconds "), "{text}");
    let totals = admin.metrics.totals(|id| id == "pipeline/c");
    assert_eq!(
        (
            totals.received,
            totals.published,
            totals.written,
            totals.failed,
            totals.dead_letters
        ),
        (3.0, 2.0, 0.0, 1.0, 1.0)
    );
}

/// Label names are a closed set, and no metric has more of them than it says.
#[tokio::test]
async fn no_label_is_made_from_what_anybody_sends() {
    let admin = Admin::start().await;
    let c = admin.metrics.connector(&id("c"));
    c.received("/ns/t", 1);
    c.failed("/ns/t", "trap");
    c.guest_counter("x", 1);
    admin.metrics.http_request("other", 404, Duration::ZERO);
    let (_, text) = admin.get("/metrics").await;
    let names: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('{')?.1.split_once('}').map(|(labels, _)| labels))
        .flat_map(|labels| {
            labels
                .split(',')
                .filter_map(|label| label.split_once('=').map(|(name, _)| name))
        })
        .collect();
    let allowed = [
        "connector",
        "endpoint",
        "error_type",
        "le",
        "status",
        "topic",
        "version",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), allowed);
}

#[tokio::test]
async fn a_connector_that_is_gone_is_shown_no_more() {
    let admin = Admin::start().await;
    for name in ["gone", "stays"] {
        let c = admin.metrics.connector(&id(name));
        c.received("/a/b", 1);
        c.failed("/a/b", "trap");
        c.violation("/a/b", "s");
        c.guest_call(Duration::ZERO, Some("trap"));
        c.guest_counter("n", 1);
        c.guest_gauge("g", 1.0);
        c.guest_observe("h", 1.0);
    }
    let before = admin.get("/metrics").await.1;
    admin.metrics.remove_connector(&id("gone"));
    let after = admin.get("/metrics").await.1;
    let lines = |text: &str, name: &str| text.lines().filter(|line| line.contains(name)).count();
    assert!(lines(&before, "pipeline/gone") > 40);
    assert_eq!(lines(&after, "pipeline/gone"), 0, "{after}");
    assert_eq!(lines(&after, "pipeline/stays"), lines(&before, "pipeline/stays"));
    admin.metrics.connector(&id("gone")).received("/a/b", 1);
    assert!(
        admin.get("/metrics").await.1.contains("pipeline/gone"),
        "and may come back"
    );
}

#[tokio::test]
async fn what_a_component_counts_cannot_spoil_the_page() {
    let admin = Admin::start().await;
    let c = admin.metrics.connector(&id("c"));
    c.guest_observe("h", f64::NAN);
    c.guest_observe("h", f64::INFINITY);
    c.guest_observe("h", 2.0);
    c.guest_counter("h", 5);
    c.guest_gauge("g", f64::NAN);
    c.guest_counter("big", u64::MAX);
    c.guest_counter("no name", 1);
    let (_, text) = admin.get("/metrics").await;
    assert!(
        text.contains("danube_guest_h_sum{connector=\"pipeline/c\"} 2\n"),
        "{text}"
    );
    assert!(
        text.contains("danube_guest_h_count{connector=\"pipeline/c\"} 1\n"),
        "{text}"
    );
    assert!(!text.contains("no name"), "{text}");
}

#[tokio::test]
async fn ready_tells_every_part_with_its_reason() {
    let admin = Admin::start().await;
    assert_eq!(
        admin.ready().await,
        (StatusCode::OK, json!({"ready": true, "draining": false, "checks": {}}))
    );

    let broker = admin.health.part("broker");
    let starting = json!({"state": "degraded", "reason": "starting"});
    let (status, body) = admin.ready().await;
    assert_eq!(
        (status, &body["checks"]["broker"]),
        (StatusCode::SERVICE_UNAVAILABLE, &starting)
    );

    broker.set(State::Ready);
    let sink = admin.health.part("pipeline/sink");
    sink.set(State::Down("the table `payments` is not there: create it".into()));
    let (status, body) = admin.ready().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        body["checks"],
        json!({
            "broker": {"state": "ready"},
            "pipeline/sink": {"state": "down", "reason": "the table `payments` is not there: create it"},
        })
    );
    assert_eq!(
        admin.get("/health/live").await.0,
        StatusCode::OK,
        "not ready is not dead"
    );

    sink.set(State::Ready);
    assert_eq!(admin.ready().await.0, StatusCode::OK);
    admin.health.set_draining();
    let (status, body) = admin.ready().await;
    assert_eq!(
        (status, &body["draining"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!(true))
    );
}

#[tokio::test]
async fn it_reads_and_nothing_else() {
    let admin = Admin::start().await;
    for path in ["/", "/metrics/", "/health", "/topics", "/debug"] {
        assert_eq!(admin.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let url = format!("http://{}/metrics", admin.server.local_addr());
    let answer = reqwest::Client::new().post(url).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_and_a_stopped_server_gives_its_back() {
    let mut admin = Admin::start().await;
    let address = admin.server.local_addr();
    assert!(
        AdminServer::bind(address, admin.metrics.clone(), admin.health.clone())
            .await
            .is_err()
    );
    admin.server.stop();
    let again = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            match AdminServer::bind(address, admin.metrics.clone(), admin.health.clone()).await {
                Ok(server) => break server,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    assert_eq!(again.await.expect("the port is free").local_addr(), address);
}
