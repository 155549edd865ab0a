#!/usr/bin/env bash
# Posts random valid payment events and prints how many were answered with each HTTP status.
#
#   ./send-webhook.sh          100 events
#   ./send-webhook.sh 5000     as many as you like
#
# URL and API_KEY say where to and with which key. Ends non-zero if a request found nobody to answer it.
set -euo pipefail

count=${1:-100}
url=${URL:-http://127.0.0.1:8080/webhooks/stripe/payments}
key=${API_KEY:-${WEBHOOK_API_KEY:-demo-api-key}}

case $count in
'' | *[!0-9]* | 0*)
    echo "usage: $0 [COUNT]   COUNT is a whole number from 1; URL and API_KEY are taken from the environment" >&2
    exit 2
    ;;
esac
command -v curl >/dev/null || {
    echo "$0: curl is needed" >&2
    exit 2
}

events=(payment.succeeded payment.failed payment.refunded payment.canceled)
currencies=(USD EUR GBP JPY RON)

event() {
    local event=${events[RANDOM % ${#events[@]}]} currency=${currencies[RANDOM % ${#currencies[@]}]}
    local amount=$((RANDOM % 100000)) customer=$((RANDOM % 20)) now
    printf -v now '%(%s)T' -1
    printf '{\\"event\\":\\"%s\\",\\"amount\\":%d,\\"currency\\":\\"%s\\",\\"timestamp\\":%d,' \
        "$event" "$amount" "$currency" "$now"
    printf '\\"customer_id\\":\\"cus_%04d\\",\\"metadata\\":{\\"order\\":%d}}' "$customer" "$RANDOM"
}

# One curl for all requests keeps its connection; each request is a section of its configuration.
requests() {
    local i
    for ((i = 0; i < count; i++)); do
        [ "$i" -eq 0 ] || echo next
        printf 'url = "%s"\n' "$url"
        printf 'header = "content-type: application/json"\n'
        printf 'header = "x-api-key: %s"\n' "$key"
        printf 'data = "%s"\n' "$(event)"
        printf 'output = /dev/null\nwrite-out = "%%{http_code}\\n"\nsilent\nmax-time = 60\n'
    done
}

failed=0
statuses=$(requests | curl --silent --config -) || failed=1
sort <<<"$statuses" | uniq -c | while read -r times status; do
    [ -z "$status" ] || echo "$status: $times"
done

if [ "$failed" -ne 0 ] || grep -q '^000$' <<<"$statuses"; then
    echo "$0: not every request was answered by $url; is the pipeline running?" >&2
    exit 1
fi
