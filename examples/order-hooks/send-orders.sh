#!/usr/bin/env bash
# Posts the steps of some orders and prints how many were answered with each HTTP status.
#
#   ./send-orders.sh          20 orders of 5 steps
#   ./send-orders.sh 100 7    100 orders, numbered from 7
#
# URL and API_KEY say where to and with which key. Ends non-zero if a request found nobody to answer it.
set -euo pipefail

count=${1:-20}
first=${2:-1}
url=${URL:-http://127.0.0.1:8082/orders}
key=${API_KEY:-${SHOP_API_KEY:-demo-api-key}}

for number in "$count" "$first"; do
    case $number in
    '' | *[!0-9]* | 0*)
        echo "usage: $0 [COUNT [FIRST]]   whole numbers from 1; URL and API_KEY are taken from the environment" >&2
        exit 2
        ;;
    esac
done

steps=(placed paid packed shipped delivered)

# One curl for all requests keeps its connection; each request is a section of its configuration.
requests() {
    local order step
    for ((step = 0; step < ${#steps[@]}; step++)); do
        for ((order = first; order < first + count; order++)); do
            [ "$step" -eq 0 ] && [ "$order" -eq "$first" ] || echo next
            printf 'url = "%s"\n' "$url"
            printf 'header = "content-type: application/json"\nheader = "x-api-key: %s"\n' "$key"
            printf 'data = "{\\"event\\":\\"o%d-%d\\",\\"order\\":\\"o%d\\",\\"step\\":%d,\\"status\\":\\"%s\\",\\"total\\":%d.50}"\n' \
                "$order" "$step" "$order" "$step" "${steps[step]}" "$order"
            printf 'output = /dev/null\nwrite-out = "%%{http_code}\\n"\nsilent\nmax-time = 60\n'
        done
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
