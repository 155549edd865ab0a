# Reads collections with PyPI's qdrant-client, which knows nothing of us. Prints its port; a connection sends a line of JSON,
# [URL, COLLECTION, API-KEY or null], and gets a line of JSON for each point. Ends with the process that has started it.
import json
import os
import socketserver
import threading
import time
from urllib.parse import urlparse

from qdrant_client import QdrantClient


def read(url, collection, key):
    url = urlparse(url)
    client = QdrantClient(
        host=url.hostname, grpc_port=url.port, prefer_grpc=True, https=url.scheme == "https", api_key=key, check_compatibility=False
    )
    offset = None
    while True:
        points, offset = client.scroll(collection, limit=1000, offset=offset, with_payload=True, with_vectors=True)
        for point in points:
            vector = point.vector
            if isinstance(vector, dict):
                vector = {name: one.model_dump() if hasattr(one, "model_dump") else one for name, one in vector.items()}
            yield {"id": point.id, "payload": point.payload, "vector": vector}
        if offset is None:
            return


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        for point in read(*json.loads(self.rfile.readline())):
            self.wfile.write(json.dumps(point).encode() + b"\n")
        self.wfile.write(b"end\n")


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection)
threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
print(server.server_address[1], flush=True)
server.serve_forever()
