//! OpenTelemetry's own exporters as clients.

use serde_json::{Value, json};

use crate::support::{
    clients::{self, ALL_SUCCEEDED},
    inbox::unavailable,
    process::{Process, body, new_log},
    receiver::{TABLE, start},
};

fn options(url: &str, transport: &str, compression: &str) -> Value {
    json!({"transport": transport, "endpoint": url, "compression": compression, "count": 5})
}

#[tokio::test]
async fn the_sdk_for_python_sends_every_signal_over_both_transports() {
    let log = new_log();
    let process = Process::start(&log, TABLE).await;
    let url = process.receiver.url();
    for transport in ["grpc", "http"] {
        for compression in ["none", "gzip"] {
            let Some(printed) = clients::python(options(&url, transport, compression)).await else {
                return;
            };
            assert_eq!(printed, ALL_SUCCEEDED, "{transport} {compression}");
        }
    }
    // Each run has spans, lines and counters of its own.
    let spans = log.records_of("/otel/traces", 4 * 5).await;
    let lines = log.records_of("/otel/logs", 4 * 5).await;
    let metrics = log.records_of("/otel/metrics", 4 * 6).await;
    assert_eq!((spans.len(), lines.len(), metrics.len()), (20, 20, 24));
    let span = body(&spans[1]);
    assert_eq!(
        (&span["name"], &span["scope"]["name"], &span["scope"]["version"]),
        (&json!("span 1"), &json!("checkout"), &json!("1.2"))
    );
    assert_eq!(
        span["attributes"][1],
        json!({"key": "half", "value": {"doubleValue": 0.5}})
    );
    assert_eq!(span["traceId"].as_str().map(str::len), Some(32));
    assert_eq!(body(&lines[2])["body"], json!({"stringValue": "line 2"}));
    assert_eq!(body(&lines[2])["severityText"], "WARN");
    assert_eq!(body(&metrics[3])["sum"]["dataPoints"][0]["asInt"], "4");
    process.kill().await;
}

#[tokio::test]
async fn the_exporter_for_node_sends_json() {
    let log = new_log();
    let process = Process::start(&log, TABLE).await;
    let Some(printed) = clients::node(process.receiver.url(), 1000).await else {
        return;
    };
    assert_eq!(printed, "SUCCESS\n");
    let spans = log.records_of("/otel/traces", 1000).await;
    assert_eq!(spans.len(), 1000);
    let last = body(&spans[999]);
    let event = &last["events"][0]["attributes"][0]["value"];
    assert_eq!(event, &json!({"intValue": "9007199254740991"}));
    process.kill().await;
}

#[tokio::test]
async fn exporters_try_again_what_cannot_be_taken_now() {
    let (receiver, inbox) = start().await;
    for transport in ["grpc", "http"] {
        inbox.clear();
        // Once for each signal: five spans.
        inbox.then(vec![unavailable(std::time::Duration::from_millis(50)); 5]);
        let Some(printed) = clients::python(options(&receiver.url(), transport, "gzip")).await else {
            return;
        };
        assert_eq!(printed, ALL_SUCCEEDED, "{transport}");
        let requests = inbox.requests();
        assert_eq!(requests.len(), 4, "{transport}: one of three exports came twice");
        let ids = |n: usize| requests[n].iter().map(|event| event.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(0), ids(1), "{transport}");
    }
}
