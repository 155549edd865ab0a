#!/usr/bin/env python3
"""Stands for the warehouse: takes signed webhooks, each event once.

    receiver.py [PORT [FILE]]

Verifies the signature as the Standard Webhooks specification says, and writes each event that is new to FILE before it
answers: a line of JSON with its id. Needs nothing but Python 3. WAREHOUSE_SECRET is the secret.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import threading
import time

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 9200
FILE = sys.argv[2] if len(sys.argv) > 2 else "received.jsonl"
SECRET = os.environ.get("WAREHOUSE_SECRET", "whsec_ZGVtbyBzZWNyZXQgb2YgdGhlIGV4YW1wbGU=")
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
TOLERANCE_SECS = 300

lock = threading.Lock()
known = set()
if os.path.exists(FILE):
    with open(FILE, encoding="utf-8") as lines:
        known = {json.loads(line)["id"] for line in lines if line.endswith("\n")}
log = open(FILE, "a", encoding="utf-8")


def is_signed(headers, body: bytes) -> bool:
    sent_at = headers.get("webhook-timestamp", "")
    if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > TOLERANCE_SECS:
        return False
    signed = f"{headers.get('webhook-id')}.{sent_at}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(wanted, one) for one in headers.get("webhook-signature", "").split())


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(self.take(body))
        self.send_header("content-length", "0")
        self.end_headers()

    def take(self, body: bytes) -> int:
        if not is_signed(self.headers, body):
            return 401
        event_id = self.headers["webhook-id"]
        with lock:
            if event_id in known:
                print(f"{event_id} again", flush=True)
                return 204
            log.write(json.dumps({"id": event_id, "event": json.loads(body)}) + "\n")
            log.flush()
            os.fsync(log.fileno())
            known.add(event_id)
        print(event_id, body.decode(), flush=True)
        return 204

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", PORT), Receiver) as server:
        print(f"listening on {server.server_address[1]}, writing to {FILE}", flush=True)
        server.serve_forever()
