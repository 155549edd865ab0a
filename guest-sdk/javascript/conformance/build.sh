#!/usr/bin/env bash
# Builds the subjects of the conformance suite with each engine into a folder: source-quickjs.wasm, sink-starlingmonkey.wasm …
# `make servers` has installed what builds them, but for StarlingMonkey: it is left out with a sentence where it is absent.
set -euo pipefail
out=$(realpath -m "${1:-target/conformance/javascript}")
sdk=$(dirname "$(dirname "$(readlink -f "$0")")")
packages="$sdk/../../target/servers/node/toolchain/node_modules"
mkdir -p "$out"
[ -e "$sdk/node_modules" ] || ln -s "$packages" "$sdk/node_modules"
for engine in quickjs starlingmonkey; do
    if [ $engine = starlingmonkey ] && [ ! -d "$sdk/node_modules/@bytecodealliance/componentize-js" ]; then
        echo "starlingmonkey: @bytecodealliance/componentize-js 0.23.0 is not installed" >&2
        continue
    fi
    for kind in source poller sink; do
        (cd "$sdk/conformance/$kind" && node "$sdk/tools/build.js" src/connector.js \
            --kind $kind --engine $engine --out "$out/$kind-$engine.wasm")
    done
done
