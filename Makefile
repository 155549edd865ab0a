# Thin on purpose: each target is a line or two of the ordinary tools.
CARGO ?= cargo
GUESTS := webhook-source surrealdb-sink stripe-source
TEST_GUESTS := change-one-field drop-everything merge-ten fan-out-three misbehave poison-sink
WASM := target/wasm32-wasip2/guest

.PHONY: build demo test test-danube lint guests bench chaos

build: guests
	$(CARGO) build -p danube-wasm

# The whole journey on a scratch directory: see examples/demo.sh.
demo: build
	bash examples/demo.sh

# Format, lints, components, every test. CI runs just this.
test: lint
	$(CARGO) test --workspace --no-fail-fast

# The broker's conformance suite against a Danube that runs: make test-danube DANUBE_URL=http://127.0.0.1:6650
test-danube:
	DANUBE_URL=$(DANUBE_URL) $(CARGO) test -p danube-wasm-broker-conformance --test danube real:: -- --nocapture
	DANUBE_URL=$(DANUBE_URL) $(CARGO) test -p danube-wasm-broker-danube --test real -- --nocapture

lint: guests
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

# First-party connectors, and the misbehaving and simple ones that tests use, as WASI components in target/guests.
guests:
	@rustup target list --installed 2>/dev/null | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2
	$(CARGO) build --target wasm32-wasip2 --profile guest $(addprefix -p ,$(GUESTS) $(TEST_GUESTS))
	@mkdir -p target/guests && cp -u $(WASM)/*.wasm target/guests/

# More trials of what `make test` holds a bounded part of: seeds of the simulated swarm, hostile components beside healthy
# ones.
chaos:
	SWARM_SEEDS=20000 $(CARGO) test -p danube-wasm-pipeline --test swarm every_promise -- --nocapture
	HOSTILE_TRIALS=50 $(CARGO) test -p danube-wasm-sandbox --test hostile -- --nocapture

# Each prints its question, absolutes and a ratio. Optimised: the first run compiles a database for a quarter of an hour.
bench: GUESTS += bench-author bench-columns bench-records
bench: guests
	$(CARGO) bench -p danube-wasm-benches
	$(CARGO) bench -p danube-wasm-bench-sink
	$(CARGO) bench -p danube-wasm-bench-publish
