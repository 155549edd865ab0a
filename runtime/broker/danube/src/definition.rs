//! The text of a schema. Danube's brokers return it in a wrapping of their own: `"String"` for a type without a text,
//! `{"JsonSchema": {"raw_schema": …, "fingerprint": …}}` for one with. Others return the text.

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use serde_json::Value;

/// Types without a text, as Danube wraps them.
const PRIMITIVES: [&str; 3] = ["Bytes", "String", "Number"];
/// Types with one, and the field it is in.
const WRAPPED: [(&str, &str); 3] = [
    ("JsonSchema", "raw_schema"),
    ("Avro", "raw_schema"),
    ("Protobuf", "raw_proto"),
];

/// The text of a definition, wrapped or not; empty for a primitive type.
pub(crate) fn text(definition: &[u8]) -> Result<String> {
    let raw = std::str::from_utf8(definition).map_err(|e| {
        BrokerError::new(
            ErrorKind::Incompatible,
            format!("the registry's schema is not text: {e}"),
        )
    })?;
    let unwrapped = match serde_json::from_str::<Value>(raw) {
        Ok(Value::String(name)) if PRIMITIVES.contains(&name.as_str()) => Some(String::new()),
        Ok(Value::Object(wrapping)) if wrapping.len() == 1 => WRAPPED.iter().find_map(|(kind, field)| {
            let inner = wrapping.get(*kind)?;
            // The fingerprint distinguishes Danube's wrapping from a schema that happens to have such a member.
            inner.get("fingerprint")?;
            Some(inner.get(field)?.as_str()?.to_owned())
        }),
        _ => None,
    };
    Ok(unwrapped.unwrap_or_else(|| raw.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::text;

    fn of(definition: &str) -> String {
        text(definition.as_bytes()).expect("text")
    }

    #[test]
    fn what_danube_wraps_is_unwrapped() {
        let schema = r#"{"type":"object"}"#;
        let wrapped = serde_json::json!({"JsonSchema": {"raw_schema": schema, "fingerprint": "sha256:1"}}).to_string();
        assert_eq!(of(&wrapped), schema);
        let avro = serde_json::json!({"Avro": {"raw_schema": "\"int\"", "fingerprint": "x"}}).to_string();
        assert_eq!(of(&avro), "\"int\"");
        let proto = serde_json::json!({"Protobuf": {"raw_proto": "syntax", "message_name": "M", "fingerprint": "x"}});
        assert_eq!(of(&proto.to_string()), "syntax");
        assert_eq!(of("\"String\""), "");
    }

    #[test]
    fn plain_texts_stay_as_they_are() {
        for plain in [
            r#"{"type":"object"}"#,
            r#"{"JsonSchema":{"type":"x"}}"#,
            "\"int\"",
            "syntax = \"proto3\";",
            "",
        ] {
            assert_eq!(of(plain), plain);
        }
        assert!(text(&[0xff]).is_err());
    }
}
