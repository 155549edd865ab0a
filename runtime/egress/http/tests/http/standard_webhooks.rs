//! A server and a verifier that nobody here wrote: aiohttp with the library of Standard Webhooks.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
    sync::mpsc,
};

use danube_wasm_testkit::servers::{Server, python};
use serde_json::Value;

use crate::support::{DEADLINE, inserts, one, report, sink, try_write, unfit};

const NEW: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const OLD: &str = "whsec_dGhlIG9sZCBzZWNyZXQgdGhhdCBnb2VzIGF3YXk=";
const OTHER: &str = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCwgbm90IG91cnM=";

/// A receiver that knows one secret; what it prints comes as lines.
struct Receiver {
    _process: Server,
    lines: mpsc::Receiver<String>,
    url: String,
}

impl Receiver {
    /// `None` where it is not installed.
    fn start(secret: &str) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/receiver.py");
        let mut command = python("aiohttp")?;
        let (output, lines) = piped();
        command.arg(script).arg(secret).stdout(output);
        let process = Server::start(&mut command);
        let port = lines.recv().expect("it prints its port");
        Some(Self {
            _process: process,
            lines,
            url: format!("http://127.0.0.1:{port}/hook"),
        })
    }

    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(DEADLINE).expect("a request");
        serde_json::from_str(&line).expect("JSON")
    }
}

/// Where a process prints to, and its lines.
fn piped() -> (Stdio, mpsc::Receiver<String>) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let all = BufReader::new(reader).lines().map_while(Result::ok);
        // Until the test has ended.
        all.take_while(|line| send.send(line.clone()).is_ok()).for_each(drop);
    });
    (writer.into(), lines)
}

#[tokio::test]
async fn a_verifier_of_standard_webhooks_accepts_each_of_two_secrets() {
    for known in [NEW, OLD] {
        let Some(receiver) = Receiver::start(known) else { return };
        let keys = format!("sign = {{ secrets = [\"{NEW}\", \"{OLD}\"] }}");
        let done = report(&sink(&one(&receiver.url, &keys)), &inserts(3)).await;
        assert_eq!(done, Default::default());
        let seen: Vec<_> = (0..3).map(|_| receiver.next()).collect();
        let ids: std::collections::BTreeSet<_> = seen.iter().map(|seen| seen["id"].as_str()).collect();
        assert_eq!(ids.len(), 3);
        assert!(
            seen.iter()
                .all(|seen| seen["verified"] == true && seen["method"] == "POST"),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_verifier_that_knows_another_secret_refuses_and_the_records_wait() {
    let Some(receiver) = Receiver::start(OTHER) else { return };
    let keys = format!("sign = {{ secrets = [\"{NEW}\"] }}");
    let message = unfit(try_write(&sink(&one(&receiver.url, &keys)), &inserts(1)).await);
    assert!(message.contains("401"), "{message}");
    assert_eq!(receiver.next()["verified"], false);
}

/// getsentry/sentry#71025: signatures of a serialization that was not what was sent.
#[tokio::test]
async fn the_very_bytes_of_a_body_are_signed_in_every_form() {
    for batch in ["single", "array", "ndjson", "wrapped"] {
        let Some(receiver) = Receiver::start(NEW) else { return };
        let keys = format!("batch = \"{batch}\"\nsign = {{ secrets = [\"{NEW}\"] }}");
        let mut writes = inserts(1);
        writes[0].body = "{ \"é\": \"\\u00e9\\/\", \"n\": 1.50e1 }".into();
        let done = report(&sink(&one(&receiver.url, &keys)), &writes).await;
        assert_eq!(done, Default::default(), "{batch}");
        let body = receiver.next()["body"].as_str().expect("text").to_owned();
        assert!(body.contains("{ \"é\": \"\\u00e9\\/\", \"n\": 1.50e1 }"), "{body}");
    }
}
