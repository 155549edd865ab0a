#!/usr/bin/env python3
"""Signs webhooks as their senders do, with the senders' own libraries where they have one.

Reads one JSON object a line, {"sender", "secret", "body", "time", "id", "method", "url"}, and answers each with a line:
{"headers": {...}, "body": "..."}. Where a library only verifies, the signature is made here by the published algorithm, and the
library must accept it.
"""

import base64
import hashlib
import hmac
import json
import sys
from datetime import datetime, timezone
from urllib.parse import parse_qs


def digest(secret, message, algorithm="sha256"):
    key = secret if isinstance(secret, bytes) else secret.encode()
    return hmac.new(key, message.encode(), algorithm).digest()


def plain(header, prefix="", algorithm="sha256", base=None):
    """Senders without a library for Python: HMAC of the body."""

    def sign(ask):
        made = digest(ask["secret"], ask["body"], algorithm)
        return {header: prefix + (base64.b64encode(made).decode() if base else made.hex())}

    return sign


def stripe(ask):
    from stripe import WebhookSignature

    header = WebhookSignature.generate_signature_header(ask["body"], ask["secret"], timestamp=ask["time"])
    return {"stripe-signature": header}


def standard(prefix, library):
    def sign(ask):
        if ask["secret"].startswith("ed25519:"):
            made = asymmetric(ask)
        else:
            webhook = library()(ask["secret"])
            made = webhook.sign(ask["id"], datetime.fromtimestamp(ask["time"], tz=timezone.utc), ask["body"])
        return {
            f"{prefix}-id": ask["id"],
            f"{prefix}-timestamp": str(ask["time"]),
            f"{prefix}-signature": made,
        }

    return sign


def asymmetric(ask):
    from nacl.signing import SigningKey

    key = SigningKey(bytes.fromhex(ask["secret"].removeprefix("ed25519:")))
    made = key.sign(f"{ask['id']}.{ask['time']}.{ask['body']}".encode()).signature
    return "v1a," + base64.b64encode(made).decode()


def svix_library():
    from svix.webhooks import Webhook

    return Webhook


def standard_library():
    from standardwebhooks.webhooks import Webhook

    return Webhook


def slack(ask):
    from slack_sdk.signature import SignatureVerifier

    made = SignatureVerifier(ask["secret"]).generate_signature(timestamp=str(ask["time"]), body=ask["body"])
    return {"x-slack-signature": made, "x-slack-request-timestamp": str(ask["time"])}


def zoom(ask):
    made = digest(ask["secret"], f"v0:{ask['time']}:{ask['body']}").hex()
    return {"x-zm-signature": f"v0={made}", "x-zm-request-timestamp": str(ask["time"])}


def discord(ask):
    from nacl.signing import SigningKey

    key = SigningKey(bytes.fromhex(ask["secret"].removeprefix("ed25519:")))
    made = key.sign(f"{ask['time']}{ask['body']}".encode()).signature.hex()
    return {"x-signature-ed25519": made, "x-signature-timestamp": str(ask["time"])}


def square(ask):
    from square.utils.webhooks_helper import verify_signature

    made = base64.b64encode(digest(ask["secret"], ask["url"] + ask["body"])).decode()
    assert verify_signature(
        request_body=ask["body"], signature_header=made, signature_key=ask["secret"], notification_url=ask["url"]
    ), "Square's library refuses it"
    return {"x-square-hmacsha256-signature": made}


def hubspot(ask):
    from hubspot.utils.signature import Signature

    time_ms = str(ask["time"] * 1000)
    made = Signature.get_signature(
        ask["secret"], ask["body"], "v3", http_uri=ask["url"], http_method=ask["method"], timestamp=time_ms
    )
    return {"x-hubspot-signature-v3": made, "x-hubspot-request-timestamp": time_ms}


class Fields(dict):
    """As the frameworks give a form to Twilio's library."""

    def getlist(self, name):
        return self[name]


def twilio(ask):
    from twilio.request_validator import RequestValidator

    validator = RequestValidator(ask["secret"])
    if ask["body"].startswith("{"):
        # The digest is in the query already.
        return {"x-twilio-signature": validator.compute_signature(ask["url"], {})}
    fields = Fields(parse_qs(ask["body"], keep_blank_values=True))
    return {
        "x-twilio-signature": validator.compute_signature(ask["url"], fields),
        "content-type": "application/x-www-form-urlencoded",
    }


def adyen(ask):
    from Adyen.util import generate_notification_sig

    notification = json.loads(ask["body"])
    for wrapped in notification["notificationItems"]:
        item = wrapped["NotificationRequestItem"]
        made = generate_notification_sig(item, ask["secret"]).decode()
        item["additionalData"] = {**item.get("additionalData", {}), "hmacSignature": made}
    ask["body"] = json.dumps(notification)
    return {}


def linear(ask):
    try:
        ask["body"] = json.dumps({**json.loads(ask["body"]), "webhookTimestamp": ask["time"] * 1000})
    except json.JSONDecodeError:
        pass  # It is signed as it is.
    return plain("linear-signature")(ask)


def gitlab(ask):
    return {"x-gitlab-token": ask["secret"]}


SENDERS = {
    "adyen": adyen,
    "discord": discord,
    "gitea": plain("x-gitea-signature"),
    "github": plain("x-hub-signature-256", "sha256="),
    "gitlab": gitlab,
    "hubspot": hubspot,
    "intercom": plain("x-hub-signature", "sha1=", "sha1"),
    "linear": linear,
    "meta": plain("x-hub-signature-256", "sha256="),
    "sentry": plain("sentry-hook-signature"),
    "shopify": plain("x-shopify-hmac-sha256", base="64"),
    "slack": slack,
    "square": square,
    "standard-webhooks": standard("webhook", standard_library),
    "stripe": stripe,
    "svix": standard("svix", svix_library),
    "twilio": twilio,
    "zoom": zoom,
}

for line in sys.stdin:
    asked = json.loads(line)
    headers = SENDERS[asked["sender"]](asked)
    print(json.dumps({"headers": headers, "body": asked["body"]}), flush=True)
