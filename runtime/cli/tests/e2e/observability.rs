//! Health tells the truth, metrics have their names, and one trace follows an event to its row.

use std::sync::Arc;

use axum::{Router, body::Bytes, extract::State, routing};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use parking_lot::Mutex;
use prost::Message;

use crate::harness::{Setup, cli, payment};

#[test]
fn health_and_metrics_tell_the_truth() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    pipeline.until("it is ready", |p| p.admin("/health/ready").0 == 200);
    assert_eq!(pipeline.admin("/health/live").0, 200);
    pipeline.post(&payment(1));
    pipeline.until("the row", |_| scratch.rows() == 1);
    let lag = "danube_wasm_subscription_lag_messages{subscription=\"test-sink\",topic=\"/stripe/payments\"} 0";
    pipeline.until("lag is shown", |p| p.admin("/metrics").1.contains(lag));
    let (_, metrics) = pipeline.admin("/metrics");
    for name in [
        "danube_connector_messages_received_total",
        "danube_connector_messages_processed_total",
        "danube_connector_batch_size_bucket",
        "danube_connector_health",
        "danube_wasm_connector_state{connector=\"test/surrealdb\",state=\"running\"} 1",
        "danube_wasm_connector_state{connector=\"test/surrealdb\",state=\"failed\"} 0",
        "danube_wasm_http_requests_total{endpoint=\"/hook\",status=\"200\"}",
        "danube_wasm_guest_call_duration_seconds_bucket",
        "danube_wasm_publish_duration_seconds_bucket",
        "danube_wasm_egress_write_duration_seconds_bucket",
    ] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
}

#[test]
fn a_health_check_needs_nothing_but_the_binary() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    let line = pipeline.log("running").expect("it runs");
    let admin = line["admin"].as_str().expect("an address").to_owned();
    pipeline.until("it is ready", |_| cli(["health", &admin]).status.success());
    pipeline.stop();
    let output = cli(["health", &admin]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&admin) && said.contains("[admin]"), "{said}");
}

/// Name, trace, own id and parent of each span.
type Spans = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// A small OTLP receiver.
struct Collector {
    address: std::net::SocketAddr,
    spans: Spans,
    _runtime: tokio::runtime::Runtime,
}

impl Collector {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let spans = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new()
            .route("/v1/traces", routing::post(take))
            .with_state(spans.clone());
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            spans,
            _runtime: runtime,
        }
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).expect("an export");
    let all = request
        .resource_spans
        .into_iter()
        .flat_map(|r| r.scope_spans)
        .flat_map(|s| s.spans);
    let hex = |bytes: &[u8]| hex::encode(bytes);
    spans
        .lock()
        .extend(all.map(|s| (s.name, hex(&s.trace_id), hex(&s.span_id), hex(&s.parent_span_id))));
}

#[test]
fn one_trace_follows_an_event_from_its_request_to_its_write() {
    let collector = Collector::start();
    let bottom = format!("[telemetry]\notlp_endpoint = \"http://{}\"\n", collector.address);
    let scratch = Setup {
        bottom,
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let answer = pipeline.post_with(&[("traceparent", &parent)], payment(1).to_string());
    assert_eq!(answer.status, 200);
    pipeline.until("the row", |_| scratch.rows() == 1);
    pipeline.stop();
    let spans = collector.spans.lock().clone();
    let of = |name: &str| {
        let span = spans.iter().find(|(n, t, ..)| n == name && t == trace);
        span.unwrap_or_else(|| panic!("no {name} in {spans:?}")).clone()
    };
    assert_eq!(of("http.request").3, "00f067aa0ba902b7");
    assert_eq!(of("guest.poll").3, of("http.request").2);
    for name in [
        "broker.publish",
        "broker.consume",
        "guest.process_batch",
        "egress.write",
    ] {
        assert_eq!(of(name).3, of("guest.poll").2, "{name}");
    }
}
