# Thin on purpose: each target is a line or two of the ordinary tools.
CARGO ?= cargo
GUESTS := record-source poll-json webhook-source document-sink http-sink stripe-source
TEST_GUESTS := change-one-field drop-everything merge-ten fan-out-three misbehave poison-sink time-and-chance write-anywhere order-lines order-feed device-state
WASM := target/wasm32-wasip2/guest
# Kinds of connectors that the binary has only when it is asked for them: tests and the reference page have all.
ALL := --features danube-wasm/delta

test-guests: GUESTS += $(TEST_GUESTS)

.PHONY: wasm-target build release demo test test-danube test-clickhouse test-qdrant lint guests test-guests misbehave-debug servers bench bench-program chaos chaos-long fuzz

build: guests
	$(CARGO) build --workspace --bin danube-wasm

# An optimised binary, stripped: target/release/danube-wasm. A database is compiled: half an hour on two cores.
release: guests
	$(CARGO) build --release --bin danube-wasm

# The whole journey on a scratch directory: see examples/demo.sh. Only the connectors that it shows are built, if this is the first
# build. With the brokers: without them tower has fewer features, and `make build` would compile the database once more.
demo: guests
	$(CARGO) build -p danube-wasm --no-default-features --features broker,danube,webhook,surrealdb
	bash examples/demo.sh

# Format, lints, components, every test. CI runs just this. More tests run at a time than there are cores: most of them wait for servers.
test: export RUST_TEST_THREADS ?= 4
test: lint servers
	$(CARGO) test --workspace $(ALL) --no-fail-fast

# The broker's conformance suite, and what else meets a real Danube, against one that runs: make test-danube DANUBE_URL=http://127.0.0.1:6650
# With DANUBE_BROKER=EXECUTABLE the suite starts brokers itself, and restarts them, too.
test-danube:
	DANUBE_URL=$(DANUBE_URL) $(CARGO) test -p danube-wasm-conformance --test danube real:: -- --nocapture
	DANUBE_URL=$(DANUBE_URL) $(CARGO) test -p danube-wasm-broker-danube --test real -- --nocapture
	DANUBE_URL=$(DANUBE_URL) $(CARGO) test --workspace --test e2e real_danube -- --nocapture

# The tests of the sink `clickhouse` against a server that runs, instead of its engine alone: make test-clickhouse CLICKHOUSE_URL=http://127.0.0.1:8123
test-clickhouse:
	CLICKHOUSE_URL=$(CLICKHOUSE_URL) $(CARGO) test -p danube-wasm-egress-clickhouse --test clickhouse -- --nocapture

# The suite of the sink `qdrant` against a server that runs: make test-qdrant QDRANT_URL=http://127.0.0.1:6334
test-qdrant: servers
	QDRANT_URL=$(QDRANT_URL) $(CARGO) test -p danube-wasm-egress-qdrant -- --nocapture

lint: test-guests
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace $(ALL) --all-targets -- -D warnings

# What components are compiled for: a new toolchain does not have it.
wasm-target:
	@rustup target list --installed 2>/dev/null | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2

# First-party components, as WASI components in target/guests; `test-guests`: and the misbehaving and simple ones of the tests.
guests test-guests: wasm-target
	$(CARGO) build --target wasm32-wasip2 --profile guest $(addprefix -p ,$(GUESTS))
	@mkdir -p target/guests && cp -u $(WASM)/*.wasm target/guests/

# One of the tests' components once more, with the lines of its source in it.
test-guests: misbehave-debug
misbehave-debug: wasm-target
	$(CARGO) build --target wasm32-wasip2 --profile guest-debug -p misbehave
	@mkdir -p target/guests && cp -u target/wasm32-wasip2/guest-debug/misbehave.wasm target/guests/misbehave_debug.wasm

# The real servers and independent clients of the tests, in target/servers. What is there already costs nothing.
servers:
	@bash runtime/testing/servers/install.sh

# More trials of what `make test` holds a bounded part of, printed as tables and added to
# runtime/testing/trials/chaos.jsonl: processes killed, frozen and cut off, the simulated swarm, hostile components and HTTP, every k-th disk operation of the log, the
# database and the whole binary, leaders of a cluster of NATS, the way to each kind of source and sink. What must be quick (a healthy neighbour, being alive again) is judged here, not in
# `make test`: let the machine be quiet.
# With SURREALDB_URL=ws://HOST:PORT (root, root) also a real database server's faults, with DANUBE_BROKER=EXECUTABLE also a
# real Danube's, with NATS_SERVER_BEFORE=EXECUTABLE also an upgrade of NATS.
chaos: export CHAOS_LEDGER = runtime/testing/trials/chaos.jsonl
chaos: export CHAOS ?= minutes
chaos: export SWARM_SEEDS ?= 20000
chaos: export HOSTILE_TRIALS ?= 10
chaos: export HTTP_TRIALS ?= 5000
chaos: export DISK_EVERY = 1
chaos: export BINARY_DISK_EVERY ?= 8
chaos: export LEADER_KILLS ?= 50
chaos: test-guests servers
	$(CARGO) test --workspace $(ALL) --no-fail-fast --test chaos --test swarm --test hostile --test surrealdb --test faults --test disk_faults --test cluster -- --nocapture

# Hours of the same, and every change of the whole binary to its disk instead of every eighth.
chaos-long: export CHAOS = hours
chaos-long: export BINARY_DISK_EVERY = 1
chaos-long: export SWARM_SEEDS = 500000
chaos-long: export HOSTILE_TRIALS = 50
chaos-long: export HTTP_TRIALS = 100000
chaos-long: chaos

# Searches every door with cargo-fuzz for FUZZ_SECONDS each, where that is installed (`cargo install cargo-fuzz`; a stable
# compiler will do); else mutates the committed corpora FUZZ_RUNS times each.
FUZZ_TARGETS := config columns envelope topic ingress log
FUZZ_SECONDS ?= 60
fuzz: export FUZZ_RUNS ?= 20000
fuzz:
	@if $(CARGO) fuzz --version > /dev/null 2>&1; then cd runtime/testing/fuzz && cp ../../../Cargo.lock fuzz/ && for target in $(FUZZ_TARGETS); do \
	  mkdir -p ../../../target/fuzz/$$target && RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer none $$target \
	    ../../../target/fuzz/$$target corpus/$$target -- -timeout=60 -max_total_time=$(FUZZ_SECONDS) || exit 1; done; \
	else echo "cargo-fuzz is not installed: mutating the corpora instead"; \
	  $(CARGO) test -p danube-wasm-fuzz --test mutations -- --nocapture; fi

# The program that benches run: without the database, which takes long to compile.
bench-program: guests
	$(CARGO) build --release -p danube-wasm --no-default-features --features jemalloc,broker,webhook,mqtt,otlp,postgres,kafka,http,clickhouse,qdrant

# Each prints its question, absolutes and a ratio. Optimised: the first run compiles a database for a quarter of an hour.
bench: GUESTS += bench-author bench-columns bench-records
bench: guests servers
	$(CARGO) bench -p danube-wasm-benches
	$(CARGO) bench -p danube-wasm-bench-sink
	$(CARGO) bench -p danube-wasm-bench-publish
	$(CARGO) bench -p danube-wasm-bench-nats
	$(MAKE) bench-program
	$(CARGO) bench -p danube-wasm-bench-targets
	$(CARGO) bench -p danube-wasm-bench-sources
