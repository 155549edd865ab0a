# ClickHouse's HTTP interface in front of its engine as a library (chdb). Arguments: a directory for the engine, and a user with a
# password (`user:password`), or nothing. Prints its port. What is sent is run by the engine as it is: an insert's rows go into a
# file, which the engine reads as the format that the insert names; settings and parameters of the URL are the query's.
import base64
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

directory = sys.argv[1]
login = sys.argv[2] if len(sys.argv) > 2 else None
engine = session.Session(os.path.join(directory, "engine"))
turn = threading.Lock()
files = iter(range(1 << 60))
# Of the HTTP interface, not of the query.
OWN = {"query", "database", "wait_end_of_query", "query_id", "user", "password"}
NOT_FOUND = {60, 81}
NO_RIGHTS = {192, 193, 194, 497, 516}


def literal(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def run(query: str, given: dict, body: bytes, encoding: str) -> bytes:
    parameters = {name[len("param_"):]: value for name, value in given.items() if name.startswith("param_")}
    settings = {name: value for name, value in given.items() if name not in OWN and not name.startswith("param_")}
    listed = ", ".join(f"{name} = {literal(value)}" for name, value in settings.items())
    insert = re.fullmatch(r"(?s)\s*(INSERT INTO .+?)\s+FORMAT\s+(\w+)\s*", query) if body else None
    if not insert:
        if listed:
            before, format_, name = query.rpartition(" FORMAT ")
            query = f"{before or name} SETTINGS {listed}" + (f" FORMAT {name}" if format_ else "")
        return engine.query(query, "TabSeparated", params=parameters).bytes()
    path = os.path.join(directory, f"rows-{next(files)}")
    with open(path, "wb") as file:
        file.write(body)
    try:
        compression = {"": "none", "zstd": "zstd"}[encoding]
        text = f"{insert[1]} FROM INFILE {literal(path)} COMPRESSION '{compression}'"
        text += (f" SETTINGS {listed}" if listed else "") + f" FORMAT {insert[2]}"
        return engine.query(text, params=parameters).bytes()
    finally:
        os.remove(path)


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if login:
            expected = "Basic " + base64.b64encode(login.encode()).decode()
            if self.headers.get("authorization") != expected:
                name = login.split(":")[0]
                text = f"Code: 516. DB::Exception: {name}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)"
                return self.answer(403, text.encode(), 516)
        # A query is in the URL, with its data behind it, or is the body.
        query, data = (given["query"], body) if "query" in given else (body.decode(), b"")
        try:
            with turn:
                result = run(query, given, data, self.headers.get("content-encoding", ""))
        except RuntimeError as error:
            found = re.search(r"Code: (\d+)\.", str(error))
            code = int(found[1]) if found else 1002
            status = 404 if code in NOT_FOUND else 403 if code in NO_RIGHTS else 500
            return self.answer(status, str(error).encode(), code)
        self.answer(200, result, None)

    def do_GET(self) -> None:
        self.answer(200, b"Ok.\n", None)

    def answer(self, status: int, body: bytes, code: int | None) -> None:
        self.send_response(status)
        self.send_header("X-ClickHouse-Summary", json.dumps({}))
        self.send_header("Content-Length", str(len(body)))
        if code is not None:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


# A test that was killed ends nothing any more.
threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
