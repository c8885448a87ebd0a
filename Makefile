# What a newcomer needs is `make run` and `make test`; each sets up on a fresh Debian machine with a Rust toolchain what it needs itself.

.DEFAULT_GOAL := help
.PHONY: help run console dist test lint bench soak instructions fuzz clean-tools

help: ## list these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

run: ## build server and console and start it: SQLite and everything else in ./data, log-in printed at first start
	scripts/apt.sh cc=gcc /usr/include/string.h=libc6-dev
	@scripts/console.sh if-can
	cargo run --locked --release -- serve $(ARGS)

console: ## build the web console alone, into console/dist, which the next build of the server takes in
	scripts/console.sh

dist: ## build the server as it is installed, with its console, as target/dist/cordboard
	scripts/apt.sh cc=gcc /usr/include/string.h=libc6-dev
	@scripts/console.sh if-can
	cargo build --locked --profile dist -p server

test: ## all tests, with real phones, a real browser, PostgreSQL and crashes
	scripts/setup-tests.sh
	scripts/test.sh

lint: ## format, clippy, house rules, licences
	scripts/setup-lint.sh
	scripts/console.sh lint
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo test --locked --quiet -p tests --test it -- floors::
	target/tools/bin/cargo-deny --log-level error --locked check --hide-inclusion-graph bans licenses sources

bench: ## what registrations, calls, packets, events and lists cost beside their peers; ARGS="--quick --only call"
	scripts/setup-bench.sh
	cargo build --locked --profile dist -p server
	CORDBOARD_BIN=target/dist/cordboard cargo run --locked --release -p benches --bin benches -- $(ARGS)

soak: ## calls for an hour, and whether the server is afterwards what it was before; ARGS="--minutes 5 --rate 20"
	scripts/setup-bench.sh
	cargo build --locked --profile dist -p server
	CORDBOARD_BIN=target/dist/cordboard cargo run --locked --release -p benches --bin benches -- --soak $(ARGS)

instructions: ## count the instructions of the hot paths; fails if one grew by more than 10 %
	scripts/setup-instructions.sh
	cargo run --locked --release -p benches --bin instructions

fuzz: ## every parser against mutated input, a minute each; ARGS=600 for ten minutes each
	scripts/apt.sh cc=gcc c++=g++ /usr/include/string.h=libc6-dev
	fuzz/run.sh $(ARGS)

clean-tools: ## remove the tools that `make lint` installed
	rm -rf target/tools
