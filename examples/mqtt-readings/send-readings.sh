#!/usr/bin/env bash
# Publishes readings of three machines, and one that is no reading. Needs mosquitto_pub.
#   MQTT_HOST, MQTT_PORT: the broker; 127.0.0.1 and 1883 without
set -euo pipefail

publish() {
    mosquitto_pub -h "${MQTT_HOST:-127.0.0.1}" -p "${MQTT_PORT:-1883}" -q 1 -t "plant/$1/temperature" -m "$2"
}

for machine in press-1 press-2 oven-1; do
    for celsius in 70.5 71.25 70.5; do
        publish "$machine" "{\"celsius\": $celsius}"
    done
done
publish oven-1 '{"celsius": "hot"}'
echo "published 9 readings, and one that is none"
