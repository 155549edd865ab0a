//! HTML forms (`application/x-www-form-urlencoded`) as JSON objects.
//!
//! Each field is a member with a string, or a list of strings where a name comes again. Some senders, GitHub and Slack among
//! them, put a JSON document into a form with the one field `payload`: then that document is the body.

use std::collections::HashMap;

use bytes::Bytes;
use danube_wasm_ingress_listener::Refusal;
use percent_encoding::percent_decode;

use crate::{json, limits::FORM_FIELDS_MAX};

/// The field that stands for the whole body, if it is the only one and holds an object or a list.
const PAYLOAD: &str = "payload";

/// Returns the form as JSON.
pub(super) fn to_json(form: &[u8]) -> Result<Bytes, Refusal> {
    let fields = Fields::of(form)?;
    match &fields.list[..] {
        [(name, values)] if name == PAYLOAD && values.len() == 1 && is_document(&values[0]) => {
            Ok(Bytes::copy_from_slice(values[0].as_bytes()))
        }
        list => Ok(object(list, form.len()).into()),
    }
}

fn is_document(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '[']) && json::check(text.as_bytes()).is_ok()
}

/// The fields of a form in the order of their first values.
struct Fields {
    list: Vec<(String, Vec<String>)>,
}

impl Fields {
    fn of(form: &[u8]) -> Result<Self, Refusal> {
        let mut list: Vec<(String, Vec<String>)> = Vec::new();
        let mut places = HashMap::new();
        for (number, field) in form
            .split(|byte| *byte == b'&')
            .filter(|field| !field.is_empty())
            .enumerate()
        {
            if number >= FORM_FIELDS_MAX {
                let sentence =
                    format!("the form has more than {FORM_FIELDS_MAX} fields, which is the most that is read");
                return Err(Refusal::OverLimit(sentence));
            }
            let cut = field.iter().position(|byte| *byte == b'=').unwrap_or(field.len());
            let name = decode(&field[..cut], number)?;
            let value = decode(field.get(cut + 1..).unwrap_or_default(), number)?;
            let place = *places.entry(name.clone()).or_insert(list.len());
            match list.get_mut(place) {
                Some((_, values)) => values.push(value),
                None => list.push((name, vec![value])),
            }
        }
        Ok(Self { list })
    }
}

/// `+` is a space, `%41` is an `A`.
fn decode(text: &[u8], number: usize) -> Result<String, Refusal> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let decoded = percent_decode(&spaced).decode_utf8();
    decoded.map(Into::into).map_err(|_| {
        Refusal::BadRequest(format!(
            "field {} of the form is not UTF-8 in percent-encoding",
            number + 1
        ))
    })
}

fn object(list: &[(String, Vec<String>)], bytes: usize) -> Vec<u8> {
    let mut json = Vec::with_capacity(bytes + 16 * list.len() + 2);
    for (place, (name, values)) in list.iter().enumerate() {
        json.push(if place == 0 { b'{' } else { b',' });
        // Serialising strings into a vector cannot fail.
        let _ = serde_json::to_writer(&mut json, name);
        json.push(b':');
        let _ = match &values[..] {
            [one] => serde_json::to_writer(&mut json, one),
            several => serde_json::to_writer(&mut json, several),
        };
    }
    json.extend_from_slice(if list.is_empty() { b"{}" } else { b"}" });
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(form: &str) -> String {
        String::from_utf8(to_json(form.as_bytes()).expect("a form").to_vec()).expect("text")
    }

    #[test]
    fn a_form_is_an_object_of_strings() {
        for (form, wanted) in [
            ("", "{}"),
            ("a=1", r#"{"a":"1"}"#),
            ("b=x+y&a=%C3%A9%22", r#"{"b":"x y","a":"é\""}"#),
            ("a=1&b=2&a=3", r#"{"a":["1","3"],"b":"2"}"#),
            ("a&b=&&=c", r#"{"a":"","b":"","":"c"}"#),
            ("a=b=c", r#"{"a":"b=c"}"#),
            ("a%5B0%5D=1", r#"{"a[0]":"1"}"#),
            ("a=100%", r#"{"a":"100%"}"#),
        ] {
            assert_eq!(json(form), wanted, "{form}");
        }
    }

    #[test]
    fn a_payload_alone_is_the_document() {
        assert_eq!(json("payload=%7B%22ref%22%3A%22main%22%7D"), r#"{"ref":"main"}"#);
        assert_eq!(json("payload=%5B1%5D"), "[1]");
        assert_eq!(json("payload=7"), r#"{"payload":"7"}"#);
        assert_eq!(json("payload=%7Bbroken"), r#"{"payload":"{broken"}"#);
        assert_eq!(json("payload=%7B%7D&x=1"), r#"{"payload":"{}","x":"1"}"#);
        assert_eq!(json("payload=%7B%7D&payload=%7B%7D"), r#"{"payload":["{}","{}"]}"#);
    }

    #[test]
    fn what_is_not_utf8_or_too_long_is_refused() {
        assert!(matches!(to_json(b"a=1&b=%FF"), Err(Refusal::BadRequest(why)) if why.contains("field 2")));
        let at = |fields| to_json("a&".repeat(fields).as_bytes());
        at(FORM_FIELDS_MAX).expect("at the limit");
        assert!(matches!(at(FORM_FIELDS_MAX + 1), Err(Refusal::OverLimit(_))));
    }
}
