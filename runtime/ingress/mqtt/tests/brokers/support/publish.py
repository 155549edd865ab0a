"""Publishes what it reads: an object a line, with topic, payload, qos, retain and the properties of version 5. Ends when the
broker has acknowledged all of it. Arguments: port, user and password (or -), and 3 for version 3.1.1, which has no properties."""

import json
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
is_old = sys.argv[4:] == ["3"]
client = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311 if is_old else mqtt.MQTTv5
)
if user != "-":
    client.username_pw_set(user, password)
client.max_queued_messages_set(0)
# HiveMQ ends the connection of whoever sends more.
client.max_inflight_messages_set(10)
client.connect("127.0.0.1", port)
client.loop_start()
waiting = []
for line in sys.stdin:
    message = json.loads(line)
    properties = Properties(PacketTypes.PUBLISH)
    if "user" in message:
        properties.UserProperty = [tuple(pair) for pair in message["user"]]
    if "content_type" in message:
        properties.ContentType = message["content_type"]
    if "response_topic" in message:
        properties.ResponseTopic = message["response_topic"]
    if "correlation_data" in message:
        properties.CorrelationData = message["correlation_data"].encode()
    if "expiry_secs" in message:
        properties.MessageExpiryInterval = message["expiry_secs"]
    waiting.append(
        client.publish(
            message["topic"],
            message["payload"],
            qos=message.get("qos", 1),
            retain=message.get("retain", False),
            properties=None if is_old else properties,
        )
    )
for info in waiting:
    info.wait_for_publish(60)
    assert info.is_published(), "not acknowledged"
client.disconnect()
client.loop_stop()
