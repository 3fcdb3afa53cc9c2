# The verbs. Each installs what it needs (scripts/setup), says what it does, and is quick the second time.

CARGO ?= cargo
CONFIG ?= config/examples/first-call.toml
SOAK_MINUTES ?= 10
FUZZ_SECONDS ?= 20
BENCH_SECONDS ?= 10

.PHONY: help run prompts test lint bench soak fuzz-smoke

help:
	@echo "make run         build Tandem and run CONFIG=$(CONFIG)"
	@echo "make prompts     make the spoken prompts in prompts/"
	@echo "make test        run every test"
	@echo "make lint        check form and style, warnings are errors"
	@echo "make bench       measure, with the goal or a peer beside each figure (BENCH_SECONDS=$(BENCH_SECONDS))"
	@echo "make soak        keep calls coming for SOAK_MINUTES=$(SOAK_MINUTES) and count what is lost"
	@echo "make fuzz-smoke  run each fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)"

run: prompts
	scripts/setup run
	$(CARGO) run --release -p tandem-app --bin tandem -- run $(CONFIG)

prompts:
	scripts/setup prompts
	scripts/prompts

test:
	scripts/setup test
	$(CARGO) test --workspace

lint:
	scripts/setup lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

bench:
	scripts/setup bench
	$(CARGO) bench -p tandem-g711 -p tandem-dsp
	$(CARGO) run --release -p tandem-isdn --example throughput
	$(CARGO) run --release -p tandem-rt --example bench_engine -- $(BENCH_SECONDS)

soak: prompts
	scripts/setup soak
	$(CARGO) build --release -p tandem-app --bin tandem
	scripts/soak $(SOAK_MINUTES)

fuzz-smoke:
	scripts/setup fuzz
	scripts/fuzz-smoke $(FUZZ_SECONDS)
