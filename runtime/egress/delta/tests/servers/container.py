"""Makes a container in Azure storage, by hand: the signature of a request with a shared key. Arguments: endpoint, account, key, name."""

import base64
import datetime
import hashlib
import hmac
import sys
import urllib.error
import urllib.request

endpoint, account, key, name = sys.argv[1:]
date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
path = f"/{account}/{account}/{name}"
text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:2021-12-02\n{path}\nrestype:container"
signature = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
request = urllib.request.Request(
    f"{endpoint}/{name}?restype=container",
    method="PUT",
    data=b"",
    headers={
        "x-ms-date": date,
        "x-ms-version": "2021-12-02",
        "Authorization": f"SharedKey {account}:{signature}",
        "Content-Type": "",
    },
)
with urllib.request.urlopen(request) as answer:
    assert answer.status == 201, answer.status
print("null")
