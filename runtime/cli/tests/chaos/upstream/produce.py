"""Commits what it reads, an object a line with id, key and body, and prints the id once the server has it. Tries again by itself while the
server is away. Arguments: mqtt, kafka or otlp, the port, and the topic or path."""

import json
import sys


def mqtt(port, topic):
    import uuid

    import paho.mqtt.client as paho

    # A session, so that what was under way at a restart of the server is finished and not published once more.
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2,
        client_id=str(uuid.uuid4()),
        protocol=paho.MQTTv311,
        clean_session=False,
    )
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", port)
    client.loop_start()

    def commit(event):
        client.publish(f"{topic}/{event['key']}", json.dumps(event["body"]), qos=2).wait_for_publish()

    return commit


def kafka(port, topic):
    from confluent_kafka import Producer

    producer = Producer(
        {"bootstrap.servers": f"127.0.0.1:{port}", "enable.idempotence": True, "linger.ms": 0}
    )

    def commit(event):
        failed = []

        def done(error, _message):
            if error is not None:
                failed.append(error)

        producer.produce(topic, key=event["key"], value=json.dumps(event["body"]), on_delivery=done)
        producer.flush()
        if failed:
            sys.exit(str(failed[0]))

    return commit


def otlp(port, path):
    import time
    import urllib.request

    def send(body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", data=body, headers={"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            rejected = json.load(answer).get("partialSuccess")
            assert not rejected, rejected

    def commit(event):
        record = {"timeUnixNano": str(event["id"] + 1), "body": {"stringValue": json.dumps(event["body"])}}
        body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
        while True:
            try:
                return send(body)
            # Also an answer 503.
            except OSError:
                time.sleep(0.02)

    return commit


commit = {"mqtt": mqtt, "kafka": kafka, "otlp": otlp}[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
for line in sys.stdin:
    event = json.loads(line)
    commit(event)
    print(event["id"], flush=True)
