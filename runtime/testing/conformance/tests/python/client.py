"""A client that nobody here wrote, danube-client, on a broker at the URL in the first argument.

Whatever is not as it should be ends this script with an error.
"""

import asyncio
import json
import sys

import grpc
from danube.client import DanubeClientBuilder
from danube.consumer import SubType
from danube.schema import SchemaType

DEADLINE_SECONDS = 60
SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
EVOLVED = '{"type": "object", "properties": {"n": {"type": "integer"}, "s": {"type": "string"}}, "required": ["n"]}'


def check(what, got, expected):
    if got != expected:
        raise AssertionError(f"{what}: {got!r} is not {expected!r}")


async def within(awaitable):
    return await asyncio.wait_for(awaitable, DEADLINE_SECONDS)


async def subscribed(client, topic, subscription, kind, name="python"):
    consumer = (
        client.new_consumer()
        .with_topic(topic)
        .with_consumer_name(name)
        .with_subscription(subscription)
        .with_subscription_type(kind)
        .build()
    )
    await within(consumer.subscribe())
    return consumer


async def schemas(client):
    registry = client.schema()
    register = lambda text: (
        registry.register_schema("python").with_type(SchemaType.JSON_SCHEMA).with_schema_data(text.encode()).execute()
    )
    schema_id = await within(register(SCHEMA))
    check("the same text has the same id", await within(register(SCHEMA)), schema_id)
    latest = await within(registry.get_latest_schema("python"))
    check("newest", (latest.schema_id, latest.version, latest.schema_type), (schema_id, 1, "json_schema"))
    wrapped = json.loads(latest.schema_definition_as_string())
    check("text", wrapped["JsonSchema"]["raw_schema"], SCHEMA)
    compatible, errors = await within(
        registry.check_compatibility("python", EVOLVED.encode(), SchemaType.JSON_SCHEMA)
    )
    check("compatible", (compatible, errors), (True, []))
    check("the evolved text is of the same subject", await within(register(EVOLVED)), schema_id)
    check("versions", await within(registry.list_versions("python")), [1, 2])


async def one_topic(client):
    topic = "/default/python"
    producer = client.new_producer().with_topic(topic).with_name("py").with_schema_subject("python").build()
    await within(producer.create())
    consumer = await subscribed(client, topic, "s", SubType.EXCLUSIVE)
    try:
        await subscribed(client, topic, "s", SubType.EXCLUSIVE, "another")
        raise AssertionError("a second consumer of an Exclusive subscription was let in")
    except grpc.aio.AioRpcError as refusal:
        check("refusal", refusal.code(), grpc.StatusCode.FAILED_PRECONDITION)
    queue = await within(consumer.receive())
    await within(producer.send(b'{"n": 1}', {"a": "1", "b": "\u00fc"}))
    message = await within(queue.get())
    check("payload", message.payload, b'{"n": 1}')
    check("attributes", dict(message.attributes), {"a": "1", "b": "\u00fc"})
    check("producer", message.producer_name, "py")
    check("schema version", message.schema_version, 2)
    check("subscription", message.subscription_name, "s")
    await within(consumer.nack(message, delay_ms=200, reason="again, please"))
    again = await within(queue.get())
    check("the same message again", again.msg_id.topic_offset, message.msg_id.topic_offset)
    await within(consumer.ack(again))
    await consumer.close()


async def partitions(client):
    topic = "/default/python-partitions"
    producer = client.new_producer().with_topic(topic).with_name("py").with_partitions(3).build()
    await within(producer.create())
    consumer = await subscribed(client, topic, "s", SubType.KEY_SHARED)
    queue = await within(consumer.receive())
    for n in range(4):
        for key in ["a", "b", "c", "foobar"]:
            await within(producer.send_with_key(f"{key}{n}".encode(), {}, key))
    seen = {}
    for _ in range(16):
        message = await within(queue.get())
        seen.setdefault(message.routing_key, []).append((message.payload.decode(), message.msg_id.topic_name))
        await within(consumer.ack(message))
    for key, messages in seen.items():
        check(f"order of {key}", [text for text, _ in messages], [f"{key}{n}" for n in range(4)])
        check(f"one partition for {key}", len({partition for _, partition in messages}), 1)
    check("keys", sorted(seen), ["a", "b", "c", "foobar"])
    await consumer.close()


async def from_the_other_side(client):
    consumer = await subscribed(client, "/default/ours", "python", SubType.SHARED)
    queue = await within(consumer.receive())
    found = []
    for _ in range(4):
        message = await within(queue.get())
        found.append((message.routing_key, message.payload.decode(), message.attributes["x-danube-wasm-id"]))
        await within(consumer.ack(message))
    check("messages", sorted(found), [(f"k{n}", f"text {n}", f"p/c:{n}.0") for n in range(4)])
    await consumer.close()


async def main():
    client = await DanubeClientBuilder().service_url(sys.argv[1]).build()
    await schemas(client)
    await one_topic(client)
    await partitions(client)
    await from_the_other_side(client)


asyncio.run(main())
