#!/usr/bin/env python3
"""Posts the bodies of a sender as that sender does: signed, with its headers.

    send.py SENDER [FILE…]

SENDER is a name of this folder, such as `shopify`; FILE is one of its bodies, all without any. Prints the status of each answer
and its body. URL says where to, and the variable of SENDER.toml its secret. With FORGED=1 the secret is another
one, and 401 is what you should see. Needs Python 3, and openssl for Discord. Ends non-zero if nobody answered.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

HERE = pathlib.Path(__file__).resolve().parent
# A private key to try it with; its public key is in README.md.
DISCORD_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"


class Request:
    def __init__(self, sender, url, secret, file):
        self.sender, self.url, self.secret, self.file = sender, url, secret, file
        self.body = file.read_bytes()
        self.event = file.stem
        self.now = str(int(time.time()))
        self.id = str(uuid.uuid5(uuid.NAMESPACE_URL, file.name))
        kind = "application/x-www-form-urlencoded" if file.suffix == ".form" else "application/json"
        self.headers = {"content-type": kind}

    def mac(self, *parts, key=None, digest="sha256"):
        key = self.secret.encode() if key is None else key
        return hmac.new(key, b"".join(p if isinstance(p, bytes) else p.encode() for p in parts), digest)

    def base64(self, *parts, **how):
        return base64.b64encode(self.mac(*parts, **how).digest()).decode()

    def add(self, **headers):
        self.headers.update({name.replace("_", "-"): value for name, value in headers.items()})


def adyen(r):
    notification = json.loads(r.body)
    names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
    for wrapped in notification["notificationItems"]:
        item = wrapped["NotificationRequestItem"]
        fields = [item.get(name, "") for name in names]
        fields += [str(item["amount"]["value"]), item["amount"]["currency"], item["eventCode"], item["success"]]
        item["additionalData"]["hmacSignature"] = r.base64(":".join(fields), key=bytes.fromhex(r.secret))
    r.body = json.dumps(notification).encode()


def discord(r):
    # An Ed25519 key in PKCS #8 is this prefix and the seed. The secret of the pipeline is the public key.
    seed = bytes(32) if os.environ.get("FORGED") else bytes.fromhex(os.environ.get("DISCORD_SEED", DISCORD_SEED))
    key = bytes.fromhex("302e020100300506032b657004220420") + seed
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "key").write_bytes(key)
        (folder / "message").write_bytes(r.now.encode() + r.body)
        sign = ["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", folder / "key", "-in", folder / "message"]
        made = subprocess.run(sign, check=True, capture_output=True).stdout
    r.add(x_signature_ed25519=made.hex(), x_signature_timestamp=r.now)


def event_grid(r):
    r.url += "?code=" + urllib.parse.quote(r.secret)
    r.add(aeg_event_type="SubscriptionValidation" if r.event == "validation" else "Notification")


def gitea(r):
    r.add(x_gitea_signature=r.mac(r.body).hexdigest(), x_gitea_event=r.event, x_gitea_delivery=r.id)


def github(r):
    r.add(x_hub_signature_256="sha256=" + r.mac(r.body).hexdigest(), x_github_event=r.event, x_github_delivery=r.id)


def gitlab(r):
    r.add(x_gitlab_token=r.secret, x_gitlab_event=f"{r.event.title()} Hook", x_gitlab_event_uuid=r.id)


def hubspot(r):
    now = r.now + "000"
    r.add(x_hubspot_signature_v3=r.base64("POST", r.signed_url, r.body, now), x_hubspot_request_timestamp=now)


def intercom(r):
    r.add(x_hub_signature="sha1=" + r.mac(r.body, digest="sha1").hexdigest())


def linear(r):
    # It says in the body when it was sent.
    r.body = json.dumps({**json.loads(r.body), "webhookTimestamp": int(r.now) * 1000}).encode()
    r.add(linear_signature=r.mac(r.body).hexdigest(), linear_event=r.event.title(), linear_delivery=r.id)


def meta(r):
    r.add(x_hub_signature_256="sha256=" + r.mac(r.body).hexdigest())


def sentry(r):
    r.add(sentry_hook_signature=r.mac(r.body).hexdigest(), sentry_hook_resource=r.event, request_id=r.id)


def shopify(r):
    topic = r.event.replace("_", "/", 1)
    r.add(x_shopify_hmac_sha256=r.base64(r.body), x_shopify_topic=topic, x_shopify_webhook_id=r.id)


def slack(r):
    made = r.mac(f"v0:{r.now}:", r.body).hexdigest()
    r.add(x_slack_signature=f"v0={made}", x_slack_request_timestamp=r.now)


def sns(r):
    # Only Amazon can sign: this one is refused.
    r.add(x_amz_sns_message_type=json.loads(r.body)["Type"])


def square(r):
    r.add(x_square_hmacsha256_signature=r.base64(r.signed_url, r.body))


def standard(prefix):
    def sign(r):
        key = base64.b64decode(r.secret.removeprefix("whsec_"))
        made = "v1," + r.base64(f"{r.id}.{r.now}.", r.body, key=key)
        r.headers.update({f"{prefix}-id": r.id, f"{prefix}-timestamp": r.now, f"{prefix}-signature": made})

    return sign


def stripe(r):
    r.add(stripe_signature=f"t={r.now},v1=" + r.mac(f"{r.now}.", r.body).hexdigest())


def twilio(r):
    fields = sorted(urllib.parse.parse_qsl(r.body.decode(), keep_blank_values=True))
    text = r.signed_url + "".join(name + value for name, value in fields)
    r.add(x_twilio_signature=r.base64(text, digest="sha1"), i_twilio_idempotency_token=r.id)


def zoom(r):
    made = r.mac(f"v0:{r.now}:", r.body).hexdigest()
    r.add(x_zm_signature=f"v0={made}", x_zm_request_timestamp=r.now)


SENDERS = {
    "adyen": adyen,
    "discord": discord,
    "event-grid": event_grid,
    "gitea": gitea,
    "github": github,
    "gitlab": gitlab,
    "hubspot": hubspot,
    "intercom": intercom,
    "linear": linear,
    "meta": meta,
    "sentry": sentry,
    "shopify": shopify,
    "slack": slack,
    "sns": sns,
    "square": square,
    "standard-webhooks": standard("webhook"),
    "stripe": stripe,
    "svix": standard("svix"),
    "twilio": twilio,
    "zoom": zoom,
}


def secret_of(sender):
    """That of the pipeline file's variable."""
    text = (HERE / f"{sender}.toml").read_text(encoding="utf-8")
    found = re.search(r'^auth = .*secrets = \["\$\{(\w+)\}"\]', text, re.MULTILINE)
    secret = os.environ.get(found[1], "") if found else "none is needed"
    if not secret:
        sys.exit(f"set {found[1]} to the secret that the pipeline was started with")
    if not os.environ.get("FORGED"):
        return secret
    # Of the same shape, so that the signature alone is wrong.
    return secret[:-9] + ("0" if secret[-9:-8] != "0" else "1") + secret[-8:]


def post(r):
    request = urllib.request.Request(r.url, data=r.body, headers=r.headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in SENDERS:
        sys.exit(f"usage: {sys.argv[0]} SENDER [FILE…]\nsenders: {', '.join(SENDERS)}")
    sender = sys.argv[1]
    url = os.environ.get("URL", f"http://127.0.0.1:8083/webhooks/{sender}")
    files = [pathlib.Path(file) for file in sys.argv[2:]] or sorted((HERE / "bodies" / sender).iterdir())
    for file in files:
        request = Request(sender, url, secret_of(sender), file)
        # What the sender believes that the URL is.
        request.signed_url = os.environ.get("WEBHOOK_URL", url)
        SENDERS[sender](request)
        try:
            status, body = post(request)
        except OSError as error:
            sys.exit(f"{url} did not answer ({error}); is the pipeline running?")
        print(status, file.name, body, flush=True)


if __name__ == "__main__":
    main()
