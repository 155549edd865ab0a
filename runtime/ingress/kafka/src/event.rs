//! A record as an event.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use danube_wasm_model::{
    clock::{now_ms, upstream_order},
    event::{Event, EventRefusal, Interests},
    identity::ORDER_ATTRIBUTE,
};

use crate::{
    config::{EventIdSource, OrderSource, ValueFormat},
    consumer::{Record, Timestamp},
    contents::Contents,
    event_id,
    limits::ORDER_OFFSET_BITS,
    routes::Route,
};

/// Header that carries a W3C trace context.
const TRACEPARENT: &str = "traceparent";
/// Header that carries a media type.
const CONTENT_TYPE: &str = "content-type";
/// What a value of a header that is not UTF-8 begins with.
const BASE64: &str = "base64:";

/// The event that a record of this route is, with these contents.
pub(crate) fn event(record: &Record, contents: Contents, route: &Route, generation: u16, wants: Interests) -> Event {
    let text = |name: &str| text_header(record, name);
    let id = match &route.config.event_id {
        EventIdSource::Offset => None,
        EventIdSource::Header(name) => text(name).filter(|id| danube_wasm_model::identity::is_event_id(id)),
    };
    let id = id
        .map(str::to_owned)
        .unwrap_or_else(|| event_id::of_place(record, route, generation));
    let mut attributes = Vec::new();
    if route.config.order == OrderSource::Offset {
        // For the host: the component need not pass it on.
        attributes.push(named(ORDER_ATTRIBUTE, order(generation, record.offset).to_string()));
    }
    if wants.attributes {
        about(record, &contents, &mut attributes);
    }
    Event {
        endpoint: route.endpoint.clone(),
        id,
        content_type: content_type(record, &contents, route.config.value),
        payload: contents.value,
        headers: if wants.headers {
            headers(record, &mut attributes)
        } else {
            Vec::new()
        },
        key: contents.key,
        received_ms: now_ms(),
        attributes,
        refusal: contents.refused.map(|error| {
            Box::new(EventRefusal {
                error,
                has_payload: true,
            })
        }),
        traceparent: text(TRACEPARENT).filter(|text| is_traceparent(text)).map(str::to_owned),
    }
}

/// Later lives of a topic are above earlier ones.
fn order(generation: u16, offset: i64) -> u64 {
    upstream_order((u64::from(generation) << ORDER_OFFSET_BITS) + offset.unsigned_abs())
}

/// What was decoded is not any more what its producer says.
fn content_type(record: &Record, contents: &Contents, format: ValueFormat) -> String {
    if contents.is_json {
        return "application/json".to_owned();
    }
    let named = text_header(record, CONTENT_TYPE).map(str::to_owned);
    named.unwrap_or_else(|| media_type(format).to_owned())
}

fn media_type(format: ValueFormat) -> &'static str {
    match format {
        ValueFormat::Json => "application/json",
        ValueFormat::RegistryProtobuf => "application/x-protobuf",
        ValueFormat::Bytes | ValueFormat::Registry => "",
    }
}

fn about(record: &Record, contents: &Contents, attributes: &mut Vec<(String, String)>) {
    attributes.extend([
        named("kafka.topic", &*record.partition.topic),
        named("kafka.partition", record.partition.number.to_string()),
        named("kafka.offset", record.offset.to_string()),
    ]);
    let timestamp = match record.timestamp {
        Timestamp::Absent => None,
        Timestamp::Create(ms) => Some((ms, "create")),
        Timestamp::LogAppend(ms) => Some((ms, "log-append")),
    };
    if let Some((ms, kind)) = timestamp {
        attributes.push(named("kafka.timestamp", ms.to_string()));
        attributes.push(named("kafka.timestamp-type", kind));
    }
    if record.value.is_none() {
        attributes.push(named("kafka.tombstone", "true"));
        attributes.push(named("change.op", "delete"));
    }
    let ids = [
        ("kafka.schema-id", contents.schema_id),
        ("kafka.key-schema-id", contents.key_schema_id),
    ];
    attributes.extend(
        ids.into_iter()
            .filter_map(|(name, id)| Some(named(name, id?.to_string()))),
    );
    if !contents.message_index.is_empty() {
        let index: Vec<_> = contents.message_index.iter().map(i32::to_string).collect();
        attributes.push(named("kafka.message-index", index.join(",")));
    }
}

/// In their order, with repeats, names in lower case as those of all headers. What a string cannot say is marked.
fn headers(record: &Record, attributes: &mut Vec<(String, String)>) -> Vec<(String, String)> {
    let (mut binary, mut absent) = (Vec::new(), Vec::new());
    let each = record.headers.iter().flatten().map(|(name, value)| {
        let name = name.to_lowercase();
        let text = match value
            .as_ref()
            .map(|value| std::str::from_utf8(value).map_err(|_| value))
        {
            None => {
                absent.push(name.clone());
                String::new()
            }
            Some(Ok(text)) => text.to_owned(),
            Some(Err(bytes)) => {
                binary.push(name.clone());
                format!("{BASE64}{}", STANDARD.encode(bytes))
            }
        };
        (name, text)
    });
    let headers = each.collect();
    for (name, marked) in [("kafka.binary-headers", binary), ("kafka.null-headers", absent)] {
        if !marked.is_empty() {
            attributes.push(named(name, marked.join(",")));
        }
    }
    headers
}

fn text_header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let mut all = record.headers.iter().flatten();
    let (_, value) = all.find(|(of, _)| of.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(value.as_deref()?).ok()
}

fn named(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// `00-32 hex-16 hex-2 hex`.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<_> = text
        .split('-')
        .map(|part| (part.len(), part.bytes().all(|b| b.is_ascii_hexdigit())))
        .collect();
    parts == [(2, true), (32, true), (16, true), (2, true)] && text.starts_with("00-")
}
