//! Who may send.

use danube_wasm_test_certs::{Authority, write_pem};
use serde_json::json;
use tonic::Code;

use crate::{
    JSON,
    bodies::{self, GRPC_LOGS},
    support::{
        clients::{self, ALL_SUCCEEDED},
        receiver::start_with,
        wire::{Coding, call, frame, post},
    },
};

async fn holds(table: &str, good: (&str, &str), bad: (&str, &str)) {
    let (receiver, inbox) = start_with(table).await;
    let json = ("content-type", JSON);
    for headers in [vec![json], vec![json, bad]] {
        let answer = post(&receiver, "/v1/logs", &headers, bodies::LOGS_JSON.as_bytes()).await;
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (401, json!(16)),
            "{table}"
        );
        let answer = call(
            &receiver,
            GRPC_LOGS,
            &headers[1..],
            frame(Coding::None, &bodies::logs(1)),
        )
        .await;
        assert_eq!(answer.code(), Code::Unauthenticated, "{table}");
    }
    assert!(inbox.requests().is_empty());
    let answer = post(&receiver, "/v1/logs", &[json, good], bodies::LOGS_JSON.as_bytes()).await;
    assert_eq!(answer.status, 200);
    let answer = call(&receiver, GRPC_LOGS, &[good], frame(Coding::None, &bodies::logs(1))).await;
    assert_eq!(answer.code(), Code::Ok);
}

#[tokio::test]
async fn a_bearer_token_is_asked_for_in_headers_and_metadata() {
    let table = "auth = { type = \"bearer\", secrets = [\"${TOKEN}\"] }";
    let header = "authorization";
    holds(table, (header, "Bearer t0ken"), (header, "Bearer other")).await;
}

#[tokio::test]
async fn a_key_is_asked_for_in_a_header_of_its_own() {
    let table = "auth = { type = \"api_key\", header = \"x-otlp-key\", secrets = [\"${TOKEN}\"] }";
    holds(table, ("x-otlp-key", "t0ken"), ("x-otlp-key", "t0ke")).await;
}

#[tokio::test]
async fn exporters_send_their_token_over_both_transports() {
    let (receiver, _) = start_with("auth = { type = \"bearer\", secrets = [\"${TOKEN}\"] }").await;
    for transport in ["grpc", "http"] {
        let with = |token: &str| json!({"transport": transport, "endpoint": receiver.url(), "headers": {"authorization": format!("Bearer {token}")}});
        let Some(printed) = clients::python(with("t0ken")).await else {
            return;
        };
        assert_eq!(printed, ALL_SUCCEEDED, "{transport}");
        let printed = clients::python(with("other")).await.expect("it was there before");
        assert_eq!(printed, ALL_SUCCEEDED.replace("SUCCESS", "FAILURE"), "{transport}");
    }
}

/// Issues a certificate of an authority of its own into a directory, and that authority's.
fn issue(dir: &std::path::Path, name: &str) {
    let authority = Authority::new();
    write_pem(dir, &format!("{name}-ca.pem"), &authority.pem());
    authority.issue(&["localhost"]).write(dir, name);
}

#[tokio::test]
async fn certificates_are_asked_for_over_both_transports() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["server", "client", "other"] {
        issue(dir.path(), name);
    }
    let path = |file: &str| dir.path().join(file).to_str().expect("text").to_owned();
    let (receiver, inbox) = start_with(&format!(
        "tls = {{ cert_path = \"{}\", key_path = \"{}\", client_ca_path = \"{}\" }}",
        path("server.pem"),
        path("server-key.pem"),
        path("client-ca.pem")
    ))
    .await;
    for transport in ["grpc", "http"] {
        let mut options = json!({
            "transport": transport,
            "endpoint": format!("https://localhost:{}", receiver.address().port()),
            "ca": path("server-ca.pem"),
            "timeout": 1,
        });
        for name in ["", "other"] {
            if !name.is_empty() {
                options["cert"] = path(&format!("{name}.pem")).into();
                options["key"] = path(&format!("{name}-key.pem")).into();
            }
            let Some(printed) = clients::python(options.clone()).await else {
                return;
            };
            assert_eq!(
                printed,
                ALL_SUCCEEDED.replace("SUCCESS", "FAILURE"),
                "{transport} {name}"
            );
        }
        assert!(inbox.requests().is_empty());
        options["cert"] = path("client.pem").into();
        options["key"] = path("client-key.pem").into();
        options["timeout"] = 60.into();
        assert_eq!(
            clients::python(options).await.expect("it was there"),
            ALL_SUCCEEDED,
            "{transport}"
        );
        assert_eq!(inbox.requests().len(), 3);
        inbox.clear();
    }
}
