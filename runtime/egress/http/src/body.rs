//! The body of a request with several records. A record is JSON text; nothing of it is changed but, where asked for, the field
//! with its id.

use std::fmt;

use bytes::Bytes;
use danube_wasm_egress_common::Item as _;
use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    config::{BatchForm, Endpoint},
    item::Item,
};

/// A record as it stands in a request with others.
///
/// # Errors
///
/// It cannot stand there: the reason, for whoever sent it.
pub(crate) fn record(endpoint: &Endpoint, item: &Item) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(&item.write().body).map_err(|_| "the record is not UTF-8".to_owned())?;
    let text = text.trim_ascii();
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| format!("the record is not JSON, and is sent in a list with others: {error}"))?;
    let mut record = match &endpoint.id_field {
        None => text.as_bytes().to_vec(),
        Some(field) => with_id(text, field, item.id.as_str())?,
    };
    if endpoint.form == BatchForm::Ndjson {
        // Between tokens only: inside of strings they are escaped.
        record
            .iter_mut()
            .filter(|byte| matches!(byte, b'\n' | b'\r'))
            .for_each(|byte| *byte = b' ');
    }
    Ok(record)
}

/// The records as one body.
pub(crate) fn of(form: &BatchForm, records: &[&[u8]]) -> Bytes {
    let (start, between, end) = match form {
        BatchForm::Ndjson => (String::new(), "\n", "\n"),
        BatchForm::Wrapped(field) => (format!("{{{}:[", quoted(field)), ",", "]}"),
        BatchForm::Array | BatchForm::Single => ("[".to_owned(), ",", "]"),
    };
    let bytes = records.iter().map(|record| record.len() + 1).sum::<usize>();
    let mut body = Vec::with_capacity(start.len() + bytes + end.len());
    body.extend_from_slice(start.as_bytes());
    for (place, record) in records.iter().enumerate() {
        if place > 0 {
            body.extend_from_slice(between.as_bytes());
        }
        body.extend_from_slice(record);
    }
    body.extend_from_slice(end.as_bytes());
    body.into()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The object with this field, behind its others.
fn with_id(json: &str, field: &str, id: &str) -> Result<Vec<u8>, String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let fields = reader
        .deserialize_map(Fields)
        .map_err(|_| format!("the record is no JSON object, and `id_field` puts its id into `{field}`"))?;
    let mut object = Vec::with_capacity(json.len() + field.len() + id.len() + 8);
    object.push(b'{');
    for (name, value) in fields.iter().filter(|(name, _)| name != field) {
        object.extend_from_slice(format!("{}:{},", quoted(name), value.get()).as_bytes());
    }
    object.extend_from_slice(format!("{}:{}}}", quoted(field), quoted(id)).as_bytes());
    Ok(object)
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_each_form() {
        let text = |form: &BatchForm| String::from_utf8(of(form, &[b"{\"a\":1}", b"2"]).to_vec()).expect("text");
        assert_eq!(text(&BatchForm::Array), "[{\"a\":1},2]");
        assert_eq!(text(&BatchForm::Ndjson), "{\"a\":1}\n2\n");
        assert_eq!(
            text(&BatchForm::Wrapped("a \"b\"".to_owned())),
            "{\"a \\\"b\\\"\":[{\"a\":1},2]}"
        );
    }

    #[test]
    fn an_id_is_added_or_replaced_and_the_rest_stays_as_it_was() {
        let with = |json| with_id(json, "id", "msg_1").map(|bytes| String::from_utf8(bytes).expect("text"));
        assert_eq!(with("{}").unwrap(), r#"{"id":"msg_1"}"#);
        assert_eq!(
            with(r#"{"n": 12345678901234567890.10, "id": 7, "a":[ 1 ]}"#).unwrap(),
            r#"{"n":12345678901234567890.10,"a":[ 1 ],"id":"msg_1"}"#
        );
        assert!(with("[1]").is_err() && with("1").is_err());
    }
}
