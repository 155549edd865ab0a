//! The report of a replay. The same dead letter and component give the same text; the run time is separate.

use std::fmt::Write as _;

use danube_wasm_broker::Outgoing;
use danube_wasm_model::door::{Reply, Write};
use danube_wasm_sandbox::LogLevel;
use serde_json::{Value, json};

use super::{
    call::{CallResult, Failed},
    capture_host::CaptureHost,
    dead_letter::{DeadLetter, DumpedLetter},
    outcome::Outcome,
    target::Target,
};
use crate::dead_letters::readable;

/// The report of a replay.
pub struct Report {
    /// Id of the dead letter.
    pub id: String,
    /// The outcome.
    pub outcome: Outcome,
    /// Run time, if the component was called.
    pub took: Option<String>,
    shown: DumpedLetter,
    component: String,
    digest: String,
    notes: Vec<String>,
    log: Vec<(LogLevel, String)>,
    result: CallResult,
}

impl Report {
    pub(super) fn new(
        letter: DeadLetter,
        subject: Target,
        result: CallResult,
        heard: &CaptureHost,
        outcome: Outcome,
        took: Option<String>,
    ) -> Self {
        Self {
            id: letter.dumped.id.clone(),
            outcome,
            took,
            shown: letter.dumped,
            component: subject.load.file,
            digest: subject.digest,
            notes: subject.notes,
            log: heard.lines(),
            result,
        }
    }

    /// Returns the report as JSON.
    pub fn json(&self) -> Value {
        let log = self
            .log
            .iter()
            .map(|(level, line)| json!({ "level": level, "line": line }));
        json!({
            "id": self.id,
            "connector": self.shown.connector,
            "component": self.component,
            "component_digest": self.digest,
            "recorded": {
                "component_digest": self.shown.component_digest,
                "reason": self.shown.reason,
                "message": self.shown.message,
                "backtrace": self.shown.backtrace,
            },
            "notes": self.notes,
            "log": log.collect::<Vec<_>>(),
            "outcome": result(&self.result),
            "verdict": self.outcome.name(),
            "passes": self.outcome.passes(),
        })
    }

    /// Returns the report as text.
    pub fn text(&self) -> String {
        let shown = &self.shown;
        let mut page = Page::default();
        page.line(
            "letter",
            &format!("{} of {}, from {}", self.id, shown.connector, shown.origin),
        );
        page.line("recorded", &format!("{}: {}", shown.reason, shown.message));
        page.lines("", &shown.backtrace);
        page.line("component", &format!("{}, sha256:{}", self.component, self.digest));
        page.line("", &self.recorded_component());
        page.lines("note", &self.notes);
        let log = self
            .log
            .iter()
            .map(|(level, line)| format!("{}: {line}", level.as_str()));
        page.lines("log", &log.collect::<Vec<_>>());
        page.result(&self.result);
        page.line("verdict", self.outcome.sentence());
        page.0
    }

    fn recorded_component(&self) -> String {
        match &*self.shown.component_digest {
            "" => "which one was recorded is not known".to_owned(),
            same if same == self.digest => "the one that was recorded".to_owned(),
            other => format!("another one was recorded, sha256:{other}"),
        }
    }
}

/// Lines of text, each with a label.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, name: &str, text: &str) {
        for (i, line) in text.lines().enumerate() {
            let name = if i == 0 { name } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(self.0, "{name:<10}  {line}");
        }
    }

    fn lines(&mut self, name: &str, lines: &[String]) {
        for (i, line) in lines.iter().enumerate() {
            self.line(if i == 0 { name } else { "" }, line);
        }
    }

    fn result(&mut self, result: &CallResult) {
        match result {
            CallResult::Writes(writes) => {
                self.line("outcome", &count(writes.len(), "write"));
                for write in writes {
                    let Write {
                        target, id, operation, ..
                    } = write;
                    self.line("", &format!("{operation:?} {target}:{id}"));
                    self.line("", &pretty(&write.body));
                }
            }
            CallResult::Records(records, reply) => {
                self.line("outcome", &count(records.len(), "record"));
                for record in records {
                    let key = record.key.as_deref().map(|key| format!(", key {}", pretty(key)));
                    let key = key.unwrap_or_default();
                    self.line("", &format!("{} {}{key}", record.topic, record.id));
                    self.line("", &pretty(&record.payload));
                }
                if let Some(reply) = reply {
                    self.line(
                        "",
                        &format!("the sender is answered {}: {}", reply.status, pretty(&reply.body)),
                    );
                }
            }
            CallResult::Failed(failed) => {
                let at = failed.stage.map(|stage| format!(" in {stage}")).unwrap_or_default();
                self.line(
                    "outcome",
                    &format!("{}{at}: {}", failed.reason.as_str(), failed.message),
                );
                self.lines("", &failed.backtrace);
                let violations = failed.violations.iter().map(|v| format!("`{}` {}", v.path, v.message));
                self.lines("", &violations.collect::<Vec<_>>());
            }
        }
    }
}

fn count(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}: there is nothing to do"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn pretty(bytes: &[u8]) -> String {
    match readable(bytes) {
        ("json", value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
        (_, value) => value.as_str().unwrap_or_default().to_owned(),
    }
}

fn result(result: &CallResult) -> Value {
    match result {
        CallResult::Writes(writes) => json!({ "writes": writes.iter().map(write).collect::<Vec<_>>() }),
        CallResult::Records(records, reply) => json!({
            "records": records.iter().map(record).collect::<Vec<_>>(),
            "answer": reply.as_ref().map(answer),
        }),
        CallResult::Failed(failed) => failure(failed),
    }
}

fn write(write: &Write) -> Value {
    let (encoding, body) = readable(&write.body);
    json!({
        "target": &*write.target,
        "id": write.id,
        "operation": format!("{:?}", write.operation).to_lowercase(),
        "order": write.order,
        "body_encoding": encoding,
        "body": body,
    })
}

fn record(record: &Outgoing) -> Value {
    let (encoding, payload) = readable(&record.payload);
    json!({
        "topic": record.topic.to_string(),
        "id": record.id.as_str(),
        "key": record.key.as_deref().map(|key| readable(key).1),
        "attributes": record.attributes,
        "payload_encoding": encoding,
        "payload": payload,
    })
}

fn answer(reply: &Reply) -> Value {
    json!({ "status": reply.status, "content_type": reply.content_type, "body": readable(&reply.body).1 })
}

fn failure(failed: &Failed) -> Value {
    json!({
        "reason": failed.reason.as_str(),
        "stage": failed.stage,
        "message": failed.message,
        "backtrace": failed.backtrace,
        "violations": failed.violations,
    })
}
