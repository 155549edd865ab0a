"""Sends events with the CloudEvents SDK, in each mode: `send_cloudevents.py PORT`. Prints a line of JSON for each request."""

import http.client
import json
import sys
from datetime import datetime, timezone

from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

ATTRIBUTES = {
    "specversion": "1.0",
    "source": "https://example.com/shop?a=1",
    "type": "com.example.order.paid",
    "time": datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc),
    "subject": "Grüße \"€\" 100%",
}
DATA = [
    ("application/json", {"amount": 5, "customer": "Zoë"}),
    ("text/plain", "hëllo"),
    ("application/octet-stream", b"\x00\xff\x10"),
]


def send(port, headers, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/hook", body=body, headers=headers)
    answer = connection.getresponse()
    return {"status": answer.status, "answer": json.loads(answer.read())}


def main():
    port = int(sys.argv[1])
    written = []
    for number, (media_type, data) in enumerate(DATA):
        event = CloudEvent({**ATTRIBUTES, "id": str(number), "datacontenttype": media_type}, data)
        for mode, message in (("binary", to_binary_event(event)), ("structured", to_structured_event(event))):
            body = message.body if isinstance(message.body, bytes) else message.body.encode()
            print(json.dumps({"mode": mode, **send(port, dict(message.headers), body)}))
        written.append(JSONFormat().write(event))
    batch = b"[" + b",".join(w if isinstance(w, bytes) else w.encode() for w in written) + b"]"
    headers = {"content-type": "application/cloudevents-batch+json"}
    print(json.dumps({"mode": "batched", **send(port, headers, batch)}))


main()
