"""An API to try the connector with: GET /orders?after=ID&limit=N gives orders behind an id, and POST /orders makes one."""

from __future__ import annotations

import http.server
import json
import urllib.parse

orders = [{"id": n, "customer": f"c-{n % 3}", "total": n * 10} for n in range(1, 26)]


class Api(http.server.BaseHTTPRequestHandler):
    def answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        if self.headers.get("authorization") != "Bearer example":
            return self.answer(401, {"error": "who are you?"})
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        after, limit = int(query.get("after", ["0"])[0]), int(query.get("limit", ["10"])[0])
        self.answer(200, {"orders": orders[after : after + limit], "more": after + limit < len(orders)})

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        orders.append({**given, "id": len(orders) + 1})
        self.answer(201, orders[-1])


if __name__ == "__main__":
    print("http://127.0.0.1:8095/orders", flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", 8095), Api).serve_forever()
