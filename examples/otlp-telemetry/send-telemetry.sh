#!/usr/bin/env bash
# Sends a trace of two spans, a metric and three log records, one of which is none for the schema, as an exporter does. Needs curl.
#   OTLP_ENDPOINT: the receiver; http://127.0.0.1:4318 without
set -euo pipefail

readonly trace="0af7651916cd43dd8448eb211c80319c"
readonly shop='"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}'

# An export, compressed.
export_() {
    gzip | curl --silent --show-error --fail-with-body --data-binary @- \
        -H 'content-type: application/json' -H 'content-encoding: gzip' "${OTLP_ENDPOINT:-http://127.0.0.1:4318}/v1/$1"
    echo
}

span() {
    printf '{"traceId": "%s", "spanId": "%s", "name": "%s", "kind": 2, "startTimeUnixNano": "%s000000000", "endTimeUnixNano": "%s250000000"}' \
        "$trace" "$1" "$2" 1760000000 1760000000
}

log() {
    printf '{"timeUnixNano": "1760000000000000000", "severityText": "WARN", "traceId": "%s", "body": %s}' "$trace" "$1"
}

export_ traces <<< "{\"resourceSpans\": [{$shop, \"scopeSpans\": [{\"scope\": {\"name\": \"checkout\"}, \"spans\": [
    $(span b7ad6b7169203331 "POST /cart"), $(span b7ad6b7169203332 "SELECT stock")]}]}]}"
export_ metrics <<< "{\"resourceMetrics\": [{$shop, \"scopeMetrics\": [{\"metrics\": [{\"name\": \"orders\", \"sum\": {
    \"aggregationTemporality\": 2, \"isMonotonic\": true, \"dataPoints\": [{\"asInt\": \"7\", \"timeUnixNano\": \"1760000000000000000\"}]}}]}]}]}"
export_ logs <<< "{\"resourceLogs\": [{$shop, \"scopeLogs\": [{\"logRecords\": [
    $(log '{"stringValue": "out of stock"}'), $(log '{"stringValue": "out of stock"}'), $(log '{"intValue": "7"}')]}]}]}"
echo "exported 2 spans, 1 metric and 3 log records, one of them without a text"
