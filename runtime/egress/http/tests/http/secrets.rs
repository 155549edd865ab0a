//! What no message, log or header may have.

use danube_wasm_connector::SinkConnector as _;
use danube_wasm_egress_http::HttpSink;
use danube_wasm_model::door::Egress as _;

use crate::support::{config, insert, later, one, report, server::Server, sink, try_write};

const SECRETS: &[&str] = &[
    "p4th-secret",
    "qu3ry-secret",
    "h3ader-secret",
    "t0ken-secret",
    "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
];

fn text(url: &str) -> String {
    let keys = "headers = { x-tenant = \"h3ader-secret\" }\nauth = { type = \"bearer\", token = \"t0ken-secret\" }\n\
                sign = { secrets = [\"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\"] }";
    one(&format!("{url}/p4th-secret?key=qu3ry-secret"), keys)
}

fn without_secrets(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is in: {text}");
    }
}

#[tokio::test]
async fn a_receiver_that_repeats_what_it_was_sent_gives_away_nothing() {
    for status in [400, 401, 500] {
        let server = Server::start(move |_, seen| {
            let all = format!("{} {:?} {}", seen.path, seen.headers, SECRETS.join(" "));
            (status, &*all).into()
        })
        .await;
        let result = try_write(&sink(&text(&server.url(""))), &[insert("1", "{}")]).await;
        without_secrets(&format!("{result:?}"));
        assert!(format!("{result:?}").contains("***"), "{result:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_gives_away_nothing() {
    let report = report(&sink(&text("http://127.0.0.1:9")), &[insert("1", "{}")]).await;
    without_secrets(&format!("{report:?}"));
    assert!(later(&report).0.contains("http://127.0.0.1:9"), "{report:?}");
}

#[test]
fn a_configuration_shows_no_secret_and_a_component_is_told_none() {
    let config = config(&text("https://hooks.example"));
    without_secrets(&format!("{config:?}"));
    without_secrets(&HttpSink::target(&config));
    without_secrets(&serde_json::to_string(&HttpSink::guest_settings(&config)).expect("JSON"));
    assert_eq!(HttpSink::target(&config), "https://hooks.example");
}

#[tokio::test]
async fn an_id_that_is_no_header_adds_none() {
    let server = Server::start(|_, _| 200.into()).await;
    let sink = sink(&one(&server.url("/{id}"), ""));
    for id in ["x\r\nx-evil: 1", "x\nx-evil: 1", "x\0", "ü", "x y"] {
        assert_eq!(report(&sink, &[insert(id, "{}")]).await, Default::default());
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 5);
    for seen in &seen {
        assert!(
            seen.headers.get("x-evil").is_none() && !seen.path.contains("x-evil: 1"),
            "{seen:?}"
        );
        assert_eq!(seen.headers.get_all("webhook-id").iter().count(), 1);
    }
    let ids: Vec<_> = seen.iter().map(|seen| seen.headers.get("x-danube-id")).collect();
    assert!(ids.iter().all(Option::is_none), "{ids:?}");
    assert_eq!(seen[0].path, "/x%0D%0Ax-evil%3A%201");
    sink.close().await.expect("closed");
}
