#!/usr/bin/env bash
# Posts the steps of some orders and prints how many were answered with each HTTP status.
#
#   ./send-orders.sh          20 orders of 5 steps, and one of 300 pieces
#   ./send-orders.sh 100 7    100 orders, numbered from 7
#
# URL says where to. Ends non-zero if a request found nobody to answer it.
set -euo pipefail

count=${1:-20}
first=${2:-1}
url=${URL:-http://127.0.0.1:8083/orders}

for number in "$count" "$first"; do
    case $number in
    '' | *[!0-9]* | 0*)
        echo "usage: $0 [COUNT [FIRST]]   whole numbers from 1; URL is taken from the environment" >&2
        exit 2
        ;;
    esac
done

steps=(placed paid packed shipped delivered)

# Arguments: number of the order, number of the step, pieces.
request() {
    [ "$2" -eq 0 ] && [ "$1" -eq "$first" ] || echo next
    printf 'url = "%s"\nheader = "content-type: application/json"\n' "$url"
    printf 'data = "{\\"event\\":\\"o%d-%d\\",\\"id\\":\\"o%d\\",\\"status\\":\\"%s\\",\\"pieces\\":%d,\\"total\\":%d.50,' \
        "$1" "$2" "$1" "${steps[$2]}" "$3" "$1"
    printf '\\"placed\\":\\"2026-11-30T09:30:00.%03dZ\\",\\"customer\\":{\\"name\\":\\"Customer %d\\"}}"\n' "$2" "$1"
    printf 'output = /dev/null\nwrite-out = "%%{http_code}\\n"\nsilent\nmax-time = 60\n'
}

# One curl for all requests keeps its connection; each request is a section of its configuration.
requests() {
    local order step
    for ((step = 0; step < ${#steps[@]}; step++)); do
        for ((order = first; order < first + count; order++)); do
            request "$order" "$step" $((order % 255 + 1))
        done
    done
    # More than a column of the type UInt8 holds.
    request $((first + count)) 1 300
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
