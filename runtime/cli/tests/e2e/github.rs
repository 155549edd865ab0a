//! GitHub's webhooks as it sends them by itself: a form with the document in its field `payload`.

use hmac::{KeyInit as _, Mac as _};
use serde_json::Value;

use crate::harness::{KEY, Pipeline, Scratch, Setup, root};

/// What GitHub calls its default: `application/x-www-form-urlencoded`.
fn form(document: &str) -> String {
    let url = reqwest::Url::parse_with_params("http://form", [("payload", document)]).expect("a URL");
    url.query().expect("the form").to_owned()
}

fn signature(body: &str, secret: &str) -> String {
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn document(name: &str) -> String {
    let path = root().join("examples/webhooks/bodies/github").join(name);
    std::fs::read_to_string(path).expect("a body of the example")
}

fn start() -> (Scratch, Pipeline) {
    let scratch = Setup {
        schema: false,
        topic: "/github/events".into(),
        endpoint: "content_type = [\"json\", \"form\"]\ninclude = { headers = [\"x-github-event\"] }".into(),
        mapping: "include_attributes = { event = \"webhook.header.x-github-event\" }".into(),
        ..Setup::default()
    }
    .write();
    let text = std::fs::read_to_string(scratch.file()).expect("the file");
    let signed = text.replace("type = \"api_key\"", "type = \"signature\", preset = \"github\"");
    assert_ne!(text, signed, "the endpoint has GitHub's signature");
    std::fs::write(scratch.file(), signed).expect("the file");
    let pipeline = scratch.start();
    (scratch, pipeline)
}

/// A delivery, and what is answered.
fn deliver(pipeline: &Pipeline, event: &str, id: &str, body: String, signature: &str) -> (u16, String) {
    let request = pipeline.client().post(format!("http://{}/hook", pipeline.address()));
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("user-agent", "GitHub-Hookshot/044aadd"),
        ("x-github-event", event),
        ("x-github-delivery", id),
        ("x-hub-signature-256", signature),
    ];
    let request = headers
        .into_iter()
        .fold(request, |request, (name, value)| request.header(name, value));
    let answer = request.body(body).send().expect("an answer");
    (answer.status().as_u16(), answer.text().expect("a body"))
}

#[test]
fn a_form_of_github_is_a_row_with_its_event_once() {
    let (scratch, pipeline) = start();
    let body = form(&document("push.json"));
    let signed = signature(&body, KEY);
    let id = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
    // GitHub delivers again when it is asked to, with the same id.
    for _ in 0..2 {
        let (status, said) = deliver(&pipeline, "push", id, body.clone(), &signed);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!((status, &said["id"]), (200, &Value::from(id)), "{said}");
    }
    pipeline.until("the row", |_| scratch.rows() == 1);
    let row = scratch.query("SELECT * FROM payments")[0].take();
    let sent: Value = serde_json::from_str(&document("push.json")).expect("JSON");
    assert_eq!(
        (&row["event"], &row["ref"], &row["repository"]),
        (&"push".into(), &sent["ref"], &sent["repository"])
    );
    pipeline.stop();
    assert_eq!(scratch.rows(), 1, "and when it is stopped");
}

#[test]
fn a_ping_of_github_is_answered_and_a_forgery_is_not_taken() {
    let (scratch, pipeline) = start();
    let ping = form(&document("ping.json"));
    let signed = signature(&ping, KEY);
    let (status, said) = deliver(&pipeline, "ping", "1", ping, &signed);
    assert!((200..300).contains(&status), "{status} {said}");
    let body = form(&document("push.json"));
    let forged = signature(&body, "another secret");
    let (status, said) = deliver(&pipeline, "push", "2", body.clone(), &forged);
    assert_eq!(status, 401, "{said}");
    // Signed as a document, and sent as a form: it is the bytes that are signed.
    let of_document = signature(&document("push.json"), KEY);
    let (status, said) = deliver(&pipeline, "push", "3", body, &of_document);
    assert_eq!(status, 401, "{said}");
    let last = form(&document("issues.json"));
    let signed = signature(&last, KEY);
    let (status, said) = deliver(&pipeline, "issues", "4", last, &signed);
    assert_eq!(status, 200, "{said}");
    pipeline.until("the row of the last", |_| scratch.rows() == 1);
    assert_eq!(scratch.query("SELECT * FROM payments")[0]["event"], "issues");
    pipeline.stop();
}
