//! Traces, as an OTLP receiver gets them.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, SystemTime},
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use danube_wasm_telemetry::{Metrics, OtlpOptions, Tracing};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value,
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use tokio::sync::mpsc;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// An OTLP/HTTP receiver.
struct Receiver {
    endpoint: String,
    requests: mpsc::UnboundedReceiver<(HeaderMap, Bytes)>,
}

impl Receiver {
    async fn start() -> Self {
        let (sender, requests) = mpsc::unbounded_channel();
        let receive = move |headers: HeaderMap, body: Bytes| async move { drop(sender.send((headers, body))) };
        let router = Router::new().route("/v1/traces", post(receive));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, requests }
    }

    /// Waits until spans of all these names have come.
    async fn spans(&mut self, names: &[&str]) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        while !names.iter().all(|name| spans.iter().any(|span| span.name == *name)) {
            let next = tokio::time::timeout(Duration::from_secs(60), self.requests.recv());
            let (headers, body) = next.await.expect("spans come").expect("the receiver runs");
            assert_eq!(headers["content-type"], "application/x-protobuf");
            for resource in ExportTraceServiceRequest::decode(body).expect("OTLP").resource_spans {
                let attributes = resource.resource.expect("a resource").attributes;
                let service = attributes.iter().find(|attribute| attribute.key == "service.name");
                let service = service
                    .and_then(|service| service.value.clone())
                    .and_then(|value| value.value);
                assert_eq!(service, Some(Value::StringValue("danube-wasm-test".into())));
                spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        spans
    }

    fn tracing(&self, sample_ratio: f64) -> Tracing {
        tracing_to(&self.endpoint, sample_ratio)
    }
}

fn tracing_to(endpoint: &str, sample_ratio: f64) -> Tracing {
    let service_name = "danube-wasm-test".to_owned();
    let options = OtlpOptions {
        endpoint: endpoint.to_owned(),
        sample_ratio,
        service_name,
    };
    let metrics = Metrics::new().expect("metrics");
    Tracing::new(Some(&options), &metrics).expect("a good endpoint")
}

/// Flushes as a stopping process does: outside of the runtime's own threads.
async fn shut_down(tracing: &Tracing) {
    let tracing = tracing.clone();
    tokio::task::spawn_blocking(move || tracing.shutdown())
        .await
        .expect("no panic");
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_follows_an_event_from_its_request_to_its_write() {
    let mut receiver = Receiver::start().await;
    // Whatever the share of traces that begin here: this one's sender has decided.
    let tracing = receiver.tracing(0.0);
    let request = tracing
        .start("http.request", Some(PARENT), vec![("http.route", "/hook".into())])
        .expect("on");
    let mut parent = request.traceparent();
    request.finish(None, vec![("http.response.status_code", "200".into())]);
    let names = [
        "guest.poll",
        "broker.publish",
        "broker.consume",
        "guest.process_batch",
        "egress.write",
    ];
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    for (n, name) in (0..).zip(names) {
        let span = (start + Duration::from_secs(n), start + Duration::from_secs(n + 1));
        let error = (name == "egress.write").then(|| "the database is away".to_owned());
        parent = tracing.record(name, &parent, span, error, vec![]).expect("sampled");
        assert!(parent.starts_with(&PARENT[..36]), "the same trace: {parent}");
    }
    shut_down(&tracing).await;

    let spans = receiver.spans(&["http.request", "egress.write"]).await;
    assert_eq!(spans.len(), 6);
    let mut above = "00f067aa0ba902b7".to_owned();
    for name in ["http.request"].into_iter().chain(names) {
        let span = spans.iter().find(|span| span.name == name).expect("exported");
        assert_eq!(hex(&span.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(hex(&span.parent_span_id), above, "parent of {name}");
        above = hex(&span.span_id);
    }
    assert_eq!(&parent[36..52], above, "what is handed on names the last span");

    let span = |name: &str| spans.iter().find(|span| span.name == name).expect("exported").clone();
    for (name, kind) in [
        ("http.request", SpanKind::Server),
        ("guest.poll", SpanKind::Internal),
        ("broker.publish", SpanKind::Producer),
        ("broker.consume", SpanKind::Consumer),
        ("egress.write", SpanKind::Client),
    ] {
        assert_eq!(span(name).kind, kind as i32, "{name}");
    }
    let poll = span("guest.poll");
    assert_eq!(
        (poll.start_time_unix_nano, poll.end_time_unix_nano),
        (1_000_000_000_000, 1_001_000_000_000)
    );
    let failed = span("egress.write").status.expect("a status");
    assert_eq!(
        (failed.code, failed.message.as_str()),
        (StatusCode::Error as i32, "the database is away")
    );
    let attributes: Vec<String> = span("http.request").attributes.into_iter().map(|a| a.key).collect();
    assert_eq!(attributes, ["http.route", "http.response.status_code"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_does_not_sample_is_not_recorded() {
    let mut receiver = Receiver::start().await;
    let tracing = receiver.tracing(1.0);
    let now = SystemTime::now();
    let request = tracing.start("unsampled", Some(UNSAMPLED), vec![]).expect("on");
    let handed_on = request.traceparent();
    assert!(
        handed_on.starts_with(&UNSAMPLED[..36]) && handed_on.ends_with("-00"),
        "{handed_on}"
    );
    request.finish(None, vec![]);
    assert_eq!(tracing.record("child", &handed_on, (now, now), None, vec![]), None);
    for wrong in ["", "nonsense", &PARENT.replace("4bf9", "zzzz"), &"ä".repeat(30)] {
        assert_eq!(
            tracing.record("orphan", wrong, (now, now), None, vec![]),
            None,
            "{wrong}"
        );
    }
    // A trace of our own begins where the sender has none, or none that is one.
    for parent in [None, Some("nonsense")] {
        let root = tracing.start("root", parent, vec![]).expect("on");
        assert!(root.traceparent().ends_with("-01"));
        root.finish(None, vec![]);
    }
    shut_down(&tracing).await;
    let spans = receiver.spans(&["root"]).await;
    assert_eq!(
        spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(),
        ["root", "root"]
    );
    assert_ne!(spans[0].trace_id, spans[1].trace_id);
    assert!(spans.iter().all(|span| span.parent_span_id.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_share_of_our_own_traces_is_kept_at_zero() {
    let receiver = Receiver::start().await;
    let tracing = receiver.tracing(0.0);
    let root = tracing.start("root", None, vec![]).expect("on");
    assert!(root.traceparent().ends_with("-00"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_may_be_given_with_its_path() {
    for suffix in ["/", "/v1/traces", "/v1/traces/"] {
        let mut receiver = Receiver::start().await;
        let tracing = tracing_to(&format!("{}{suffix}", receiver.endpoint), 1.0);
        tracing.start("root", None, vec![]).expect("on").finish(None, vec![]);
        shut_down(&tracing).await;
        assert_eq!(receiver.spans(&["root"]).await.len(), 1, "{suffix}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_takes_a_connection_and_never_answers_holds_nobody_up() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let tracing = tracing_to(&format!("http://{}", silent.local_addr().expect("bound")), 1.0);
    let now = SystemTime::now();
    // Many times what the queue holds: what is over is dropped, not waited for.
    let recorded = tokio::task::spawn_blocking({
        let tracing = tracing.clone();
        move || {
            (0..50_000)
                .filter(|_| tracing.record("span", PARENT, (now, now), None, vec![]).is_some())
                .count()
        }
    });
    let recorded = tokio::time::timeout(Duration::from_secs(60), recorded)
        .await
        .expect("it does not wait");
    assert_eq!(recorded.expect("no panic"), 50_000);
    tokio::time::timeout(Duration::from_secs(60), shut_down(&tracing))
        .await
        .expect("the last export has a deadline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_not_there_holds_nobody_up() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let endpoint = format!("http://{}", gone.local_addr().expect("bound"));
    drop(gone);
    let tracing = tracing_to(&endpoint, 1.0);
    tracing.start("root", None, vec![]).expect("on").finish(None, vec![]);
    tokio::time::timeout(Duration::from_secs(60), shut_down(&tracing))
        .await
        .expect("it ends");
}

#[test]
fn what_is_no_endpoint_is_refused_by_name() {
    let options = OtlpOptions {
        endpoint: "not a url".into(),
        sample_ratio: 1.0,
        service_name: "x".into(),
    };
    let error = Tracing::new(Some(&options), &Metrics::new().expect("metrics"))
        .err()
        .expect("refused")
        .to_string();
    assert!(error.contains("not a url"), "{error}");
}

#[derive(Clone, Default)]
struct Lines(std::sync::Arc<parking_lot::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_logged_once_and_counted() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    // The exporter has a thread of its own.
    tracing::subscriber::set_global_default(log).expect("the only one of this process");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let options = OtlpOptions {
        endpoint: endpoint.clone(),
        sample_ratio: 1.0,
        service_name: "danube-wasm-test".to_owned(),
    };
    let metrics = Metrics::new().expect("metrics");
    let tracing = Tracing::new(Some(&options), &metrics).expect("a good endpoint");
    for _ in 0..3 {
        let span = tracing.start("http.request", None, Vec::new()).expect("recorded");
        span.finish(None, Vec::new());
    }
    shut_down(&tracing).await;
    let shown = metrics.render();
    assert!(shown.contains("danube_wasm_trace_spans_lost_total 3"), "{shown}");
    let text = String::from_utf8(lines.0.lock().clone()).expect("UTF-8");
    let said = text
        .lines()
        .filter(|line| line.contains("traces cannot be exported") && line.contains(&endpoint))
        .count();
    assert_eq!(said, 1, "{text}");
    assert!(text.contains(&endpoint), "{text}");
}
