"""A gate in front of a schema registry: lets in whom it knows, forwards what is asked, and counts it. With a certificate it speaks TLS."""

import json
import ssl
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, behind, authorization, pem, answer = json.loads(sys.argv[1])
asked = {}


class Gate(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/asked":
            return self.say(200, json.dumps(asked).encode())
        asked[self.path] = asked.get(self.path, 0) + 1
        if authorization and self.headers["authorization"] != authorization:
            return self.say(401, json.dumps({"error_code": 401, "message": f"not {self.headers['authorization']}"}).encode())
        if answer:
            return self.say(*answer[:1], answer[1].encode())
        try:
            with urllib.request.urlopen(behind + self.path) as got:
                self.say(got.status, got.read())
        except urllib.error.HTTPError as error:
            self.say(error.code, error.read())

    def say(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", port), Gate)
if pem:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
