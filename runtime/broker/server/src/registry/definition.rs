//! A schema's text: read from a request, and wrapped in answers as Danube's brokers wrap it, because its clients unwrap
//! it.

use danube_wasm_broker::RegisteredSchema;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tonic::Status;

/// A type and a text, which is empty for primitive types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    schema_type: String,
    text: String,
}

impl Definition {
    /// Reads it from a request. Danube's other spellings of types are accepted.
    pub(super) fn read(schema_type: &str, definition: &[u8]) -> Result<Self, Status> {
        let schema_type = match schema_type.to_lowercase().as_str() {
            "json_schema" | "json" => "json_schema",
            "avro" => "avro",
            "protobuf" | "proto" => "protobuf",
            "string" => "string",
            "number" | "int" | "int64" | "float" | "double" => "number",
            "bytes" => "bytes",
            other => {
                return Err(Status::invalid_argument(format!(
                    "`{}` is no schema type: use json_schema, avro, protobuf, string, number or bytes",
                    other.chars().take(80).collect::<String>().escape_debug()
                )));
            }
        };
        let text = match schema_type {
            "string" | "number" | "bytes" => "",
            _ => std::str::from_utf8(definition)
                .map_err(|e| Status::invalid_argument(format!("the schema is not UTF-8 text: {e}")))?,
        };
        if matches!(schema_type, "json_schema" | "avro") {
            serde_json::from_str::<Value>(text)
                .map_err(|e| Status::invalid_argument(format!("the schema is not JSON: {e}")))?;
        }
        Ok(Self {
            schema_type: schema_type.to_owned(),
            text: text.to_owned(),
        })
    }

    /// From a registered version.
    pub(super) fn of(schema: &RegisteredSchema) -> Self {
        Self {
            schema_type: schema.schema_type.clone(),
            text: schema.definition.clone(),
        }
    }

    pub(super) fn schema_type(&self) -> &str {
        &self.schema_type
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text as JSON, if it is.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text).ok()
    }

    /// The same for texts that differ only in spaces and in the order of names.
    pub(super) fn fingerprint(&self) -> String {
        let canonical = match self.schema_type.as_str() {
            "string" | "number" | "bytes" => return self.schema_type.clone(),
            "json_schema" | "avro" => self.json().map(|json| json.to_string()),
            _ => None,
        };
        let digest = Sha256::digest(canonical.as_deref().unwrap_or(&self.text));
        format!("sha256:{}", hex::encode(digest))
    }

    /// The text as `GetSchema` returns it.
    pub(super) fn wrapped(&self) -> Vec<u8> {
        let fingerprint = self.fingerprint();
        let wrapped = match self.schema_type.as_str() {
            "string" => json!("String"),
            "number" => json!("Number"),
            "bytes" => json!("Bytes"),
            "avro" => json!({ "Avro": { "raw_schema": self.text, "fingerprint": fingerprint } }),
            "protobuf" => json!({ "Protobuf": {
                "raw_proto": self.text,
                "message_name": "DefaultMessage",
                "fingerprint": fingerprint,
            } }),
            _ => json!({ "JsonSchema": { "raw_schema": self.text, "fingerprint": fingerprint } }),
        };
        wrapped.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_wrapped_as_danubes_clients_unwrap_them() {
        let json = Definition::read("json", br#"{ "type": "object" }"#).expect("valid");
        let wrapped: Value = serde_json::from_slice(&json.wrapped()).expect("JSON");
        assert_eq!(wrapped["JsonSchema"]["raw_schema"], r#"{ "type": "object" }"#);
        assert_eq!(wrapped["JsonSchema"]["fingerprint"], json.fingerprint());
        let text = Definition::read("string", b"ignored").expect("valid");
        assert_eq!(
            (text.wrapped().as_slice(), text.text()),
            (br#""String""#.as_slice(), "")
        );
    }

    #[test]
    fn spaces_and_order_make_no_new_version() {
        let fingerprint = |text: &str| {
            Definition::read("json_schema", text.as_bytes())
                .expect("valid")
                .fingerprint()
        };
        assert_eq!(fingerprint(r#"{"a":1,"b":2}"#), fingerprint("{ \"b\": 2,\n \"a\": 1 }"));
        assert_ne!(fingerprint(r#"{"a":1}"#), fingerprint(r#"{"a":2}"#));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Definition::read("xml", b"<a/>").is_err());
        assert!(Definition::read("json_schema", b"{").is_err());
        assert!(Definition::read("protobuf", &[0xff]).is_err());
    }
}
