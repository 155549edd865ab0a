#!/usr/bin/env bash
# Signs real Stripe event bodies as Stripe does, posts them, and prints how each was answered.
#
#   ./send-events.sh                              every file of events/
#   ./send-events.sh events/charge_refunded.json  these files
#
# STRIPE_WEBHOOK_SECRET is the signing secret that the pipeline was started with; URL says where to. Ends non-zero if a
# request found nobody to answer it, or was refused.
set -euo pipefail

url=${URL:-http://127.0.0.1:8081/webhooks/stripe}
secret=${STRIPE_WEBHOOK_SECRET:?set it to the signing secret that the pipeline was started with}
here=$(cd "$(dirname "$0")" && pwd)

for tool in curl openssl; do
    command -v "$tool" >/dev/null || {
        echo "$0: $tool is needed" >&2
        exit 2
    }
done
[ $# -gt 0 ] || set -- "$here"/events/*.json

refused=0
for file in "$@"; do
    [ -r "$file" ] || {
        echo "$0: $file cannot be read" >&2
        exit 2
    }
    printf -v now '%(%s)T' -1
    # Stripe's scheme: HMAC-SHA256 of the time, a dot and the body as it is sent.
    signature=$({ printf '%s.' "$now"; cat "$file"; } | openssl dgst -sha256 -hmac "$secret" -hex)
    status=$(curl --silent --max-time 60 --output /dev/null --write-out '%{http_code}' "$url" \
        -H 'content-type: application/json' -H "stripe-signature: t=$now,v1=${signature##* }" \
        --data-binary "@$file") || {
        echo "$0: $url did not answer; is the pipeline running?" >&2
        exit 1
    }
    echo "$status $(basename "$file")"
    [ "$status" = 200 ] || refused=1
done
exit "$refused"
