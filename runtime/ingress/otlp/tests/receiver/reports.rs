//! What users of other receivers reported, each as a test named after what went wrong.

use std::{collections::HashSet, time::Duration};

use prost::Message as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;

use crate::{
    JSON, PROTOBUF,
    bodies::{self, GRPC_LOGS},
    support::{
        inbox::{accepted, invalid, unavailable},
        process::{Process, new_log},
        receiver::{TABLE, start, start_with},
        wire::{Coding, call_with, export},
    },
};

/// open-telemetry/opentelemetry-collector#15126, otel-arrow PR 3321: without `RetryInfo` it is for good.
#[tokio::test]
async fn overload_was_answered_resource_exhausted_so_senders_dropped() {
    let (receiver, inbox) = start().await;
    inbox.then(vec![unavailable(Duration::from_secs(1)); 3]);
    let answer = call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(3)).await;
    assert_eq!(answer.code(), Code::Unavailable);
    assert_eq!(answer.retry_info(), Some(Duration::from_secs(1)));
}

/// open-telemetry/opentelemetry-collector#8132, #9636.
#[tokio::test]
async fn a_limit_of_memory_was_answered_500_so_senders_dropped() {
    let (receiver, inbox) = start().await;
    inbox.shut();
    // More than all bodies of a listener may use, while none of them is answered. What is sent of each is kept, too.
    let body = bodies::logs_of(std::iter::once("a".repeat(60 << 20)));
    let address = receiver.address();
    let mut waiting = Vec::new();
    for n in 1..=2 {
        let mut tcp = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let head = format!(
            "POST /v1/logs HTTP/1.1\r\nhost: test\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        tcp.write_all(head.as_bytes()).await.expect("a head");
        tcp.write_all(&body).await.expect("a body");
        waiting.push(tcp);
        danube_wasm_testkit::until("it is offered", || (inbox.requests().len() >= n).then_some(())).await;
    }
    let answer = export(&receiver, "/v1/logs", PROTOBUF, Coding::None, &body).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    let answer = call_with(&receiver, GRPC_LOGS, Coding::Gzip, &body).await;
    assert_eq!(answer.code(), Code::Unavailable);
    assert!(answer.retry_info().is_some());
}

/// dazzleduck-web/dazzleduck-sql-server PR 406: the list of codes that clients try again is fixed.
#[tokio::test]
async fn a_write_that_failed_for_now_was_answered_internal_so_a_client_never_tried_again() {
    let (receiver, inbox) = start().await;
    // A part was refused for good; the broker went away under the rest.
    inbox.then(vec![invalid("is odd"), unavailable(Duration::from_secs(5))]);
    let answer = call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(2)).await;
    assert_eq!(
        (answer.code(), answer.retry_info()),
        (Code::Unavailable, Some(Duration::from_secs(5)))
    );
    inbox.then(vec![unavailable(Duration::from_secs(5)); 2]);
    let answer = export(&receiver, "/v1/logs", PROTOBUF, Coding::None, &bodies::logs(2)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
}

/// open-telemetry/opentelemetry-collector#11056, planetf1/otelite#254, census-instrumentation/opencensus-specs#119.
#[tokio::test]
async fn an_answer_was_lost_after_the_commit_so_the_retry_doubled_everything() {
    let log = new_log();
    let process = Process::start(&log, TABLE).await;
    for (path, grpc, body) in bodies::all() {
        let topic = path.replace("/v1/", "/otel/");
        // Never reads the answer.
        let mut tcp = tokio::net::TcpStream::connect(process.receiver.address())
            .await
            .expect("a connection");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        tcp.write_all(&[head.as_bytes(), &body].concat())
            .await
            .expect("a request");
        log.records_of(&topic, 3).await;
        drop(tcp);
        // Retries, over either transport.
        assert_eq!(
            export(&process.receiver, path, PROTOBUF, Coding::Gzip, &body)
                .await
                .status,
            200
        );
        assert_eq!(
            call_with(&process.receiver, grpc, Coding::None, &body).await.code(),
            Code::Ok
        );
        let ids: HashSet<_> = log
            .records_of(&topic, 3)
            .await
            .into_iter()
            .map(|record| record.id)
            .collect();
        assert_eq!(ids.len(), 3, "{path}: a retry has ids of its own");
    }
    process.kill().await;
}

/// NOFireAI/ravel#115, agentevals-dev/agentevals#171, elastic/apm-server#9036, braintrustdata/braintrust-sdk-javascript#2411.
#[tokio::test]
async fn a_compressed_body_was_refused_so_a_collector_failed_as_it_comes() {
    let (receiver, inbox) = start().await;
    for coding in [Coding::Gzip, Coding::Zstd] {
        assert_eq!(
            export(&receiver, "/v1/logs", PROTOBUF, coding, &bodies::logs(1))
                .await
                .status,
            200
        );
        let text = bodies::LOGS_JSON.as_bytes();
        assert_eq!(export(&receiver, "/v1/logs", JSON, coding, text).await.status, 200);
        assert_eq!(
            call_with(&receiver, GRPC_LOGS, coding, &bodies::logs(1)).await.code(),
            Code::Ok
        );
    }
    assert_eq!(inbox.requests().len(), 6);
}

/// stackabletech/trino-lb PR 70.
#[tokio::test]
async fn one_batch_was_over_4_mib_so_it_was_dropped() {
    let (receiver, inbox) = start().await;
    let body = bodies::logs_of((0..50_000).map(|n| format!("line {n} {}", "a".repeat(100))));
    assert!(body.len() > 5 << 20);
    for coding in Coding::ALL {
        assert_eq!(call_with(&receiver, GRPC_LOGS, coding, &body).await.code(), Code::Ok);
        assert_eq!(export(&receiver, "/v1/logs", PROTOBUF, coding, &body).await.status, 200);
    }
    assert_eq!(inbox.events().len(), 6 * 50_000);
}

/// open-telemetry/opentelemetry-rust#1662, #2065, #3755, opentelemetry-proto#505, opentelemetry-swift#537.
#[tokio::test]
async fn numbers_as_text_ids_and_left_out_defaults_were_dropped_in_silence() {
    let (receiver, inbox) = start().await;
    for text in [
        // 64-bit integers as text and as numbers; everything that may be left out is.
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","sum":{"dataPoints":[{"asInt":"7"},{"asInt":7}]}}]}]}]}"#,
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","exponentialHistogram":{"dataPoints":[{"count":"1","positive":{}}]}}]}]}]}"#,
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","summary":{"dataPoints":[{"quantileValues":[{}]}]}}]}]}]}"#,
    ] {
        let answer = export(&receiver, "/v1/metrics", JSON, Coding::None, text.as_bytes()).await;
        assert_eq!((answer.status, answer.json()), (200, json!({})), "{text}");
    }
    let bodies: Vec<serde_json::Value> = inbox
        .events()
        .iter()
        .map(|event| serde_json::from_slice(&event.payload).expect("JSON"))
        .collect();
    assert_eq!(bodies[0]["sum"]["dataPoints"], json!([{"asInt": "7"}, {"asInt": "7"}]));
    assert_eq!(
        bodies[1]["exponentialHistogram"]["dataPoints"],
        json!([{"count": "1", "positive": {}}])
    );
    assert_eq!(bodies[2]["summary"]["dataPoints"], json!([{"quantileValues": [{}]}]));
    // Ids that are not hex are refused, not taken for other ids.
    let text = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"CvdlGRbNQ92ESOshHIAxnA=="}]}]}]}"#;
    let answer = export(&receiver, "/v1/traces", JSON, Coding::None, text.as_bytes()).await;
    let message = answer.json()["message"].to_string();
    assert!(
        answer.status == 400 && message.contains("resourceSpans[0].scopeSpans[0].spans[0].traceId"),
        "{message}"
    );
}

/// agentevals-dev/agentevals#171.
#[tokio::test]
async fn a_bad_body_was_answered_500_so_it_was_sent_again_for_ever() {
    let (receiver, inbox) = start().await;
    let answer = export(&receiver, "/v1/logs", PROTOBUF, Coding::None, b"\xff\xff").await;
    let status = tonic_types::Status::decode(answer.body.clone()).expect("a status");
    assert_eq!(
        (answer.status, answer.header("content-type"), status.code),
        (400, PROTOBUF, 3)
    );
    assert_eq!(answer.header("retry-after"), "");
    let answer = export(&receiver, "/v1/logs", JSON, Coding::None, b"\xff\xff").await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!(3)));
    let answer = call_with(&receiver, GRPC_LOGS, Coding::None, b"\xff\xff").await;
    assert_eq!((answer.code(), answer.retry_info()), (Code::InvalidArgument, None));
    assert!(inbox.requests().is_empty());
}

/// agentevals-dev/agentevals#171.
#[tokio::test]
async fn spans_that_were_left_out_were_reported_as_success() {
    let (receiver, inbox) = start().await;
    inbox.then(vec![accepted("a"), invalid("is odd")]);
    let answer = export(
        &receiver,
        "/v1/traces",
        JSON,
        Coding::None,
        bodies::TRACES_JSON.as_bytes(),
    )
    .await;
    assert_eq!(answer.json()["partialSuccess"]["rejectedSpans"], "1");
}

/// open-telemetry/opentelemetry-js#4520: some clients do not try again after a time-out of their own.
#[tokio::test]
async fn one_slow_answer_lost_the_batch() {
    let table = TABLE.replace("60000", "300");
    let inbox = crate::support::inbox::Inbox::new();
    let host = crate::support::receiver::Host::default();
    let receiver = host
        .start(&table, inbox.clone())
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    inbox.shut();
    let answer = export(&receiver, "/v1/logs", JSON, Coding::None, bodies::LOGS_JSON.as_bytes()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    let answer = call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(1)).await;
    assert_eq!(answer.code(), Code::Unavailable);
    // The same ids as in the first attempt.
    inbox.open();
    export(&receiver, "/v1/logs", JSON, Coding::None, bodies::LOGS_JSON.as_bytes()).await;
    let requests = inbox.requests();
    assert_eq!(requests[0][0].id, requests[2][0].id);
}

/// open-telemetry/opentelemetry-collector#669, #4194: a sender that is not told to wait goes on.
#[tokio::test]
async fn a_receiver_without_back_pressure_lost_what_its_queue_did_not_hold() {
    let log = new_log();
    let process = Process::start(&log, TABLE).await;
    process.shut();
    // Far more at once than the pipeline's queue has places.
    let body = |n: u64| bodies::logs_of((0..1000).map(move |line| format!("line {n}.{line}")));
    let bodies: Vec<_> = (0..20).map(body).collect();
    let sending = bodies.iter().map(|body| async {
        let answer = export(&process.receiver, "/v1/logs", PROTOBUF, Coding::None, body).await;
        if answer.status != 200 {
            assert!(
                answer.status == 503 && !answer.header("retry-after").is_empty(),
                "{answer:?}"
            );
            // What has no place is told so at once, and what has one is taken now. If all had one, all would have waited until the time
            // for an answer was over, and none would be a success.
            process.open();
        }
        answer.status
    });
    let statuses = futures_util::future::join_all(sending).await;
    let refused = statuses.iter().filter(|status| **status != 200).count();
    assert!(0 < refused && refused < bodies.len(), "{statuses:?}");
    for (body, _) in bodies.iter().zip(&statuses).filter(|(_, status)| **status != 200) {
        while export(&process.receiver, "/v1/logs", PROTOBUF, Coding::None, body)
            .await
            .status
            != 200
        {}
    }
    log.records_of("/otel/logs", 20_000).await;
    process.kill().await;
}

/// The specification's own: `408` is none of the statuses that are tried again.
#[tokio::test]
async fn a_slow_body_was_answered_408_so_it_was_dropped() {
    let (receiver, _) = start_with("body_timeout_ms = 100").await;
    let mut tcp = tokio::net::TcpStream::connect(receiver.address())
        .await
        .expect("a connection");
    let head = format!("POST /v1/logs HTTP/1.1\r\nhost: test\r\ncontent-type: {JSON}\r\ncontent-length: 5\r\n\r\n{{");
    tcp.write_all(head.as_bytes()).await.expect("a part of a request");
    let mut read = Vec::new();
    tcp.read_to_end(&mut read).await.expect("an answer");
    let text = String::from_utf8_lossy(&read);
    assert!(
        text.starts_with("HTTP/1.1 503") && text.contains("retry-after: 1"),
        "{text}"
    );
}
