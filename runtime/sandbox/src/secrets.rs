//! Redacts values from the environment in everything that a component logs or reports.
//!
//! A component gets the values of `${NAME}` in its settings, and may repeat them in a log line, a failure or a panic
//! message, and so in logs, dead letters and answers to callers.

use std::borrow::Cow;

use serde_json::Value;

/// Shorter values are not redacted: they are common in other text (a port, `true`, a region).
const BYTES_MIN: usize = 6;
/// The text that replaces them.
const MASK: &str = "***";

/// Values to redact.
#[derive(Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// The values of `settings` that are a reference `${NAME}` in `written`, the settings as the user wrote them.
    pub fn from_settings(settings: &str, written: Option<&str>) -> Self {
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

    /// Bytes of the longest secret. Text is cut only after that many more bytes were searched.
    pub(crate) fn longest(&self) -> usize {
        self.0.first().map_or(0, String::len)
    }

    /// The text with secrets replaced.
    pub fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
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
            found.extend(placeholder_value(value, written));
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

/// The value of a reference without the text around it: the token of `Bearer ${TOKEN}`.
fn placeholder_value(value: &str, written: &str) -> Option<String> {
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
        Secrets::from_settings(settings, Some(written))
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
        assert_eq!(Secrets::from_settings("{", Some("{")).masked(text), text);
        assert_eq!(
            Secrets::from_settings(r#"{"a": "long enough"}"#, None).masked("long enough"),
            "long enough"
        );
    }
}
