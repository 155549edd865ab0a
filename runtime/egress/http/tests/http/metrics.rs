//! What is counted of each endpoint.

use danube_wasm_egress_dial::Dialer;
use danube_wasm_egress_http::{Counters, HttpEgress};
use danube_wasm_model::ConnectorId;
use danube_wasm_telemetry::Metrics;

use crate::support::{config, finish, insert, inserts, one, server::Server, try_write};

#[tokio::test]
async fn requests_are_counted_by_endpoint_and_status_and_a_held_endpoint_is_shown() {
    let server = Server::start(|nth, _| match nth {
        0..4 => 204.into(),
        4 => (422, "not this one").into(),
        _ => 401.into(),
    })
    .await;
    let text = one(&server.url("/"), "max_in_flight = 4");
    let (config, metrics) = (config(&text), Metrics::new().expect("its own"));
    let id: ConnectorId = "test/hooks".parse().expect("an id");
    let counters = Counters::new(metrics.clone(), id.clone());
    let sink = HttpEgress::counted(&config, &Dialer::new(config.guard.policy()), &counters).expect("it opens");
    let shown = |line: &str| {
        let rendered = metrics.render();
        assert!(
            rendered.lines().any(|shown| shown == line),
            "{line} is not in\n{rendered}"
        );
    };
    let of_endpoint = "connector=\"test/hooks\",endpoint=\"a\"";
    shown(&format!("danube_wasm_endpoint_concurrency{{{of_endpoint}}} 4"));
    shown(&format!("danube_wasm_endpoint_held{{{of_endpoint}}} 0"));

    assert!(finish(&sink, inserts(4)).await.is_empty());
    assert_eq!(finish(&sink, vec![insert("refused", "{}")]).await.len(), 1);
    shown(&format!(
        "danube_wasm_endpoint_requests_total{{{of_endpoint},status=\"204\"}} 4"
    ));
    shown(&format!(
        "danube_wasm_endpoint_requests_total{{{of_endpoint},status=\"422\"}} 1"
    ));
    shown(&format!(
        "danube_wasm_endpoint_request_duration_seconds_count{{{of_endpoint}}} 5"
    ));
    shown(&format!("danube_wasm_endpoint_held{{{of_endpoint}}} 0"));

    try_write(&sink, &[insert("waits", "{}")])
        .await
        .expect_err("the endpoint is held");
    shown(&format!(
        "danube_wasm_endpoint_requests_total{{{of_endpoint},status=\"401\"}} 1"
    ));
    shown(&format!("danube_wasm_endpoint_held{{{of_endpoint}}} 1"));

    metrics.remove_connector(&id);
    assert!(!metrics.render().contains("danube_wasm_endpoint_requests_total{"));
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_counted_without_a_status() {
    let port = danube_wasm_testkit::servers::free_port();
    let config = config(&one(&format!("http://localhost:{port}/"), ""));
    let metrics = Metrics::new().expect("its own");
    let counters = Counters::new(metrics.clone(), "test/hooks".parse().expect("an id"));
    let sink = HttpEgress::counted(&config, &Dialer::new(config.guard.policy()), &counters).expect("it opens");
    let report = try_write(&sink, &[insert("1", "{}")]).await.expect("it waits");
    assert_eq!(report.later.len(), 1, "{report:?}");
    let line = "danube_wasm_endpoint_requests_total{connector=\"test/hooks\",endpoint=\"a\",status=\"none\"} 1";
    assert!(metrics.render().contains(line), "{}", metrics.render());
}
