#!/usr/bin/env python3
"""An API with a cursor: GET /orders?cursor=N gives ten orders behind N, and POST /orders makes one."""

import http.server
import json
import os
import urllib.parse

PAGE = 10
orders = [{"id": n, "customer": f"c-{n % 3}", "total": n * 10} for n in range(1, 26)]


class Api(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        if self.headers.get("authorization") != os.environ.get("ORDERS_TOKEN", "Bearer example"):
            return self.answer(401, {"error": "who are you?"})
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        begin = int(query.get("cursor", ["0"])[0])
        page = orders[begin : begin + PAGE]
        more = begin + PAGE < len(orders)
        self.answer(200, {"data": page, "next": str(begin + PAGE) if more else None})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or "{}")
        orders.append({"id": len(orders) + 1, "customer": body.get("customer", "c-0"), "total": body.get("total", 0)})
        self.answer(201, orders[-1])


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8095"))), Api)
    print(f"http://{server.server_address[0]}:{server.server_address[1]}/orders", flush=True)
    server.serve_forever()
