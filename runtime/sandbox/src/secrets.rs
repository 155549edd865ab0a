//! What came from the environment, struck out of whatever a component says about itself.
//!
//! A component is given the values of `${NAME}` in its settings, and may say them: in a log line, in a failure, in what
//! its panic says. From there they would get into logs, dead letters and answers to callers.

use std::borrow::Cow;

use serde_json::Value;

/// Shorter values are no secrets, and common in other words: a port, `true`, a region.
const BYTES_MIN: usize = 6;
/// What stands in their place.
const MASK: &str = "***";

/// Values that are never shown.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// The parts of settings that are a reference `${NAME}` where they are written.
    pub(crate) fn of(settings: &str, written: Option<&str>) -> Self {
        let mut found = Vec::new();
        if let Some(written) = written
            && let (Ok(settings), Ok(written)) = (serde_json::from_str(settings), serde_json::from_str(written))
        {
            collect(&settings, &written, &mut found);
        }
        found.retain(|secret| secret.len() >= BYTES_MIN);
        // The longest first: one may be part of another.
        found.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        found.dedup();
        Self(found)
    }

    /// Bytes of the longest: so much more than what is kept of a text has to be looked at.
    pub(crate) fn longest(&self) -> usize {
        self.0.first().map_or(0, String::len)
    }

    /// The text without them.
    pub(crate) fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, secret| {
            match text.contains(secret.as_str()) {
                true => Cow::Owned(text.replace(secret.as_str(), MASK)),
                false => text,
            }
        })
    }
}

fn collect(settings: &Value, written: &Value, found: &mut Vec<String>) {
    match (settings, written) {
        (Value::String(value), Value::String(written)) if value != written => {
            found.push(value.clone());
            found.extend(inner(value, written));
        }
        (Value::Array(values), Value::Array(written)) => {
            for (value, written) in values.iter().zip(written) {
                collect(value, written, found);
            }
        }
        (Value::Object(values), Value::Object(written)) => {
            for (name, value) in values {
                if let Some(written) = written.get(name) {
                    collect(value, written, found);
                }
            }
        }
        _ => {}
    }
}

/// What stands for the references, without the text around them: of `Bearer ${TOKEN}`, the token.
fn inner(value: &str, written: &str) -> Option<String> {
    let before = written.split_once("${")?.0;
    let after = written.rsplit_once('}')?.1;
    value.strip_prefix(before)?.strip_suffix(after).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let settings = r#"{"endpoints": [], "config": {"key": "hunter2!", "auth": ["Bearer tok-123 x"], "port": "8080",
            "same": "no secret at all"}}"#;
        let written = r#"{"endpoints": [], "config": {"key": "${KEY}", "auth": ["Bearer ${TOKEN} x"], "port": "${PORT}",
            "same": "no secret at all"}}"#;
        Secrets::of(settings, Some(written))
    }

    #[test]
    fn values_of_the_environment_are_struck_out_with_and_without_what_is_around_them() {
        let secrets = secrets();
        assert_eq!(secrets.masked("key=hunter2! of hunter2!"), "key=*** of ***");
        assert_eq!(secrets.masked("got Bearer tok-123 x"), "got ***");
        assert_eq!(secrets.masked("token is tok-123"), "token is ***");
        assert_eq!(secrets.longest(), "Bearer tok-123 x".len());
    }

    #[test]
    fn other_text_stays() {
        let text = "no secret at all on port 8080";
        assert!(matches!(secrets().masked(text), Cow::Borrowed(same) if same == text));
        assert_eq!(Secrets::of("{", Some("{")).masked(text), text);
        assert_eq!(
            Secrets::of(r#"{"a": "long enough"}"#, None).masked("long enough"),
            "long enough"
        );
    }
}
