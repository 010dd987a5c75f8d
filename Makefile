# The front door. `make help` lists the targets; CI calls `make ci` and nothing else.

CARGO ?= cargo
PYTHON ?= python3
PORT ?= 8080
TOOLCHAIN := target/toolchain
BINARY := target/release/tidelock

# With WASI_SDK_PATH set there is nothing to install.
ifdef WASI_SDK_PATH
SETUP :=
else
SETUP := $(TOOLCHAIN)/.installed
endif

.PHONY: help setup build run test lint docs bench ci clean
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(SETUP) ## Install what the guest build needs, below target/ (other targets do it when needed)

$(TOOLCHAIN)/.installed: guest-lua/toolchain.txt
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo "error: installing the guest's C compiler needs $(PYTHON) with pip: install pip, or set WASI_SDK_PATH to a wasi-sdk"; exit 1; }
	@rm -rf $(TOOLCHAIN)
	PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --target $(TOOLCHAIN) -r guest-lua/toolchain.txt
	@touch $@

build: $(SETUP) ## Build the shipped binary, target/release/tidelock
	@command -v $(CARGO) >/dev/null || { echo "error: building needs Rust 1.95 or newer with cargo"; exit 1; }
	$(CARGO) build --release --locked --package host

run: build ## Serve examples/hello.lua on 127.0.0.1:8080 until interrupted (PORT=N for another port)
	$(BINARY) run --allow-listen $(PORT) examples/hello.lua $(PORT)

test: build ## Run all tests against the built binary
	$(CARGO) test --release --locked --workspace

lint: $(SETUP) ## Check formatting and run clippy, warnings being errors (our C is compiled so in every build)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

docs: $(SETUP) ## Build the API documentation
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --workspace --no-deps --document-private-items

bench: build ## Measure requests/s beside a bare hyper server, start-up time and size (needs wrk)
	$(CARGO) build --release --locked --package tests --example bare_hyper
	$(PYTHON) tests/benches/measure.py

ci: lint test docs ## Everything CI runs

clean: ## Remove what was built (also the installed compiler)
	rm -rf target
