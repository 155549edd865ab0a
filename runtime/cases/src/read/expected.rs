//! `expected.jsonl`: what a case's inputs should become.

use std::path::Path;

use danube_wasm_sandbox::Role;
use serde_json::{Map, Value, json};

use super::{Fields, Mistakes, kind};
use crate::content;

/// What a line can be, by the member that says so, and its other members.
const OF_SOURCES: [(&str, &[&str]); 2] = [
    ("topic", &["payload", "text", "base64", "id", "key", "attributes"]),
    ("answer", &[]),
];
const OF_SINKS: [(&str, &[&str]); 1] = [("write", &["target", "payload", "text", "base64", "id", "order"])];
const OF_BOTH: [(&str, &[&str]); 6] = [
    ("rejected", &["message"]),
    ("failure", &[]),
    ("trap", &[]),
    ("limit", &[]),
    ("invalid_output", &[]),
    ("start", &[]),
];

/// The lines, as [`crate::Output::value`] gives them; and what is wrong with them.
pub(crate) fn lines(file: &Path, text: &str, role: Role, mistakes: &mut Mistakes) -> Vec<Value> {
    let mut lines = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match read(line, role) {
            Ok(line) => lines.push(line),
            Err(wrong) => wrong.into_iter().for_each(|message| mistakes.add(file, i + 1, message)),
        }
    }
    lines
}

fn read(line: &str, role: Role) -> Result<Value, Vec<String>> {
    let mut fields = Fields::parse(line).map_err(|wrong| vec![wrong])?;
    let of_role: &[(&str, &[&str])] = match role {
        Role::Source => &OF_SOURCES,
        Role::Sink => &OF_SINKS,
    };
    let shapes: Vec<_> = of_role.iter().chain(&OF_BOTH).copied().collect();
    let mut value = Map::new();
    if let Some(from) = fields.places("from") {
        value.insert("from".to_owned(), json!(from));
    }
    let Some((what, others)) = shapes.iter().find(|(what, _)| fields.has(what)) else {
        let names: Vec<_> = shapes.iter().map(|(what, _)| format!("`{what}`")).collect();
        return Err(vec![format!(
            "it says not what it is: an output of a {} has one of {}",
            role.as_str(),
            names.join(", ")
        )]);
    };
    let known: Vec<_> = ["from", *what].into_iter().chain(others.iter().copied()).collect();
    match *what {
        "failure" | "answer" | "start" => object(&mut fields, what, &mut value),
        _ => {
            let text = fields.text(what);
            value.insert((*what).to_owned(), text.into());
        }
    }
    if content::KEYS.iter().any(|key| others.contains(key) && fields.has(key)) {
        let bytes = content::take(&mut fields, false);
        let (name, shown) = content::shown(&bytes);
        value.insert(name.to_owned(), shown);
    }
    // What is left is compared as it stands.
    for key in others.iter().filter(|key| !content::KEYS.contains(key)) {
        if let Some(other) = fields.take(key) {
            value.insert((*key).to_owned(), other);
        }
    }
    match fields.finish(&known) {
        wrong if wrong.is_empty() => Ok(Value::Object(value)),
        wrong => Err(wrong),
    }
}

/// A member that is an object: of an answer, its body as bytes are shown.
fn object(fields: &mut Fields, what: &str, value: &mut Map<String, Value>) {
    match fields.take(what) {
        Some(Value::Object(mut members)) => {
            if let Some(Value::String(text)) = (what == "answer").then(|| members.remove("text")).flatten() {
                let (name, shown) = content::shown(text.as_bytes());
                members.insert(name.to_owned(), shown);
            }
            value.insert(what.to_owned(), Value::Object(members));
        }
        other => {
            let found = other.as_ref().map_or("nothing", kind);
            fields.wrong.push(format!("`{what}` is an object, not {found}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_source(text: &str) -> (Vec<Value>, String) {
        let mut mistakes = Mistakes::default();
        let lines = lines(Path::new("expected.jsonl"), text, Role::Source, &mut mistakes);
        (lines, mistakes.to_string())
    }

    #[test]
    fn text_that_is_json_is_the_payload() {
        let (lines, wrong) = read_source(r#"{"from":[0],"topic":"/a/b","text":"{\"n\":1}"}"#);
        assert_eq!(
            (lines, wrong.as_str()),
            (vec![json!({"from":[0],"topic":"/a/b","payload":{"n":1}})], "")
        );
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let text = "{\"from\":[0],\"topik\":\"/a/b\"}\n\n{\"from\":[0],\"topic\":\"/a/b\",\"kei\":\"x\"}\n{\"from\"\n{\"from\":0,\"rejected\":\"invalid-data\"}";
        let (_, wrong) = read_source(text);
        let wrong: Vec<_> = wrong.lines().collect();
        assert_eq!(wrong.len(), 4, "{wrong:#?}");
        assert!(
            wrong[0].starts_with("expected.jsonl:1: it says not what it is"),
            "{}",
            wrong[0]
        );
        assert_eq!(wrong[1], "expected.jsonl:3: unknown key `kei`: write `key`");
        assert!(
            wrong[2].starts_with("expected.jsonl:4: not JSON, at column 7"),
            "{}",
            wrong[2]
        );
        assert!(wrong[3].contains("`from` is a list"), "{}", wrong[3]);
    }
}
