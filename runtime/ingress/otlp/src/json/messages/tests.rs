//! The tables against the protocol's descriptors, with `prost-reflect` as the reference.

use std::collections::BTreeSet;

use opentelemetry_proto::{
    DESCRIPTORS,
    tonic::collector::{
        logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse},
        metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse},
        trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    },
};
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor, Value,
};

use crate::json::{Message, Object, read};

fn descriptor(name: &str) -> MessageDescriptor {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("the descriptors of the crate");
    pool.get_message_by_name(&format!("opentelemetry.proto.collector.{name}"))
        .unwrap_or_else(|| panic!("no message {name}"))
}

/// A message all of whose fields have another value than their default. `turn` says which variants of a oneof.
fn full(descriptor: &MessageDescriptor, turn: usize, depth: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        // Optional fields of proto3 are a oneof of their own.
        let choice = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        if choice.is_some_and(|oneof| !is_chosen(&oneof, &field, turn)) {
            continue;
        }
        if depth == 0 && matches!(field.kind(), Kind::Message(_)) {
            continue;
        }
        let value = value(&field, turn, depth);
        message.set_field(
            &field,
            if field.cardinality() == Cardinality::Repeated {
                Value::List(vec![value.clone(), value])
            } else {
                value
            },
        );
    }
    message
}

fn is_chosen(oneof: &OneofDescriptor, field: &FieldDescriptor, turn: usize) -> bool {
    let count = oneof.fields().count();
    oneof.fields().nth(turn % count).as_ref() == Some(field)
}

fn value(field: &FieldDescriptor, turn: usize, depth: usize) -> Value {
    match field.kind() {
        Kind::Double => Value::F64([f64::INFINITY, -0.0, 1e-9, f64::NEG_INFINITY][turn % 4]),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(-7),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(i64::MIN),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(u32::MAX),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(u64::MAX),
        Kind::Bool => Value::Bool(true),
        Kind::String => Value::String("\"text\"\n\u{1f600}".to_owned()),
        Kind::Bytes => Value::Bytes(vec![0xfb, 0xff, 0, 1].into()),
        Kind::Enum(_) => Value::EnumNumber(2),
        Kind::Message(of) => Value::Message(full(&of, turn, depth - 1)),
        Kind::Float => panic!("OTLP has none"),
    }
}

/// Every name at any depth.
fn names(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                found.insert(name.clone());
                names(value, found);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

/// What the reference makes of it: protobuf's canonical JSON, with the deviations of OTLP.
fn canonical(message: &DynamicMessage) -> serde_json::Value {
    let options = prost_reflect::SerializeOptions::new().use_enum_numbers(true);
    let mut json = message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .expect("JSON");
    ids_as_hex(&mut json);
    json
}

fn ids_as_hex(json: &mut serde_json::Value) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    match json {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    serde_json::Value::String(text)
                        if ["traceId", "spanId", "parentSpanId"].contains(&name.as_str()) =>
                    {
                        *text = hex::encode(STANDARD.decode(&*text).expect("base64"));
                    }
                    value => ids_as_hex(value),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(ids_as_hex),
        _ => {}
    }
}

/// Holds a message's table to its descriptor.
fn agrees_with_prost_reflect<M: Message + prost::Message + PartialEq + std::fmt::Debug>(name: &str) {
    let descriptor = descriptor(name);
    let mut found = BTreeSet::new();
    // As many turns as the largest oneof has variants, at a depth that reaches values in attributes of exemplars.
    for turn in 0..8 {
        let dynamic = full(&descriptor, turn, 11);
        let message: M = dynamic.transcode_to().expect("the same message");
        let mut text = Vec::new();
        Object::write(&mut text, &message);
        let ours: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let theirs = canonical(&dynamic);
        assert!(ours == theirs, "{name}, turn {turn}:\n{ours}\n{theirs}");
        assert_eq!(read::<M>(&text).expect("what we wrote"), message);
        names(&ours, &mut found);
    }
    println!("{name}: {} names", found.len());
}

#[test]
fn every_field_of_the_protocol_is_written_and_read_as_its_descriptor_says() {
    agrees_with_prost_reflect::<ExportTraceServiceRequest>("trace.v1.ExportTraceServiceRequest");
    agrees_with_prost_reflect::<ExportTraceServiceResponse>("trace.v1.ExportTraceServiceResponse");
    agrees_with_prost_reflect::<ExportLogsServiceRequest>("logs.v1.ExportLogsServiceRequest");
    agrees_with_prost_reflect::<ExportLogsServiceResponse>("logs.v1.ExportLogsServiceResponse");
    agrees_with_prost_reflect::<ExportMetricsServiceRequest>("metrics.v1.ExportMetricsServiceRequest");
    agrees_with_prost_reflect::<ExportMetricsServiceResponse>("metrics.v1.ExportMetricsServiceResponse");
}

#[test]
fn an_empty_message_is_an_empty_object() {
    let mut text = Vec::new();
    Object::write(&mut text, &ExportTraceServiceRequest::default());
    assert_eq!(text, b"{}");
    assert_eq!(
        read::<ExportTraceServiceRequest>(b" {} ").unwrap(),
        ExportTraceServiceRequest::default()
    );
}
