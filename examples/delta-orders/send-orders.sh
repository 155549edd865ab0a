#!/usr/bin/env bash
# Sends orders: send-orders.sh [HOW_MANY] [FIRST]. URL says where to.
set -euo pipefail
how_many=${1:-20} first=${2:-1} url=${URL:-http://127.0.0.1:8086/orders}
for ((order = first; order < first + how_many; order++)); do
    body=$(printf '{"event":"e%d","order":%d,"at":"2024-01-%02dT12:00:00+01:00","customer":{"country":"PT"},"total":"%d.50","note":"n%d"}' \
        "$order" "$order" $((order % 28 + 1)) "$order" "$order")
    curl --silent --show-error --output /dev/null --write-out '%{http_code}\n' -H 'content-type: application/json' -d "$body" "$url"
done | sort | uniq -c | awk '{ print $2 ": " $1 }'
