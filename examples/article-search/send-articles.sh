#!/usr/bin/env bash
# Sends articles with vectors of four numbers, each in two versions: send-articles.sh [COUNT] [FIRST]. URL says where to, FIRST
# what FIRST does.
set -euo pipefail
readonly url="${URL:-http://127.0.0.1:8084/articles}" count="${1:-20}" first="${2:-${FIRST:-1}}"
for version in 1 2; do
    for ((n = first; n < first + count; n++)); do
        body="{\"id\":\"a$n\",\"version\":$version,\"section\":\"s$((n % 3))\",\"text\":\"Article $n\",\"vector\":[1,$n,$version,0.5]}"
        curl --silent --show-error --output /dev/null --write-out '%{http_code}\n' \
            --header 'content-type: application/json' --data "$body" "$url"
    done
done | sort | uniq -c | awk '{ print $2 ": " $1 }'
