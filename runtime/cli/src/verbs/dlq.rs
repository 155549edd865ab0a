//! `danube-wasm dlq`: the inputs that could not be processed, and what an operator does about them.

use std::path::Path;

use danube_wasm_config::{Loaded, Pipeline};
use danube_wasm_host::dead_letters::{self, FAILED_AGAIN, KEPT, Recipient, Request, Selection};
use serde_json::Value;

use super::topics::table;
use crate::{
    args::{Dlq, DlqVerb, Letters},
    exit::Failure,
};

/// Lists, shows, replays or discards dead letters.
pub(crate) fn dlq(args: Dlq) -> Result<(), Failure> {
    match args.verb {
        DlqVerb::Ls { place, connector, json } => list(&place, connector, json),
        DlqVerb::Show { place, id, json } => {
            let values = ask(&dead_letters::file(&place)?, Request::Show { id })?;
            match values.first() {
                Some(letter) if json => println!("{letter}"),
                Some(letter) => print!("{}", page(letter)),
                None => {}
            }
            Ok(())
        }
        DlqVerb::Replay {
            which,
            to,
            dry_run,
            json,
        } => {
            let loaded = dead_letters::file(&which.place)?;
            let request = Request::Replay {
                to: target(to, &loaded.pipeline)?,
                sinks: dead_letters::sinks(&loaded.pipeline),
                which: which.which(),
                dry_run,
            };
            report(&ask(&loaded, request)?, json)
        }
        DlqVerb::Discard { which, json } => {
            let loaded = dead_letters::file(&which.place)?;
            let request = Request::Discard { which: which.which() };
            report(&ask(&loaded, request)?, json)
        }
    }
}

fn ask(loaded: &Loaded, request: Request) -> Result<Vec<Value>, Failure> {
    Ok(crate::runtime()?.block_on(dead_letters::execute(loaded, request))?)
}

impl Letters {
    fn which(self) -> Selection {
        match self.id {
            Some(id) => Selection::One(id),
            None => Selection::All {
                connector: self.connector,
            },
        }
    }
}

fn list(place: &Path, connector: Option<String>, json: bool) -> Result<(), Failure> {
    let answer = ask(&dead_letters::file(place)?, Request::Ls { connector })?;
    let list = answer.first().cloned().unwrap_or_default();
    let lines = list["letters"].as_array().cloned().unwrap_or_default();
    if json {
        println!("{}", Value::Array(lines));
    } else {
        let columns = ["id", "connector", "reason", "when", "origin", "message"];
        print!("{}", table(&columns, &lines));
    }
    match list["more"].as_u64() {
        None | Some(0) => {}
        Some(more) => eprintln!("and {more} more, newer than these: --connector shows those of one"),
    }
    Ok(())
}

/// A connector's name in the file, or its whole id; `all` is everybody.
fn target(to: Option<String>, pipeline: &Pipeline) -> Result<Recipient, Failure> {
    let Some(name) = to else { return Ok(Recipient::Own) };
    if name == "all" {
        return Ok(Recipient::All);
    }
    let mut sinks = pipeline.sinks.iter().map(|sink| &sink.id);
    let found = sinks.find(|id| id.connector() == name || id.as_str() == name);
    found.map(|id| Recipient::Connector(id.to_string())).ok_or_else(|| {
        let sinks: Vec<_> = pipeline.sinks.iter().map(|sink| sink.id.connector()).collect();
        Failure::usage(format!(
            "--to {name}: there is no such sink; there are: all, {}",
            sinks.join(", ")
        ))
    })
}

/// What became of each. One that was to be replayed and is a dead letter still, or again, is a failure.
fn report(lines: &[Value], json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", Value::Array(lines.to_vec()));
    } else {
        print!("{}", table(&["id", "connector", "outcome", "to", "remark"], lines));
    }
    let count = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count();
    let said: Vec<String> = [(count(KEPT), "were kept"), (count(FAILED_AGAIN), "failed again")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} of {} letters {what}", lines.len()))
        .collect();
    match said.is_empty() {
        true => Ok(()),
        false => Err(Failure::still_fails(said.join(", "))),
    }
}

/// A letter for people: a line for each thing known, then the payload as it is.
fn page(letter: &Value) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &Value| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                let items = items.iter().map(|item| item.as_str().unwrap_or_default());
                items.collect::<Vec<_>>().join("\n                  ")
            }
            other => other.to_string(),
        };
        text.push_str(&format!("{:<16}  {value}\n", name.replace('_', " ")));
    };
    for (name, value) in letter.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            // What is called again is for programs: it repeats the input.
            ("payload" | "payload_text" | "call", _) => {}
            ("headers" | "attributes", Value::Object(pairs)) => {
                for (key, value) in pairs {
                    line(&format!("{} {key}", name.trim_end_matches('s')), value);
                }
            }
            (_, value) => line(name, value),
        }
    }
    text.push('\n');
    let payload = letter["payload_text"].as_str().or(letter["payload"].as_str());
    text.push_str(payload.unwrap_or_default());
    text.push('\n');
    text
}
