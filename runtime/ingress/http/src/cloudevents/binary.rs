//! The binary mode: attributes in headers, the data as the body.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_TYPE};
use percent_encoding::percent_decode;

use super::{CloudEvent, check};
use crate::{content, json};

const PREFIX: &str = "ce-";

/// Reads an event, and writes it as a JSON object.
pub(crate) fn from_headers(headers: &HeaderMap, data: &[u8]) -> Result<(CloudEvent, Bytes), String> {
    let attributes = attributes(headers)?;
    let get = |name: &str| {
        attributes
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    };
    let id = check(get)?;
    let mut object = Vec::with_capacity(data.len() + 256);
    for (name, value) in &attributes {
        member(&mut object, name, |out| text(out, value));
    }
    if let Some(media_type) = headers.get(CONTENT_TYPE) {
        let media_type = String::from_utf8_lossy(media_type.as_bytes());
        member(&mut object, "datacontenttype", |out| text(out, &media_type));
    }
    if !data.is_empty() {
        write_data(&mut object, headers, data)?;
    }
    object.push(b'}');
    let headers = attributes
        .into_iter()
        .map(|(name, value)| (format!("{PREFIX}{name}"), value));
    let event = CloudEvent {
        id,
        headers: headers.collect(),
    };
    Ok((event, object.into()))
}

/// The attributes, decoded. Names are lower-case letters and digits; other headers are none.
fn attributes(headers: &HeaderMap) -> Result<Vec<(String, String)>, String> {
    let mut attributes = Vec::new();
    for name in headers.keys() {
        let Some(short) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        if short.is_empty() || !short.bytes().all(|byte| byte.is_ascii_alphanumeric()) || is_of_data(short) {
            continue;
        }
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(format!("header {name} is there twice"));
        };
        let value = percent_decode(value.as_bytes()).decode_utf8();
        let value = value.map_err(|_| format!("header {name} is not UTF-8 in percent-encoding"))?;
        attributes.push((short.to_owned(), value.into_owned()));
    }
    Ok(attributes)
}

/// Members of the JSON object that are made of the body, and of its media type.
fn is_of_data(name: &str) -> bool {
    name == "data" || name == "datacontenttype"
}

/// JSON stays JSON, text is a string, anything else is Base64. Without a media type it is JSON.
fn write_data(object: &mut Vec<u8>, headers: &HeaderMap, data: &[u8]) -> Result<(), String> {
    let media_type = content::essence(headers.get(CONTENT_TYPE));
    let is_json = media_type.as_deref().is_none_or(content::is_json);
    if is_json {
        json::check(data).map_err(|error| format!("its data is not JSON: {error}"))?;
        member(object, "data", |out| out.extend_from_slice(data));
        return Ok(());
    }
    let is_text = media_type.is_some_and(|essence| {
        essence.starts_with(b"text/") || essence == b"application/xml" || essence.ends_with(b"+xml")
    });
    match std::str::from_utf8(data) {
        Ok(data) if is_text => member(object, "data", |out| text(out, data)),
        _ => member(object, "data_base64", |out| text(out, &BASE64_STANDARD.encode(data))),
    }
    Ok(())
}

/// Appends a member. Names of attributes need no escapes.
fn member(object: &mut Vec<u8>, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
    object.push(if object.is_empty() { b'{' } else { b',' });
    object.push(b'"');
    object.extend_from_slice(name.as_bytes());
    object.extend_from_slice(b"\":");
    value(object);
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Serialising strings into a vector cannot fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(headers: &[(&'static str, &'static str)], data: &[u8]) -> Result<(CloudEvent, serde_json::Value), String> {
        let mut map = HeaderMap::new();
        let required = [
            ("ce-specversion", "1.0"),
            ("ce-id", "7"),
            ("ce-source", "/s"),
            ("ce-type", "t"),
        ];
        for (name, value) in required.iter().chain(headers) {
            map.append(*name, HeaderValue::from_static(value));
        }
        let (event, object) = from_headers(&map, data)?;
        Ok((event, serde_json::from_slice(&object).expect("JSON")))
    }

    #[test]
    fn the_data_is_what_its_media_type_says() {
        let data =
            |media_type: &'static str, data: &[u8]| read(&[("content-type", media_type)], data).expect("valid").1;
        assert_eq!(
            data("application/json", b"{\"a\":1}")["data"],
            serde_json::json!({"a": 1})
        );
        assert_eq!(data("text/plain", b"{\"a\"")["data"], "{\"a\"");
        assert_eq!(data("image/png", b"\xff\x00")["data_base64"], "/wA=");
        assert_eq!(data("text/plain", b"\xff")["data_base64"], "/w==");
        let none = data("application/json", b"");
        assert!(none.get("data").is_none() && none["datacontenttype"] == "application/json");
        assert!(
            read(&[("content-type", "application/json")], b"{")
                .expect_err("broken")
                .contains("not JSON")
        );
        assert_eq!(
            read(&[], b"[1]").expect("JSON without a media type").1["data"],
            serde_json::json!([1])
        );
    }

    #[test]
    fn attributes_are_decoded_and_each_is_there_once() {
        let (event, object) =
            read(&[("ce-subject", "Euro%20%E2%82%AC"), ("ce-x-y", "no attribute")], b"").expect("valid");
        assert_eq!((event.id.as_str(), &object["subject"]), ("/s 7", &"Euro €".into()));
        assert!(event.headers.contains(&("ce-subject".to_owned(), "Euro €".to_owned())));
        assert!(read(&[("ce-type", "u")], b"").expect_err("twice").contains("ce-type"));
        assert!(
            read(&[("ce-subject", "%FF")], b"")
                .expect_err("not UTF-8")
                .contains("ce-subject")
        );
    }
}
