#!/usr/bin/env bash
# Produces what happens to three orders, each under its number as the key, and one value that is no order. Needs kcat.
#   KAFKA_BROKER: one of the brokers; 127.0.0.1:9092 without
set -euo pipefail

{
    for state in placed paid sent; do
        for order in 1 2 3; do
            echo "$order|{\"order\": $order, \"state\": \"$state\"}"
        done
    done
    echo '3|{"order": 3, "state": "lost"}'
} | "${KCAT:-kcat}" -P -b "${KAFKA_BROKER:-127.0.0.1:9092}" -t orders -K '|'
echo "produced 9 states of orders, and one that is none"
