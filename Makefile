# `make` tells what there is. The set-up runs by itself and only when something is missing.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lyceum
export LIBTORCH := $(CACHE)/libtorch-2.11.0
# Build products stand in the user's cache, where the next clone finds them.
export CARGO_TARGET_DIR ?= $(CACHE)/target
export SQLX_OFFLINE := true
export PATH := $(PATH):$(HOME)/.cargo/bin
DENY := $(CACHE)/cargo-deny-0.20.2
PYTORCH := $(CACHE)/pytorch-2.11.0
KERAS := $(CACHE)/keras-3.15.1
PERF_ANALYZER := $(CACHE)/perf-analyzer-2.48.0
# Tests stop processes between any two writes; what is built for use has no such places.
FAULTS := --features fault-injection
SOURCES := $(shell find src tests benches build.rs -name '*.rs' 2>/dev/null)

.PHONY: help demo build serve test dashboard-test client-test fuzz torture soak conformance lint fmt bench bench-pytorch bench-serving bench-perf-analyzer dist cuda clean components setup

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 22
	@echo 'ARGS="…" adds arguments: make serve ARGS="--listen 127.0.0.1:9000"; make test ARGS="--lib spec"'

demo: build ## train MNIST over HTTP, classify its 10,000 test images, and show it all
	@bin/lyceum demo $(ARGS)

build: setup ## bin/lyceum
	@cargo build --locked
	@mkdir -p bin
	@cmp -s $(CARGO_TARGET_DIR)/debug/lyceum bin/lyceum || install -m 755 $(CARGO_TARGET_DIR)/debug/lyceum bin/lyceum

serve: build ## run the server on 127.0.0.1:8080 with the data folder lyceum-data
	@bin/lyceum serve $(ARGS)

# The library's own tests first: they are ready in half the time.
test: setup ## all tests
ifeq ($(ARGS),)
	@cargo test --locked $(FAULTS) --lib
	@cargo test --locked $(FAULTS) --bins --test it
	@cargo test --locked $(FAULTS) --doc
	@$(MAKE) client-test dashboard-test
else
	@cargo test --locked $(FAULTS) $(ARGS)
endif

dashboard-test: setup ## the dashboard in a real browser; ARGS="--update-screenshots" renews the documentation's pictures
	@BROWSER=1 scripts/setup.sh
	@cargo build --locked $(FAULTS)
	@tests/dashboard/run.sh $(CACHE) $(CARGO_TARGET_DIR)/debug/lyceum $(ARGS)

client-test: setup ## inferences by the clients of Triton and KServe; installs them once
	@CLIENTS=1 scripts/setup.sh
	@cargo build --locked $(FAULTS)
	@tests/clients/run.sh $(CACHE) $(CARGO_TARGET_DIR)/debug/lyceum

fuzz: setup ## ten minutes of mutated inputs; one that breaks something stays in tests/corpus; LYCEUM_FUZZ_SECONDS=60 is shorter
	@cargo test --locked $(FAULTS) --test it fuzz::a_long_session -- --ignored --nocapture

torture: setup ## kill a hundred workers and fifty servers while the examples train; every job must end as in peace
	@cargo test --locked $(FAULTS) --test it torture -- --ignored --nocapture

soak: setup ## twenty minutes of jobs, streams, predictions and kills, after which nothing may have grown
	@cargo test --locked $(FAULTS) --test it soak -- --ignored --nocapture

conformance: build ## thousands of generated requests held to openapi.yaml; downloads schemathesis once
	@scripts/conformance.sh bin/lyceum $(CACHE)

lint: setup components ## format, clippy, documentation, dependencies, prepared queries, OpenAPI
	@rustfmt --check $(SOURCES)
	@cargo clippy --locked --all-targets $(FAULTS) -- -D warnings
	@RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items --quiet
	@scripts/deny.sh $(DENY)
	@scripts/sqlx-prepare.sh --check
	@cargo run --locked --quiet $(FAULTS) -- openapi | diff -u openapi.yaml - || { echo 'openapi.yaml is stale: lyceum openapi > openapi.yaml' >&2; exit 1; }

fmt: ## format the sources
	@rustfmt $(SOURCES)

bench: setup ## benchmarks of the whole and of its parts, each figure beside its target
	@cargo bench --locked --bench service -- $(ARGS)
ifeq ($(ARGS),)
	@cargo bench --locked --bench store --bench inference
endif

bench-pytorch: setup ## training beside PyTorch and Keras, into bench/results; installs them once; ARGS="cnn --rounds=3" is shorter
	@bench/setup.sh $(PYTORCH) requirements.txt
	@bench/setup.sh $(KERAS) requirements-keras.txt
	@cargo bench --locked --bench service -- training --python=$(PYTORCH)/bin/python --keras=$(KERAS)/bin/python $(ARGS)

bench-serving: setup ## serving beside Triton and FastAPI, into bench/results; installs them once
	@bench/setup.sh $(PYTORCH) requirements.txt
	@cargo bench --locked --bench service -- servers --python=$(PYTORCH)/bin/python $(ARGS)

bench-perf-analyzer: setup ## serving by Triton's own load generator, into bench/results; installs it once
	@bench/setup-perf-analyzer.sh $(PERF_ANALYZER)
	@cargo bench --locked --bench service -- perf_analyzer --perf-analyzer=$(PERF_ANALYZER)/bin/perf_analyzer $(ARGS)

dist: setup ## dist/, the program optimised in full, with libtorch and the data sets, to be copied anywhere
	@cargo build --locked --release
	@scripts/dist.sh dist $(CARGO_TARGET_DIR)/release/lyceum $(LIBTORCH)

cuda: setup ## fetch the CUDA libraries, 2.4 GB, for jobs on a GPU
	@scripts/libtorch.sh --cuda $(LIBTORCH)-cuda

clean: ## remove bin/, dist/ and what was built of Lyceum itself; libtorch and dependencies stay in the cache
	@rm -rf bin dist
	@cargo clean --quiet --package lyceum

# A minimal toolchain has neither.
components:
	@cargo clippy --version >/dev/null 2>&1 && rustfmt --version >/dev/null 2>&1 || rustup component add clippy rustfmt

setup:
	@scripts/setup.sh
	@scripts/libtorch.sh $(LIBTORCH)
	@scripts/own-build.sh $(CARGO_TARGET_DIR)
