//! Senders that others wrote: the CloudEvents SDK, the libraries of the content codings, curl.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use danube_wasm_ingress_http::ContentKind;
use danube_wasm_testkit::servers;
use serde_json::Value;

use crate::support::{self, Server};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(name)
}

/// Runs a command to its end, and returns what it prints.
async fn output(mut command: Command) -> String {
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = support::soon("the end of a sender", run).await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_sdk_of_cloudevents_is_understood_in_each_mode() {
    let Some(mut python) = servers::python("cloudevents.core") else {
        return;
    };
    let server = Server::start(|endpoint| endpoint.content = ContentKind::CloudEvents.into()).await;
    let port = server.listener.local_addr().port();
    python.arg(script("send_cloudevents.py")).arg(port.to_string());
    for line in output(python).await.lines() {
        let sent: Value = serde_json::from_str(line).unwrap();
        assert_eq!(sent["status"], 200, "{sent}");
    }
    let events = server.inbox.events();
    assert_eq!(events.len(), 3 * 3, "three events in three modes");
    let payload = |place: usize| serde_json::from_slice::<Value>(&events[place].payload).unwrap();
    for number in 0..3 {
        let places = [2 * number, 2 * number + 1, 6 + number];
        let id = format!("https://example.com/shop?a=1 {number}");
        assert_eq!(
            places.map(|place| events[place].id.clone()),
            [id.clone(), id.clone(), id]
        );
        for place in places {
            let payload = payload(place);
            assert_eq!(payload["subject"], "Grüße \"€\" 100%", "{payload}");
            assert_eq!(
                (&payload["type"], &payload["specversion"]),
                (&"com.example.order.paid".into(), &"1.0".into())
            );
            let kind = events[place].headers.iter().find(|(name, _)| name == "ce-type");
            assert_eq!(kind.map(|(_, value)| value.as_str()), Some("com.example.order.paid"));
        }
        let data = |place| match &payload(place) {
            event if event["data"].is_null() => event["data_base64"].clone(),
            event => event["data"].clone(),
        };
        assert_eq!(data(places[0]), data(places[1]), "binary and structured");
        assert_eq!(data(places[0]), data(places[2]), "binary and batched");
    }
    assert_eq!(payload(0)["data"]["customer"], "Zoë");
    assert_eq!(
        (&payload(2)["data"], &payload(4)["data_base64"]),
        (&"hëllo".into(), &"AP8Q".into())
    );
}

#[tokio::test]
async fn curl_sends_what_other_libraries_compressed() {
    let (Some(mut python), Some(_)) = (servers::python("brotli, zstandard"), servers::program("curl")) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("body");
    let body = serde_json::to_vec(
        &(0..50_000_u64)
            .map(|n| format!("line {}", n * 2_654_435_761_u64 % 1_000_003))
            .collect::<Vec<_>>(),
    )
    .unwrap();
    std::fs::write(&file, &body).unwrap();
    python.arg(script("compress.py")).arg(&file);
    output(python).await;
    let server = Server::start(|_| {}).await;
    let url = format!("http://{}/hook", server.listener.local_addr());
    for coding in ["gzip", "deflate", "zstd", "br"] {
        let mut curl = servers::program("curl").unwrap();
        curl.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "60"]);
        curl.args(["--header", "content-type: application/json", "--header"]);
        curl.arg(format!("content-encoding: {coding}")).arg("--data-binary");
        curl.arg(format!("@{}.{coding}", file.display())).arg(&url);
        assert!(output(curl).await.contains("accepted"), "{coding}");
        assert_eq!(server.inbox.events().pop().unwrap().payload, body, "{coding}");
    }
    assert_eq!(server.inbox.count(), 4);
}
