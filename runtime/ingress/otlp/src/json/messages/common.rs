//! Attributes, resources and scopes.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value},
    resource::v1::Resource,
};

use crate::json::kinds::{Base64, Bool, Double, Int, List, Long, Msg, Optional, Text};

message! { AnyValue {} oneof value: any_value::Value {
    StringValue: Text = "stringValue",
    BoolValue: Bool = "boolValue",
    IntValue: Long = "intValue",
    DoubleValue: Double = "doubleValue",
    ArrayValue: Msg = "arrayValue",
    KvlistValue: Msg = "kvlistValue",
    BytesValue: Base64 = "bytesValue",
    StringValueStrindex: Int = "stringValueStrindex",
} }

message! { ArrayValue {
    values: List<Msg> = "values",
} }

message! { KeyValueList {
    values: List<Msg> = "values",
} }

message! { KeyValue {
    key: Text = "key",
    value: Optional<Msg> = "value",
    key_strindex: Int = "keyStrindex",
} }

message! { InstrumentationScope {
    name: Text = "name",
    version: Text = "version",
    attributes: List<Msg> = "attributes",
    dropped_attributes_count: Int = "droppedAttributesCount",
} }

message! { EntityRef {
    schema_url: Text = "schemaUrl",
    r#type: Text = "type",
    id_keys: List<Text> = "idKeys",
    description_keys: List<Text> = "descriptionKeys",
} }

message! { Resource {
    attributes: List<Msg> = "attributes",
    dropped_attributes_count: Int = "droppedAttributesCount",
    entity_refs: List<Msg> = "entityRefs",
} }
