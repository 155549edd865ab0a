//! Each limit, and one past it.

use prost::Message as _;
use tonic::Code;

use crate::{
    JSON, PROTOBUF,
    bodies::{self, GRPC_LOGS},
    support::{
        receiver::{start, start_with},
        wire::{Coding, call, call_with, export, post},
    },
};

/// A body of exactly this many bytes.
fn body_of(bytes: usize) -> Vec<u8> {
    let empty = bodies::logs_of(std::iter::once("a".repeat(bytes / 2))).len();
    let line = "a".repeat(bytes / 2 + bytes - empty);
    let body = bodies::logs_of(std::iter::once(line));
    assert_eq!(body.len(), bytes);
    body
}

#[tokio::test]
async fn a_body_at_the_limit_is_taken_and_one_byte_more_is_not() {
    const MAX: usize = 100_000;
    let (receiver, inbox) = start_with(&format!("max_body_bytes = {MAX}")).await;
    for coding in Coding::ALL {
        assert_eq!(
            export(&receiver, "/v1/logs", PROTOBUF, coding, &body_of(MAX))
                .await
                .status,
            200,
            "{coding:?}"
        );
        assert_eq!(
            call_with(&receiver, GRPC_LOGS, coding, &body_of(MAX)).await.code(),
            Code::Ok,
            "{coding:?}"
        );
        let answer = export(&receiver, "/v1/logs", PROTOBUF, coding, &body_of(MAX + 1)).await;
        let status = tonic_types::Status::decode(answer.body).expect("a status");
        assert_eq!(
            (answer.status, status.code),
            (413, Code::ResourceExhausted as i32),
            "{coding:?}"
        );
        let answer = call_with(&receiver, GRPC_LOGS, coding, &body_of(MAX + 1)).await;
        assert_eq!(
            (answer.code(), answer.retry_info()),
            (Code::ResourceExhausted, None),
            "{coding:?}"
        );
    }
    assert_eq!(inbox.requests().len(), 6);
}

/// Compressed, a body may also be over the limit before it is decompressed.
#[tokio::test]
async fn what_is_sent_is_limited_as_well_as_what_it_becomes() {
    let (receiver, _) = start_with("max_body_bytes = 1000").await;
    // What cannot be compressed.
    let mut state = 1_u64;
    let noise = (0..4000).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(33 + (state % 90) as u8)
    });
    let noise = noise.collect();
    let body = bodies::logs_of(std::iter::once(noise));
    assert!(Coding::Gzip.compress(&body).len() > 1000);
    assert_eq!(
        export(&receiver, "/v1/logs", PROTOBUF, Coding::Gzip, &body)
            .await
            .status,
        413
    );
    assert_eq!(
        call_with(&receiver, GRPC_LOGS, Coding::Gzip, &body).await.code(),
        Code::ResourceExhausted
    );
}

/// Telemetry of a loop that fails: a thousand equal lines compress a thousand times.
#[tokio::test]
async fn a_body_that_compresses_well_is_no_bomb() {
    let (receiver, inbox) = start().await;
    let body = bodies::logs_of(std::iter::repeat_n("connection refused".to_owned(), 100_000));
    assert!(Coding::Zstd.compress(&body).len() * 500 < body.len());
    assert_eq!(
        export(&receiver, "/v1/logs", PROTOBUF, Coding::Zstd, &body)
            .await
            .status,
        200
    );
    assert_eq!(inbox.events().len(), 100_000);
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let (receiver, inbox) = start().await;
    let zeros = vec![0; 65 << 20];
    for coding in [Coding::Gzip, Coding::Zstd] {
        assert_eq!(
            export(&receiver, "/v1/logs", PROTOBUF, coding, &zeros).await.status,
            413
        );
        assert_eq!(
            call_with(&receiver, GRPC_LOGS, coding, &zeros).await.code(),
            Code::ResourceExhausted
        );
    }
    assert!(inbox.requests().is_empty());
}

/// A record has its resource beside it, so a large one with many small records would become gigabytes.
#[tokio::test]
async fn a_large_resource_is_not_copied_beside_any_number_of_records() {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    let (receiver, inbox) = start().await;
    let mut request = ExportLogsServiceRequest::decode(&bodies::logs(1000)[..]).expect("a request");
    let resource = request.resource_logs[0].resource.as_mut().expect("a resource");
    resource.attributes[0].value = bodies::text(&"a".repeat(1 << 20));
    let answer = export(&receiver, "/v1/logs", PROTOBUF, Coding::Gzip, &request.encode_to_vec()).await;
    let status = tonic_types::Status::decode(answer.body).expect("a status");
    assert_eq!((answer.status, status.code), (413, Code::ResourceExhausted as i32));
    assert!(status.message.contains("send fewer at once"), "{}", status.message);
    assert!(inbox.requests().is_empty());
}

#[tokio::test]
async fn bodies_that_are_not_what_they_say_are_refused() {
    let (receiver, inbox) = start().await;
    let body = bodies::logs(3);
    for (media_type, coding, sent) in [
        (PROTOBUF, "gzip", body.clone()),
        (PROTOBUF, "zstd", body.clone()),
        (PROTOBUF, "identity", Coding::Gzip.compress(&body)),
        (PROTOBUF, "identity", body[..body.len() - 1].to_vec()),
        (JSON, "identity", body.clone()),
        (PROTOBUF, "identity", bodies::LOGS_JSON.as_bytes().to_vec()),
    ] {
        let answer = post(
            &receiver,
            "/v1/logs",
            &[("content-type", media_type), ("content-encoding", coding)],
            &sent,
        )
        .await;
        assert_eq!(answer.status, 400, "{media_type} {coding}");
    }
    for sent in [&b""[..], b"\0\0\0\0\x09", b"\0\0\0\0\x01\xff", b"\x01\0\0\0\x01\xff"] {
        let answer = call(
            &receiver,
            GRPC_LOGS,
            &[("grpc-encoding", "gzip")],
            bytes::Bytes::from_static(sent),
        )
        .await;
        assert_eq!(answer.code(), Code::InvalidArgument, "{sent:?}");
    }
    assert!(inbox.requests().is_empty());
}

#[tokio::test]
async fn exports_over_the_rate_may_be_sent_again_and_count_only_when_they_may_be_sent_at_all() {
    let key = "auth = { type = \"bearer\", secrets = [\"0123456789abcdef0123456789abcdef\"] }";
    let rate = "rate_limit = { requests_per_sec = 1, burst = 2 }";
    let (receiver, inbox) = start_with(&format!("{key}\n{rate}")).await;
    let body = bodies::logs(1);
    // Who may not send uses up nothing.
    for _ in 0..5 {
        let answer = post(&receiver, "/v1/logs", &[("content-type", PROTOBUF)], &body).await;
        assert_eq!(answer.status, 401);
    }
    let headers = [
        ("content-type", PROTOBUF),
        ("authorization", "Bearer 0123456789abcdef0123456789abcdef"),
    ];
    let (mut taken, mut told) = (0, None);
    while told.is_none() && taken < 100 {
        let answer = post(&receiver, "/v1/logs", &headers, &body).await;
        match answer.status {
            200 => taken += 1,
            _ => told = Some(answer),
        }
    }
    let told = told.expect("over the rate");
    assert!(taken >= 2, "{taken}");
    assert_eq!((told.status, told.header("retry-after")), (429, "1"));
    let status = tonic_types::Status::decode(told.body).expect("a status");
    assert_eq!(status.code, Code::Unavailable as i32);
    assert!(
        status.message.contains("more requests than it takes"),
        "{}",
        status.message
    );
    let headers = [("authorization", "Bearer 0123456789abcdef0123456789abcdef")];
    let mut told = None;
    for _ in 0..100 {
        let answer = call(
            &receiver,
            GRPC_LOGS,
            &headers,
            crate::support::wire::frame(Coding::None, &body),
        )
        .await;
        if answer.code() != Code::Ok {
            told = Some(answer);
            break;
        }
        taken += 1;
    }
    let told = told.expect("over the rate, which both transports share");
    assert_eq!(told.code(), Code::Unavailable);
    assert!(told.retry_info().is_some(), "it may be sent again");
    assert_eq!(inbox.events().len(), taken);
}
