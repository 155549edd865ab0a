//! What of a sample nobody may see: by the names of fields, and by the values of a connector's own secrets.

use danube_wasm_sandbox::Secrets;
use serde_json::Value;

/// What stands in place of a value.
const MASK: &str = "***";
/// Parts of the names of fields, headers and attributes whose values are secret, in lower case without separators.
const SECRET_NAMES: &[&str] = &[
    "authorization",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "credential",
    "cookie",
    "signature",
];

/// Whether a field of this name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    SECRET_NAMES.iter().any(|secret| plain.contains(secret))
}

/// Masks a value, at any depth: fields by their names, texts by what they contain.
pub(super) fn mask(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) => {
            let masked = secrets.masked(text);
            if masked != *text {
                *text = masked.into_owned();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| mask(value, secrets)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match is_secret(name) && !value.is_null() {
                    true => *value = MASK.into(),
                    false => mask(value, secrets),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_masked_by_name_at_any_depth_and_texts_by_value() {
        let settings = r#"{"url": "https://hunter2hunter2@host"}"#;
        let secrets = Secrets::from_settings(settings, Some(r#"{"url": "https://${PASSWORD}@host"}"#));
        let mut value = json!({
            "Authorization": "Bearer x", "x-api-key": "k", "user": {"passWord": "p", "name": "n"},
            "list": [{"client_secret": 1}], "note": "asked https://hunter2hunter2@host today", "token": null, "amount": 3,
        });
        mask(&mut value, &secrets);
        let expected = json!({
            "Authorization": "***", "x-api-key": "***", "user": {"passWord": "***", "name": "n"},
            "list": [{"client_secret": "***"}], "note": "asked *** today", "token": null, "amount": 3,
        });
        assert_eq!(value, expected);
    }
}
