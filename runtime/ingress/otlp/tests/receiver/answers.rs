//! What a sender is told.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceResponse, metrics::v1::ExportMetricsServiceResponse,
    trace::v1::ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::json;
use tonic::Code;

use crate::{
    JSON, PROTOBUF,
    bodies::{self, GRPC_LOGS},
    support::{
        inbox::{accepted, invalid, unavailable},
        receiver::{start, start_with},
        wire::{Coding, call, call_with, export, frame, post},
    },
};

#[tokio::test]
async fn every_signal_is_taken_over_both_transports_in_every_coding() {
    let (receiver, inbox) = start().await;
    let mut expected = 0;
    for (http, grpc, body) in bodies::all() {
        for coding in Coding::ALL {
            let answer = export(&receiver, http, PROTOBUF, coding, &body).await;
            assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]), "{http} {coding:?}");
            assert_eq!(answer.header("content-type"), PROTOBUF);
            let answer = call_with(&receiver, grpc, coding, &body).await;
            assert_eq!(
                (answer.http_status, answer.code()),
                (200, Code::Ok),
                "{grpc} {coding:?}"
            );
            assert_eq!(answer.message.as_deref(), Some(&b""[..]));
            expected += 6;
        }
    }
    for (path, body) in [
        ("/v1/traces", bodies::TRACES_JSON),
        ("/v1/logs", bodies::LOGS_JSON),
        ("/v1/metrics", bodies::METRICS_JSON),
    ] {
        for coding in Coding::ALL {
            let answer = export(
                &receiver,
                path,
                "application/json; charset=utf-8",
                coding,
                body.as_bytes(),
            )
            .await;
            assert_eq!((answer.status, answer.json()), (200, json!({})), "{path} {coding:?}");
        }
    }
    assert_eq!(inbox.events().len(), expected + 3 * (2 + 4 + 6));
}

#[tokio::test]
async fn an_export_of_nothing_is_a_success() {
    let (receiver, inbox) = start().await;
    for (http, grpc, _) in bodies::all() {
        assert_eq!(export(&receiver, http, PROTOBUF, Coding::Gzip, b"").await.status, 200);
        assert_eq!(export(&receiver, http, PROTOBUF, Coding::None, b"").await.status, 200);
        assert_eq!(
            export(&receiver, http, JSON, Coding::None, b"{}").await.json(),
            json!({})
        );
        assert_eq!(call_with(&receiver, grpc, Coding::None, b"").await.code(), Code::Ok);
    }
    assert!(inbox.requests().is_empty());
}

#[tokio::test]
async fn what_is_refused_in_part_is_counted_in_what_the_signal_counts() {
    let (receiver, inbox) = start().await;
    let outcomes = || vec![accepted("a"), invalid("is too long"), invalid("is odd")];
    let why = "were refused, the first because the payload violates schema `s`: `/name`: is too long";

    inbox.then(outcomes());
    let answer = export(&receiver, "/v1/traces", PROTOBUF, Coding::None, &bodies::traces(3)).await;
    let partial = ExportTraceServiceResponse::decode(answer.body)
        .expect("a response")
        .partial_success
        .expect("it is partial");
    assert_eq!((answer.status, partial.rejected_spans), (200, 2));
    assert_eq!(partial.error_message, format!("2 of 3 spans {why}"));

    inbox.then(outcomes());
    let (_, grpc, body) = &bodies::all()[1];
    let answer = call_with(&receiver, grpc, Coding::None, body).await;
    let message = ExportMetricsServiceResponse::decode(answer.message.expect("a message")).expect("a response");
    let partial = message.partial_success.expect("it is partial");
    assert_eq!(partial.rejected_data_points, 4);
    assert_eq!(partial.error_message, format!("4 of 6 data points {why}"));

    inbox.then(outcomes());
    let answer = call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(3)).await;
    let message = ExportLogsServiceResponse::decode(answer.message.expect("a message")).expect("a response");
    assert_eq!(message.partial_success.expect("it is partial").rejected_log_records, 2);

    let mut outcomes = outcomes();
    outcomes.push(accepted("b"));
    inbox.then(outcomes);
    let answer = export(&receiver, "/v1/logs", JSON, Coding::None, bodies::LOGS_JSON.as_bytes()).await;
    let expected =
        json!({"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": format!("2 of 4 log records {why}")}});
    assert_eq!((answer.status, answer.json()), (200, expected));
}

#[tokio::test]
async fn an_export_of_which_all_is_refused_failed_and_is_not_sent_again() {
    let (receiver, inbox) = start().await;
    inbox.then(vec![invalid("is odd"); 3]);
    let answer = export(&receiver, "/v1/logs", PROTOBUF, Coding::None, &bodies::logs(3)).await;
    let status = tonic_types::Status::decode(answer.body).expect("a status");
    assert_eq!((answer.status, status.code), (400, Code::InvalidArgument as i32));
    assert!(
        status.message.contains("3 of 3 log records were refused"),
        "{}",
        status.message
    );
    inbox.then(vec![invalid("is odd"); 3]);
    let answer = call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(3)).await;
    assert_eq!((answer.code(), answer.retry_info()), (Code::InvalidArgument, None));
}

#[tokio::test]
async fn nothing_that_cannot_be_taken_now_is_taken_in_part() {
    let (receiver, inbox) = start().await;
    let outcomes = || {
        vec![
            invalid("is odd"),
            unavailable(Duration::from_millis(2500)),
            unavailable(Duration::from_secs(1)),
        ]
    };
    inbox.then(outcomes());
    let answer = export(&receiver, "/v1/logs", JSON, Coding::None, bodies::LOGS_JSON.as_bytes()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "3"));
    assert_eq!(answer.json()["code"], Code::Unavailable as i32);
    assert_eq!(answer.json()["details"][0]["retryDelay"], "2.500000000s");
    inbox.then(outcomes());
    let answer = call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(3)).await;
    assert_eq!(answer.code(), Code::Unavailable);
    assert_eq!(answer.retry_info(), Some(Duration::from_millis(2500)));
}

#[tokio::test]
async fn a_signal_without_a_table_is_unknown() {
    let (receiver, _) = start_with("").await;
    let answer = export(&receiver, "/v1development/profiles", PROTOBUF, Coding::None, b"").await;
    let status = tonic_types::Status::decode(answer.body).expect("a status");
    assert_eq!((answer.status, status.code), (404, Code::Unimplemented as i32));
    assert!(
        status.message.contains("profiles are not received here"),
        "{}",
        status.message
    );
    let answer = call(
        &receiver,
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        &[],
        frame(Coding::None, b""),
    )
    .await;
    assert_eq!((answer.http_status, answer.code()), (200, Code::Unimplemented));
}

#[tokio::test]
async fn media_types_and_codings_that_are_not_read_are_refused() {
    let (receiver, inbox) = start().await;
    for media_type in ["text/plain", "application/grpc", "application/protobuf"] {
        let answer = post(&receiver, "/v1/logs", &[("content-type", media_type)], b"").await;
        assert_eq!(
            answer.status,
            if media_type == "application/grpc" { 200 } else { 415 },
            "{media_type}"
        );
    }
    let headers = [("content-type", JSON), ("content-encoding", "compress")];
    let answer = post(&receiver, "/v1/logs", &headers, b"{}").await;
    assert_eq!(
        (answer.status, answer.header("accept-encoding")),
        (415, "gzip, deflate, zstd, br, identity")
    );
    assert_eq!(answer.json()["code"], Code::Unimplemented as i32);
    let answer = call(
        &receiver,
        GRPC_LOGS,
        &[("grpc-encoding", "snappy")],
        frame(Coding::Gzip, b""),
    )
    .await;
    assert_eq!(answer.code(), Code::Unimplemented);
    let answer = post(&receiver, GRPC_LOGS, &[("content-type", JSON)], b"{}").await;
    assert_eq!(answer.status, 415);
    assert!(inbox.requests().is_empty());
}

#[tokio::test]
async fn after_its_end_senders_are_told_to_come_again() {
    let (receiver, inbox) = start().await;
    inbox.shut();
    let url = receiver.address();
    let receiver = std::sync::Arc::new(receiver);
    let sending = tokio::spawn({
        let receiver = receiver.clone();
        async move { call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(1)).await }
    });
    danube_wasm_testkit::until("it is offered", || (!inbox.requests().is_empty()).then_some(())).await;
    let closing = tokio::spawn(async move { receiver.close().await });
    danube_wasm_testkit::until("nothing new is taken", || {
        std::net::TcpStream::connect(url).is_err().then_some(())
    })
    .await;
    inbox.open();
    assert_eq!(sending.await.expect("an answer").code(), Code::Ok);
    closing.await.expect("it ends");
}

#[tokio::test]
async fn what_a_component_crashes_on_is_not_sent_again() {
    use danube_wasm_model::door::Outcome;
    let (receiver, inbox) = start().await;
    let failed = || Outcome::Failed {
        message: "the component trapped: secret detail".to_owned(),
        kept: true,
    };
    inbox.then(vec![failed(), accepted("a"), failed()]);
    let answer = call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(3)).await;
    let message = ExportLogsServiceResponse::decode(answer.message.expect("a message")).expect("a response");
    let partial = message.partial_success.expect("it is partial");
    assert_eq!(partial.rejected_log_records, 2);
    assert!(partial.error_message.contains("has it as a dead letter") && !partial.error_message.contains("secret"));
    inbox.then(vec![failed(); 3]);
    let answer = call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(3)).await;
    assert_eq!((answer.code(), answer.retry_info()), (Code::Internal, None));
}

#[tokio::test]
async fn a_dead_letter_counts_as_taken() {
    use danube_wasm_model::door::Outcome;
    let (receiver, inbox) = start().await;
    let kept = Outcome::DeadLettered {
        id: "a".to_owned(),
        durable: true,
    };
    inbox.then(vec![kept; 3]);
    let answer = export(&receiver, "/v1/logs", PROTOBUF, Coding::None, &bodies::logs(3)).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}

#[tokio::test]
async fn metrics_count_a_failed_call_of_grpc_as_what_it_is() {
    let (receiver, inbox) = start().await;
    inbox.then(vec![unavailable(Duration::from_secs(1)); 3]);
    call_with(&receiver, GRPC_LOGS, Coding::None, &bodies::logs(3)).await;
    danube_wasm_testkit::until("it is counted", || {
        let text = receiver.metrics.render();
        text.lines()
            .any(|line| line.contains(GRPC_LOGS) && line.contains("503"))
            .then_some(())
    })
    .await;
}
