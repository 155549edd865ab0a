"""An independent producer of records with schemas in a registry: Confluent's serializers. Does what its scenario says, and prints the ids
that the registry has given out, as JSON."""

import datetime
import decimal
import json
import sys

from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

url, brokers, topic, scenario = sys.argv[1:]
registry = SchemaRegistryClient({"url": url})
producer = Producer({"bootstrap.servers": brokers, "enable.idempotence": True})
of_value = SerializationContext(topic, MessageField.VALUE)
of_key = SerializationContext(topic, MessageField.KEY)
ids = []


def failed(error, _):
    if error is not None:
        sys.exit(str(error))


def produce(value, key=None):
    if value is not None and value[:1] == b"\0":
        ids.append(int.from_bytes(value[1:5], "big"))
    producer.produce(topic, key=key, value=value, on_delivery=failed)


def register(name, text, kind, references=()):
    registry.register_schema(name, Schema(text, kind, [SchemaReference(*one) for one in references]))


def avro():
    address = {"type": "record", "name": "Address", "namespace": "shop.common", "fields": [
        {"name": "city", "type": "string"}, {"name": "country", "type": "Country"}]}
    country = {"type": "enum", "name": "Country", "namespace": "shop.common", "symbols": ["CH", "DE"]}
    register("country", json.dumps(country), "AVRO")
    register("address", json.dumps(address), "AVRO", [["shop.common.Country", "country", 1]])
    order = {"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "id", "type": "long"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "note", "type": ["null", "string"]},
        {"name": "to", "type": "shop.common.Address"},
        {"name": "back", "type": ["null", "shop.common.Address"]},
        {"name": "tags", "type": {"type": "map", "values": "int"}},
        {"name": "raw", "type": "bytes"}]}
    references = [SchemaReference("shop.common.Address", "address", 1)]
    value = AvroSerializer(registry, Schema(json.dumps(order), "AVRO", references))
    key = AvroSerializer(registry, '"string"')
    document = {"id": 9007199254740993, "price": decimal.Decimal("-12.30"), "day": datetime.date(2024, 5, 1),
                "at": datetime.datetime(2024, 5, 1, 12, 0, 0, 250000, tzinfo=datetime.timezone.utc), "note": None,
                "to": {"city": "Zürich", "country": "CH"}, "back": {"city": "Köln", "country": "DE"},
                "tags": {"a": 1}, "raw": b"\x00\xff"}
    produce(value(document, of_value), key("order-1", of_key))
    produce(value({**document, "id": 2, "note": "x", "back": None}, of_value), key("order-2", of_key))
    # A deletion has no value, and a key all the same.
    produce(None, key("order-1", of_key))
    # One version later, beside the one before.
    order["fields"].append({"name": "more", "type": "boolean", "default": False})
    value = AvroSerializer(registry, Schema(json.dumps(order), "AVRO", references))
    produce(value({**document, "id": 3, "more": True}, of_value), key("order-3", of_key))


def messages():
    field, pool = descriptor_pb2.FieldDescriptorProto, descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)

    def message(name, *fields, nested=()):
        made = descriptor_pb2.DescriptorProto(name=name, nested_type=nested)
        for number, (of, kind, kind_name) in enumerate(fields, 1):
            made.field.add(name=of, number=number, type=kind, type_name=kind_name, label=field.LABEL_OPTIONAL)
        return made

    def file(name, package, dependency, *of):
        pool.Add(descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3", dependency=dependency, message_type=of))
        return pool.FindFileByName(name)

    file("common/address.proto", "common", [], message("Address", ("city", field.TYPE_STRING, None)))
    line = message("Line", ("sku", field.TYPE_STRING, None))
    inner = message("Inner", ("quantity", field.TYPE_INT32, None))
    found = file(
        "order.proto", "shop", ["common/address.proto", "google/protobuf/timestamp.proto"],
        message("First", ("a", field.TYPE_INT32, None)),
        message("Order", ("order_id", field.TYPE_INT64, None), ("to", field.TYPE_MESSAGE, ".common.Address"),
                ("at", field.TYPE_MESSAGE, ".google.protobuf.Timestamp"), ("inner", field.TYPE_MESSAGE, ".shop.Order.Inner"),
                nested=[line, inner]))
    return found.message_types_by_name


def protobuf():
    types = messages()
    first = message_factory.GetMessageClass(types["First"])
    order = message_factory.GetMessageClass(types["Order"])
    inner = message_factory.GetMessageClass(types["Order"].nested_types_by_name["Inner"])
    made = order(order_id=7, inner=inner(quantity=3))
    made.to.city = "Bern"
    made.at.FromJsonString("2024-05-01T12:00:00Z")
    for one in [first(a=1), made, inner(quantity=5)]:
        serializer = ProtobufSerializer(type(one), registry, {"use.deprecated.format": False})
        produce(serializer(one, of_value))


def protobuf_text():
    """As Confluent's clients for Java register it: a text, here with what only the registry has."""
    types = messages()
    register("common/address.proto", 'syntax = "proto3"; package common; message Address { string city = 1; }', "PROTOBUF")
    text = """syntax = "proto3";
package shop;
import "common/address.proto";
import "google/protobuf/timestamp.proto";
message First { int32 a = 1; }
message Order {
  int64 order_id = 1;
  common.Address to = 2;
  google.protobuf.Timestamp at = 3;
  Inner inner = 4;
  message Line { string sku = 1; }
  message Inner { int32 quantity = 1; }
}
"""
    references = [SchemaReference("common/address.proto", "common/address.proto", 1)]
    number = registry.register_schema(topic + "-value", Schema(text, "PROTOBUF", references))
    inner = message_factory.GetMessageClass(types["Order"].nested_types_by_name["Inner"])
    # Two places, 1 and 1, zig-zag. This client reads no texts, so it cannot write it.
    produce(b"\0" + number.to_bytes(4, "big") + b"\x04\x02\x02" + inner(quantity=8).SerializeToString())


def json_schema():
    draft = "http://json-schema.org/draft-07/schema#"
    address = {"$schema": draft, "$id": "http://shop.example/address.json", "title": "Address", "type": "object",
               "properties": {"city": {"$ref": "#/definitions/city"}}, "definitions": {"city": {"type": "string"}}}
    register("http://shop.example/address.json", json.dumps(address), "JSON")
    order = {"$schema": draft, "$id": "http://shop.example/order.json", "title": "Order", "type": "object",
             "properties": {"id": {"type": "integer"}, "to": {"$ref": "address.json"}}, "required": ["id"]}
    name = "http://shop.example/address.json"
    # The client's own validator does not resolve it beside the `$id`.
    value = JSONSerializer(Schema(json.dumps(order), "JSON", [SchemaReference(name, name, 1)]), registry, conf={"validate": False})
    produce(value({"id": 1, "to": {"city": "Bern"}}, of_value))
    produce(value({"id": 2, "to": {"city": 7}}, of_value))


def poison():
    value = AvroSerializer(registry, json.dumps({"type": "record", "name": "Number", "fields": [{"name": "n", "type": "int"}]}))
    produce(value({"n": 0}, of_value))
    produce(b"\0\x00\x0f\x42\x3fx")
    produce(value({"n": 1}, of_value))
    produce(value({"n": 2}, of_value) + b"more")
    produce(b'{"n": 3}')
    produce(b"\0\xff\xff\xff\xff\x02")
    produce(value({"n": 4}, of_value))


globals()[scenario]()
if producer.flush(30):
    sys.exit("not everything could be produced")
print(json.dumps(ids))
