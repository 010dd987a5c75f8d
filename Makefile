# The front door. `make help` lists the targets; CI calls `make ci` and nothing else.

CARGO ?= cargo
PYTHON ?= python3
PORT ?= 8080
TOOLCHAIN := target/toolchain
CLIENTS := target/clients
TOOLS := target/tools
BINARY := target/release/tidelock
NATIVE := target/native
FUZZ_SECONDS ?= 60
ROUNDS ?= 20
CARGO_DENY := 0.20.2
FUZZ_SCRIPTS ?= 10000

# What pip may do below target/: nothing but what the hashes name.
PIP_INSTALL := PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all:

# With WASI_SDK_PATH set there is nothing to install.
ifdef WASI_SDK_PATH
SETUP :=
else
SETUP := $(TOOLCHAIN)/.installed
endif

.PHONY: help setup setup-clients setup-browser setup-network build run test attacks fuzz lint supply-chain advisories docs bench ci clean
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(SETUP) ## Install what the guest build needs, below target/ (other targets do it when needed)

$(TOOLCHAIN)/.installed: guest-lua/toolchain.txt
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo "error: installing the guest's C compiler needs $(PYTHON) with pip: install pip, or set WASI_SDK_PATH to a wasi-sdk"; exit 1; }
	@rm -rf $(TOOLCHAIN)
	$(PIP_INSTALL) --target $(TOOLCHAIN) -r guest-lua/toolchain.txt
	@touch $@

setup-clients: $(CLIENTS)/.installed ## Install the foreign clients some tests use, below target/

$(CLIENTS)/.installed: tests/clients.txt
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo "error: the tests' clients need $(PYTHON) with pip: install pip"; exit 1; }
	@rm -rf $(CLIENTS)
	$(PIP_INSTALL) --target $(CLIENTS) -r tests/clients.txt
	@touch $@

# $(call install,PROGRAM,PACKAGES,WHO) installs packages of Debian's unless the program is there.
define install
	@command -v $(1) >/dev/null && exit 0; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "error: $(3) need $(1) on the PATH: on Debian, run as root: apt-get install $(2)"; exit 1; \
	fi; \
	mkdir -p target; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -qq && apt-get install -qq --no-install-recommends $(2) >target/install.log 2>&1 \
		|| { tail -n 20 target/install.log; exit 1; }
endef

setup-browser: ## Install Chromium and its driver, which some tests drive (Debian, as root)
	$(call install,chromium,chromium,the browser tests)
	$(call install,chromedriver,chromium-driver,the browser tests)

setup-network: ## Install what makes the tests' own networks and disks (Debian, as root)
	$(call install,ip,iproute2,the tests of the network door)
	$(call install,unshare,util-linux,the tests of the network door)

build: $(SETUP) ## Build the shipped binary, target/release/tidelock
	@command -v $(CARGO) >/dev/null || { echo "error: building needs Rust 1.95 or newer with cargo"; exit 1; }
	$(CARGO) build --release --locked --package host

run: build ## Serve examples/hello.lua on 127.0.0.1:8080 until interrupted (PORT=N for another port)
	$(BINARY) run --allow-listen $(PORT) examples/hello.lua $(PORT)

test: build setup-clients ## Run all tests against the built binary
	$(CARGO) test --release --locked --workspace

attacks: build ## Run the attacks of docs/security.md ROUNDS (20) times
	@for round in $$(seq $(ROUNDS)); do \
		$(CARGO) test --release --locked --quiet --package tests --test attacks || { echo "failed in round $$round"; exit 1; }; \
	done; echo "all attacks answered, $(ROUNDS) times"

fuzz: build $(NATIVE)/run ## Feed everything that reads strangers' bytes with random ones, FUZZ_SECONDS (60) for each, then run FUZZ_SCRIPTS (10000)
	for target in event_stream json; do FUZZ_SECONDS=$(FUZZ_SECONDS) $(NATIVE)/run guest-lua/prelude/assert.lua guest-lua/native-tests/fuzz/$$target.lua || exit 1; done
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(CARGO) test --release --locked --package host --lib fuzz_ -- --nocapture --test-threads=1
	FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_SCRIPTS=$(FUZZ_SCRIPTS) $(CARGO) test --release --locked --package tests --test fuzz fuzz_ -- --nocapture --test-threads=1

# The C of guest-lua/src/pure for this machine, with sanitizers, in a plain Lua: tests and fuzz run it.
$(NATIVE)/run: $(NATIVE)/liblua.a guest-lua/native-tests/run.c $(wildcard guest-lua/src/pure/*)
	$(CC) -std=c11 -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	  -I$(NATIVE)/lua -Iguest-lua/src/pure guest-lua/src/pure/*.c guest-lua/native-tests/run.c $< -o $@ -lm

# A plain Lua of the same sources: the conformance suite compares tidelock with it.
$(NATIVE)/plain: $(NATIVE)/liblua.a guest-lua/native-tests/lua.c
	$(CC) -std=c11 -O1 -Wall -Wextra -Werror -I$(NATIVE)/lua guest-lua/native-tests/lua.c $< -o $@ -lm

$(NATIVE)/liblua.a: Cargo.lock
	@rm -rf $(NATIVE) && mkdir -p $(NATIVE)
	@$(CARGO) metadata --format-version 1 --locked --filter-platform $$(rustc -vV | sed -n 's/host: //p') | \
	  $(PYTHON) -c 'import json, os, sys; print(*(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == "lua-src"))' >$(NATIVE)/where
	@cp -r "$$(cat $(NATIVE)/where)/lua-5.5.1" $(NATIVE)/lua && rm -f $(NATIVE)/lua/lua.c $(NATIVE)/lua/luac.c
	cd $(NATIVE)/lua && $(CC) -std=c11 -O1 -DLUA_USE_POSIX -c *.c && ar rcs ../liblua.a *.o

lint: $(SETUP) ## Check formatting and run clippy, warnings being errors (our C is compiled so in every build)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

supply-chain: $(TOOLS)/bin/cargo-deny ## Check licences, sources and bans of all dependencies (deny.toml)
	$< --locked check licenses bans sources

advisories: $(TOOLS)/bin/cargo-deny ## Check the dependencies against the RustSec database, which is fetched
	$< --locked check advisories

$(TOOLS)/bin/cargo-deny: Makefile
	$(CARGO) install cargo-deny --version $(CARGO_DENY) --locked --no-default-features --root $(TOOLS) --quiet
	@touch $@

docs: $(SETUP) ## Build the API documentation
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --workspace --no-deps --document-private-items

bench: build ## Measure requests/s beside a bare hyper server, start-up time, size, idle connections, downloads beside curl, how CPU limits hold (needs wrk)
	$(CARGO) build --release --locked --package tests --example bare_hyper
	$(PYTHON) tests/benches/measure.py
	$(PYTHON) tests/benches/idle_connections.py
	$(PYTHON) tests/benches/download.py
	$(PYTHON) tests/benches/cpu_limit.py

# What may be skipped elsewhere must run here.
ci: export CI := true
ci: setup-browser setup-network lint supply-chain test docs ## Everything CI runs

clean: ## Remove what was built (also the installed compiler)
	rm -rf target
