//! Objects of JSON lines, read strictly: an unknown key is refused with the nearest known one.

use serde_json::{Map, Value};

/// The members of one line that are not read yet, and what is wrong with those that are.
pub(crate) struct Fields {
    members: Map<String, Value>,
    pub(crate) wrong: Vec<String>,
}

impl Fields {
    /// Of a line. `Err` is the sentence if it is no object.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        match serde_json::from_str(line) {
            Ok(Value::Object(members)) => Ok(Self {
                members,
                wrong: Vec::new(),
            }),
            Ok(other) => Err(format!("a line is one JSON object, not {}", kind(&other))),
            Err(error) => Err(format!(
                "not JSON, at column {}: {}; each line is one whole JSON object",
                error.column(),
                reason(&error)
            )),
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.members.contains_key(key)
    }

    /// A value of any kind.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.members.remove(key)
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            other => self.refuse(key, "a string", &other),
        }
    }

    pub(crate) fn number(&mut self, key: &str) -> Option<u64> {
        let value = self.take(key)?;
        match value.as_u64() {
            Some(number) => Some(number),
            None => self.refuse(key, "a whole number from 0", &value),
        }
    }

    /// Inputs by place.
    pub(crate) fn places(&mut self, key: &str) -> Option<Vec<usize>> {
        let value = self.take(key)?;
        let places = value.as_array().map(|places| {
            let places = places.iter().map(|place| usize::try_from(place.as_u64()?).ok());
            places.collect::<Option<Vec<_>>>()
        });
        match places.flatten() {
            Some(places) => Some(places),
            None => self.refuse(key, "a list of whole numbers, the inputs' places from 0", &value),
        }
    }

    /// Names and texts; a list of texts is the same name several times.
    pub(crate) fn pairs(&mut self, key: &str) -> Option<Vec<(String, String)>> {
        let value = self.take(key)?;
        match pairs_of(&value) {
            Some(pairs) => Some(pairs),
            None => self.refuse(key, "an object of strings, or of lists of strings", &value),
        }
    }

    /// Refuses what nobody has taken.
    pub(crate) fn finish(mut self, known: &[&str]) -> Vec<String> {
        for key in self.members.keys() {
            self.wrong.push(unknown("key", key, known));
        }
        self.wrong
    }

    fn refuse<T>(&mut self, key: &str, wanted: &str, found: &Value) -> Option<T> {
        self.wrong.push(format!("`{key}` is {wanted}, not {}", kind(found)));
        None
    }
}

/// The sentence about a name that nobody knows.
pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(known, name), *known))
        .min();
    let list = known
        .iter()
        .map(|known| format!("`{known}`"))
        .collect::<Vec<_>>()
        .join(", ");
    match near {
        Some((distance, near)) if distance <= 2 => format!("unknown {what} `{name}`: write `{near}`"),
        _ => format!("unknown {what} `{name}`: known are {list}"),
    }
}

/// What a value is, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn pairs_of(value: &Value) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for (name, value) in value.as_object()? {
        match value {
            Value::String(text) => pairs.push((name.clone(), text.clone())),
            Value::Array(texts) => {
                for text in texts {
                    pairs.push((name.clone(), text.as_str()?.to_owned()));
                }
            }
            _ => return None,
        }
    }
    Some(pairs)
}

/// The error without its place, which is another one's: the line is one of a file.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
