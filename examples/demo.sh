#!/usr/bin/env bash
# The whole journey on a scratch directory and a free port: 100 valid payment events become rows, 10 invalid ones are
# refused, the pipeline stops on SIGTERM, and the table is counted. Exits non-zero if any of that is not so.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${DANUBE_WASM:-target/debug/danube-wasm}
binary=$(realpath "$binary")
scratch=$(mktemp -d)
pid=
cleanup() {
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
    rm -rf "$scratch"
}
trap cleanup EXIT

fail() {
    echo "demo: $*" >&2
    [ ! -s "$scratch/log" ] || { echo "--- last lines of the log" >&2; tail -n 20 "$scratch/log" >&2; }
    exit 1
}

# Waits until a command succeeds: $1 seconds at most, then what it was waiting for.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || fail "gave up waiting for $what"
        kill -0 "$pid" 2>/dev/null || fail "the pipeline ended while waiting for $what"
        sleep 0.1
    done
}

cp -r examples/stripe-payments/. "$scratch/pipeline"
rm -rf "$scratch/pipeline/data"
# Any free port instead of the example's own, so that the demo runs beside anything.
sed -i -E 's/^port = [0-9]+/port = 0/' "$scratch/pipeline/pipeline.toml"
file=$scratch/pipeline/pipeline.toml
export WEBHOOK_API_KEY=demo-api-key

echo "== starting $(basename "$binary") run examples/stripe-payments/pipeline.toml"
"$binary" run "$file" >"$scratch/out" 2>"$scratch/log" &
pid=$!
address() { sed -n -E 's/.*"message":"listening for webhooks".*/&/p' "$scratch/log" | sed -n -E 's/.*"address":"([^"]+)".*/\1/p' | head -n 1; }
listening() { [ -n "$(address)" ]; }
until_true 60 "the listener" listening
url="http://$(address)/webhooks/stripe/payments"
echo "   listening on $url"

echo "== 100 random valid events"
URL=$url API_KEY=$WEBHOOK_API_KEY bash examples/stripe-payments/send-webhook.sh | tee "$scratch/valid"
grep -qE '200: 100$|100 .*200' "$scratch/valid" || fail "not all valid events were answered 200"

echo "== 10 invalid events"
refused=0
for i in $(seq 10); do
    status=$(curl -s -o "$scratch/answer" -w '%{http_code}' -X POST "$url" -H 'content-type: application/json' \
        -H "x-api-key: $WEBHOOK_API_KEY" -d "{\"event\":\"payment.exploded\",\"amount\":-$i,\"currency\":\"usd\"}")
    [ "$status" = 422 ] || fail "an invalid event was answered $status: $(cat "$scratch/answer")"
    refused=$((refused + 1))
done
echo "   $refused answered 422, the last with:"
echo "   $(cat "$scratch/answer")"

echo "== counting while it runs"
statement='SELECT event, count() AS total FROM stripe_payments GROUP BY event'
# The sum of the totals, from one JSON document.
total() { "$binary" query --json "$file" "$statement" 2>/dev/null | grep -oE '"total": *[0-9]+' | grep -oE '[0-9]+' | paste -sd+ - | sed 's/^$/0/' | { read -r sum; echo $((sum)); }; }
all_there() { [ "$(total)" = 100 ]; }
until_true 30 "100 rows" all_there
echo "   100 rows"

echo "== stopping with SIGTERM"
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
pid=
[ "$code" = 0 ] || fail "the pipeline exited with $code"
echo "   exit 0"

echo "== $statement"
"$binary" query "$file" "$statement"
sum=$(total)
[ "$sum" = 100 ] || fail "the totals add up to $sum, not to 100"
echo "== the totals add up to 100"
