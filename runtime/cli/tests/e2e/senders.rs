//! examples/webhooks: every sender at once, in one pipeline, on one port. What each sends, as its script signs it, becomes rows that
//! say what happened, and what is sent again does not become another where the sender has an id.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use danube_wasm_testkit::servers;
use serde_json::Value;

use crate::harness::{Scratch, Setup, cli, root, texts};

/// A file of the examples.
struct Sender {
    name: &'static str,
    /// Where the event's type is.
    kind: Kind,
    /// The type of the event in each of its bodies; those that the host answers itself are none.
    events: &'static [&'static str],
    /// How many of its bodies are questions that the host answers.
    handshakes: usize,
    /// Whether what is sent again is the same event.
    has_id: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    /// In a header, and in a column because the mapping has asked for it.
    Header(&'static str),
    /// In the document.
    Pointer(&'static str),
}

/// The column of types that are in a header.
const TYPE: &str = "event_type";

const fn sender(name: &'static str, kind: Kind, events: &'static [&'static str]) -> Sender {
    Sender {
        name,
        kind,
        events,
        handshakes: 0,
        has_id: true,
    }
}

impl Sender {
    const fn with_handshake(self) -> Self {
        Self { handshakes: 1, ..self }
    }

    const fn without_id(self) -> Self {
        Self { has_id: false, ..self }
    }

    fn table(&self) -> String {
        self.name.replace('-', "_")
    }

    fn rows(&self, times: usize) -> usize {
        self.events.len() * if self.has_id { 1 } else { times }
    }
}

use Kind::{Header, Pointer};

/// All but SNS, which only Amazon can sign: the tests of the source have an Amazon of their own.
const SENDERS: &[Sender] = &[
    sender(
        "adyen",
        Pointer("/notificationItems/0/NotificationRequestItem/eventCode"),
        &["AUTHORISATION"],
    )
    .without_id(),
    sender("discord", Pointer("/event/type"), &["APPLICATION_AUTHORIZED"])
        .with_handshake()
        .without_id(),
    sender("event-grid", Pointer("/eventType"), &["Microsoft.Storage.BlobCreated"]).with_handshake(),
    sender("gitea", Header("x-gitea-event"), &["push"]),
    sender("github", Header("x-github-event"), &["issues", "push", "push"]).with_handshake(),
    sender("gitlab", Header("x-gitlab-event"), &["Push Hook"]),
    sender("hubspot", Pointer("/subscriptionType"), &["contact.propertyChange"]).without_id(),
    sender("intercom", Pointer("/topic"), &["conversation.user.created"]),
    sender("linear", Header("linear-event"), &["Issue"]),
    sender("meta", Pointer("/object"), &["whatsapp_business_account"]).without_id(),
    sender("sentry", Header("sentry-hook-resource"), &["issue"]),
    sender("shopify", Header("x-shopify-topic"), &["orders/create"]),
    sender("slack", Pointer("/event/type"), &["message"]).with_handshake(),
    sender("square", Pointer("/type"), &["payment.created"]),
    sender("standard-webhooks", Pointer("/type"), &["invoice.paid"]),
    sender("stripe", Pointer("/type"), &["charge.succeeded"]),
    sender("svix", Pointer("/type"), &["user.created"]),
    sender("twilio", Pointer("/SmsStatus"), &["received"]),
    sender("zoom", Pointer("/event"), &["meeting.started"])
        .with_handshake()
        .without_id(),
];

fn folder() -> PathBuf {
    root().join("examples/webhooks")
}

fn file(sender: &str) -> PathBuf {
    folder().join(format!("{sender}.toml"))
}

/// A secret of the shape that the sender's are of.
fn secret(variable: &str) -> &'static str {
    match variable {
        "ADYEN_HMAC_KEY" => "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
        "DISCORD_PUBLIC_KEY" => "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "STANDARD_WEBHOOKS_SECRET" | "SVIX_SECRET" => "whsec_ZGVtbyBzZWNyZXQgb2YgdGhlIGV4YW1wbGU=",
        "STRIPE_WEBHOOK_SECRET" => "whsec_0123456789abcdef",
        _ => "a secret of the test",
    }
}

/// Every variable that a file asks for, without those that have a default.
fn environment(text: &str) -> BTreeMap<String, &'static str> {
    let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    let asked = names.filter(|(name, _)| !name.contains(":-"));
    asked.map(|(name, _)| (name.to_owned(), secret(name))).collect()
}

/// The files one after the other, and a sink that takes every topic of theirs to a table.
fn write(port: u16) -> Scratch {
    let scratch = Setup::default().write();
    let mut text = texts::top("", 60);
    let mut mappings = String::new();
    for sender in SENDERS {
        let example = std::fs::read_to_string(file(sender.name)).expect("an example");
        let topic = example
            .lines()
            .find_map(|line| line.strip_prefix("danube_topic = "))
            .expect("a topic");
        mappings += &format!(
            "[[sinks.surrealdb.topic_mappings]]\ntopic = {topic}\nsubscription = \"rows\"\ntable = \"{}\"\n",
            sender.table()
        );
        if let Header(name) = sender.kind {
            mappings += &format!("include_attributes = {{ {TYPE} = \"webhook.header.{name}\" }}\n");
        }
        let example = example.replace("port = 8083", &format!("port = {port}"));
        let secrets = environment(&example);
        text += &secrets.into_iter().fold(example, |text, (name, secret)| {
            text.replace(&format!("${{{name}}}"), secret)
        });
    }
    text += "\n[[sinks]]\nname = \"surrealdb\"\ncomponent = \"builtin:surrealdb-sink\"\n[sinks.surrealdb]\n\
             url = \"surrealkv://data/db\"\nnamespace = \"default\"\ndatabase = \"default\"\n";
    std::fs::write(scratch.file(), text + &mappings).expect("a pipeline file");
    scratch
}

/// Sends all bodies of a sender, and returns the answers, a line each.
fn send(sender: &Sender, port: u16, more: &[(&str, &str)]) -> Vec<String> {
    let example = std::fs::read_to_string(file(sender.name)).expect("an example");
    let path = format!("/webhooks/{}", sender.name);
    let output = Command::new("python3")
        .arg(folder().join("send.py"))
        .arg(sender.name)
        .envs(environment(&example))
        .env("URL", format!("http://127.0.0.1:{port}{path}"))
        // What the sender signs is what the file says, whatever the port is here.
        .env("WEBHOOK_URL", format!("http://127.0.0.1:8083{path}"))
        .envs(more.iter().copied())
        .output()
        .expect("python3");
    let answers = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {answers}{errors}", sender.name);
    answers.lines().map(str::to_owned).collect()
}

fn rows(scratch: &Scratch) -> BTreeMap<&'static str, Vec<Value>> {
    let selects: Vec<String> = SENDERS
        .iter()
        .map(|sender| format!("SELECT * FROM {}", sender.table()))
        .collect();
    let file = scratch.file().display().to_string();
    let output = cli(["query", "--json", &file, &selects.join("; ")]);
    // A table comes with its first row, the database with the sink.
    let results: Vec<Vec<Value>> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    SENDERS.iter().map(|sender| sender.name).zip(results).collect()
}

/// The types that rows have, in order.
fn types(sender: &Sender, rows: &[Value]) -> Vec<String> {
    let of = |row: &Value| match sender.kind {
        Header(_) => row[TYPE].as_str().map(str::to_owned),
        Pointer(pointer) => row.pointer(pointer).and_then(Value::as_str).map(str::to_owned),
    };
    let mut types: Vec<_> = rows.iter().map(|row| of(row).unwrap_or(row.to_string())).collect();
    types.sort();
    types
}

#[test]
fn what_each_sender_sends_becomes_rows_that_have_its_type() {
    let port = servers::free_port();
    let scratch = write(port);
    let pipeline = scratch.start();
    for _ in 0..2 {
        for sender in SENDERS {
            let answers = send(sender, port, &[]);
            let taken = answers.iter().filter(|answer| answer.starts_with("20")).count();
            let expected = sender.events.len() + sender.handshakes;
            assert_eq!(
                (taken, answers.len()),
                (expected, expected),
                "{}: {answers:?}",
                sender.name
            );
        }
    }
    for sender in SENDERS {
        let answers = send(sender, port, &[("FORGED", "1")]);
        let refused = answers.iter().all(|answer| answer.starts_with("401"));
        assert!(refused && !answers.is_empty(), "{}: {answers:?}", sender.name);
    }
    pipeline.until("every event is a row", |_| {
        let rows = rows(&scratch);
        let stored = |sender: &Sender| rows.get(sender.name).map_or(0, Vec::len);
        SENDERS.iter().all(|sender| stored(sender) >= sender.rows(2))
    });
    pipeline.stop();
    let rows = rows(&scratch);
    for sender in SENDERS {
        let mut expected = sender.events.repeat(if sender.has_id { 1 } else { 2 });
        expected.sort_unstable();
        assert_eq!(types(sender, &rows[sender.name]), expected, "{}", sender.name);
    }
}

#[test]
fn every_example_of_a_sender_is_right_and_none_is_left_out() {
    let files = std::fs::read_dir(folder()).expect("the examples");
    let mut found = Vec::new();
    for file in files {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("an example");
        let checked = Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
            .arg("check")
            .arg(&path)
            .envs(environment(&text))
            .output()
            .expect("the binary");
        let said = String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success() && !said.contains("warning"), "{said}");
        found.push(path.file_stem().expect("a name").to_string_lossy().into_owned());
    }
    found.sort();
    let mut known: Vec<&str> = SENDERS.iter().map(|sender| sender.name).chain(["sns"]).collect();
    known.sort_unstable();
    assert_eq!(found, known);
}
