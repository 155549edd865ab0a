#!/usr/bin/env bash
# Builds connector.wasm beside this file. README.md says where the three tools come from.
set -euo pipefail
cd "$(dirname "$0")"
wit=${WIT:-../../wit}
cc=${CC_WASM:-.venv/bin/python -m ziglang cc -target wasm32-wasi}
component_new=${COMPONENT_NEW:-npx --yes @bytecodealliance/jco@1.35.0 new}

mkdir -p target
wit-bindgen c "$wit" --world source-connector --out-dir target
$cc -mexec-model=reactor -O2 -s -Wall -Wextra -Itarget connector.c target/source_connector.c target/source_connector_component_type.o \
    -o target/module.wasm
$component_new target/module.wasm -o connector.wasm
