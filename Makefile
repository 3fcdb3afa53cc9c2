# The verbs. Each installs what it needs (scripts/setup), says what it does, and is quick the second time.

CARGO ?= cargo
CONFIG ?= config/examples/demo.toml
SOAK_MINUTES ?= 10
FUZZ_SECONDS ?= 20
BENCH_SECONDS ?= 10
CORPUS_HOURS ?= 10.2

# What the page is built from, and the file that is there when it is built.
WEB := web/dist/index.html
WEB_MODULES := web/node_modules/.package-lock.json
WEB_SOURCES := $(shell find web/src web/index.html web/vite.config.ts web/tsconfig.json -type f ! -name '*.test.ts')

.PHONY: help run web prompts test lint bench soak fuzz-smoke

help:
	@echo "make run         build Tandem and run CONFIG=$(CONFIG)"
	@echo "make web         build the page that is part of the program"
	@echo "make prompts     make the spoken prompts in prompts/"
	@echo "make test        run every test"
	@echo "make lint        check form and style, warnings are errors"
	@echo "make bench       measure, with the goal or a peer beside each figure (BENCH_SECONDS=$(BENCH_SECONDS))"
	@echo "make soak        keep calls coming for SOAK_MINUTES=$(SOAK_MINUTES) and count what is lost"
	@echo "make fuzz-smoke  run each fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)"

run: prompts $(WEB)
	scripts/setup run
	$(CARGO) run --release -p tandem-app --bin tandem -- run $(CONFIG)

web: $(WEB)

$(WEB): $(WEB_SOURCES) $(WEB_MODULES)
	cd web && npm run --silent build

$(WEB_MODULES): web/package.json web/package-lock.json web/.npmrc
	scripts/setup web
	cd web && npm install --no-save --silent    # not `npm ci`: it asks for the packages of other platforms as well
	touch $@

prompts:
	scripts/setup prompts
	scripts/prompts

test: prompts $(WEB)
	scripts/setup test
	scripts/setup page-test
	$(CARGO) test --workspace
	hw-tests/vfio/run
	hw-tests/dahdi/check
	cd web && npm run --silent test
	cd web && npm run --silent test:page
	cd web && npm run --silent test:demo    # with target/debug/tandem, which the tests above have built

lint: $(WEB)
	scripts/setup lint
	cd web && npm run --silent check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

bench:
	scripts/setup bench
	$(CARGO) bench -p tandem-g711 -p tandem-dsp
	scripts/corpus target/corpus $(CORPUS_HOURS)
	scripts/bench-echo
	$(CARGO) run --release -p tandem-isdn --example throughput
	$(CARGO) run --release -p tandem-rt --example bench_engine -- $(BENCH_SECONDS)
	scripts/bench-cards $(BENCH_SECONDS)
	mkdir -p docs/detectors
	cd bench/detectors && $(CARGO) run --release -- cost figures others curves=../../docs/detectors
	$(CARGO) run --release -p tandem-dsp --example talk_off -- target/corpus/generated/*.wav target/corpus/recorded/*.wav
	scripts/answers target/answers
	$(CARGO) run --release -p tandem-dsp --example answer_matrix -- target/answers target/corpus/recorded/music.wav
	$(CARGO) run --release -p tandem-store --example bench_store

soak: prompts $(WEB)
	scripts/setup soak
	$(CARGO) build --release -p tandem-app --bin tandem
	scripts/soak $(SOAK_MINUTES)

fuzz-smoke:
	scripts/setup fuzz
	scripts/fuzz-smoke $(FUZZ_SECONDS)
