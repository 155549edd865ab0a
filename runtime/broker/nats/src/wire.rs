//! A record as a message of NATS: what is beside the payload is in headers. Values are one line of printable ASCII;
//! others are in base64 behind `=b64=`. Headers of other programs are read as attributes.

use async_nats::{HeaderMap, HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use danube_wasm_broker::{Message, MessageId, Outgoing, SchemaRef};
use danube_wasm_model::{RecordId, TopicName};

use crate::{delivery_subject::DeliverySubject, names};

const KEY: &str = "dw-key";
const ID: &str = "dw-id";
const PRODUCER: &str = "dw-producer";
const SCHEMA: &str = "dw-schema";
/// When a record was published that another log has held before, in milliseconds since 1970.
const TIME: &str = "dw-time";
/// The newest such time of this record and all before it in the stream, where it is another.
const NEWEST: &str = "dw-newest";
/// Before the name of an attribute.
const ATTRIBUTE: &str = "dw-a-";
/// Before the name of an attribute in hexadecimal.
const ATTRIBUTE_HEX: &str = "dw-x-";
const BASE64: &str = "=b64=";
/// What a header takes besides its name and value.
const HEADER_OVERHEAD: usize = 4;

/// A message that is ready to be sent, the same bytes at each try.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Outbound {
    pub(crate) fn new(subject: String, record: Outgoing, producer: &str) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(key) = &record.key {
            headers.insert(KEY, encoded(key));
        }
        headers.insert(ID, encoded(record.id.as_str().as_bytes()));
        headers.insert(PRODUCER, encoded(producer.as_bytes()));
        if let Some(SchemaRef { id, version }) = record.schema {
            headers.insert(SCHEMA, format!("{id}.{version}"));
        }
        for (name, value) in &record.attributes {
            headers.append(attribute_header(name), encoded(value.as_bytes()));
        }
        Self {
            subject,
            headers,
            payload: record.payload,
        }
    }

    /// Of a record that another log has held: it keeps its publish time. `newest_ms` is the newest of this and all records
    /// before it.
    pub(crate) fn copied(subject: String, record: Outgoing, producer: &str, time_ms: u64, newest_ms: u64) -> Self {
        let mut message = Self::new(subject, record, producer);
        message.headers.insert(TIME, time_ms.to_string());
        if newest_ms != time_ms {
            message.headers.insert(NEWEST, newest_ms.to_string());
        }
        message
    }

    /// Its size as the server counts it.
    pub(crate) fn bytes(&self) -> usize {
        self.payload.len() + self.header_bytes()
    }

    /// The size of what is beside the payload.
    pub(crate) fn header_bytes(&self) -> usize {
        let of_one = |name: &str, value: &HeaderValue| name.len() + value.as_str().len() + HEADER_OVERHEAD;
        let headers = self.headers.iter();
        let headers = headers.map(|(name, values)| values.iter().map(|v| of_one(name.as_ref(), v)).sum::<usize>());
        headers.sum()
    }
}

fn attribute_header(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    match !name.is_empty() && name.bytes().all(plain) {
        true => format!("{ATTRIBUTE}{name}"),
        false => {
            let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("{ATTRIBUTE_HEX}{hex}")
        }
    }
}

fn attribute_name(header: &str) -> Option<String> {
    if let Some(name) = header.strip_prefix(ATTRIBUTE) {
        return Some(name.to_owned());
    }
    if let Some(hex) = header.strip_prefix(ATTRIBUTE_HEX) {
        let digits = hex.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> = digits
            .map(|pair| {
                std::str::from_utf8(pair)
                    .ok()
                    .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            })
            .collect();
        return bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    }
    let ours_or_the_servers = header.starts_with("dw-") || header.starts_with("Nats-");
    (!ours_or_the_servers).then(|| header.to_owned())
}

fn encoded(bytes: &[u8]) -> String {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~');
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| bytes.iter().all(plain) && text.trim() == *text && !text.starts_with(BASE64));
    text.map_or_else(|| format!("{BASE64}{}", STANDARD.encode(bytes)), str::to_owned)
}

fn decoded(value: &str) -> Vec<u8> {
    match value.strip_prefix(BASE64) {
        Some(encoded) => STANDARD.decode(encoded).unwrap_or_else(|_| value.into()),
        None => value.into(),
    }
}

fn decoded_text(value: &str) -> String {
    String::from_utf8_lossy(&decoded(value)).into_owned()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

/// When a copied record was published; `None` for any other.
fn published_ms(headers: &HeaderMap) -> Option<u64> {
    number(headers, TIME)
}

/// The newest publish time of a copied record and all before it; `None` for any other. Times of a stream grow by it.
pub(crate) fn newest_ms(headers: &HeaderMap) -> Option<u64> {
    number(headers, NEWEST).or_else(|| published_ms(headers))
}

/// A message as it was delivered.
pub(crate) fn read(
    message: async_nats::Message,
    delivery: &DeliverySubject,
    topic: &TopicName,
    stream: &str,
) -> Message {
    let headers = message.headers.unwrap_or_default();
    let text = |name: &str| headers.get(name).map(|value| decoded_text(value.as_str()));
    let mut attributes: Vec<(String, String)> = Vec::new();
    for (name, values) in headers.iter() {
        if let Some(name) = attribute_name(name.as_ref()) {
            let values = values.iter().map(|value| (name.clone(), decoded_text(value.as_str())));
            attributes.extend(values);
        }
    }
    // Headers have no order of their own.
    attributes.sort_by(|(one, _), (other, _)| one.cmp(other));
    let partition = names::partition_of(&message.subject);
    let sequence = delivery.stream_sequence;
    let schema = text(SCHEMA).and_then(|text| {
        let (id, version) = text.split_once('.')?;
        Some(SchemaRef {
            id: id.parse().ok()?,
            version: version.parse().ok()?,
        })
    });
    Message {
        message_id: MessageId {
            partition: names::partition_number(stream, partition),
            offset: sequence,
        },
        topic: topic.clone(),
        key: headers.get(KEY).map(|value| decoded(value.as_str()).into()),
        payload: message.payload,
        attributes,
        id: RecordId::from_broker(text(ID).unwrap_or_else(|| format!("{stream}:{sequence}"))),
        publish_time_ms: published_ms(&headers).unwrap_or(delivery.stored_ms),
        producer: text(PRODUCER).unwrap_or_default().into(),
        schema,
        redeliveries: delivery.deliveries.saturating_sub(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_become_one_line_and_come_back() {
        let values: [&[u8]; 7] = [
            b"",
            b"plain",
            b" blank ",
            b"a\nb",
            b"\0\xff",
            "\u{1F980}".as_bytes(),
            b"=b64=x",
        ];
        for value in values {
            let line = encoded(value);
            assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
            assert_eq!(decoded(&line), value);
        }
    }

    #[test]
    fn a_copied_record_keeps_its_time() {
        let record = Outgoing {
            topic: "/a/b".parse().expect("valid"),
            key: None,
            payload: Bytes::new(),
            attributes: Vec::new(),
            id: RecordId::from_broker("id".into()),
            schema: None,
        };
        let late = Outbound::copied("s".into(), record.clone(), "p", 5, 9);
        assert_eq!(
            (published_ms(&late.headers), newest_ms(&late.headers)),
            (Some(5), Some(9))
        );
        let in_order = Outbound::copied("s".into(), record.clone(), "p", 9, 9);
        assert_eq!(newest_ms(&in_order.headers), Some(9));
        assert_eq!(newest_ms(&Outbound::new("s".into(), record, "p").headers), None);
    }

    #[test]
    fn any_name_of_an_attribute_becomes_a_header_and_comes_back() {
        for name in ["change.op", "a b", "ä:\n", "", "x"] {
            let header = attribute_header(name);
            assert!(
                header.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'),
                "{header}"
            );
            assert_eq!(attribute_name(&header).as_deref(), Some(name));
        }
        assert_eq!(attribute_name("traceparent").as_deref(), Some("traceparent"));
        assert_eq!(attribute_name("Nats-Msg-Id"), None);
        assert_eq!(attribute_name("dw-key"), None);
    }
}
