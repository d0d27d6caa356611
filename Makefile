# Every target is one command; a bare `make` lists them.

VENV := .venv
PYTHON := python3
# The emulator that `make run`, `make serve` and the tests speak to.
MINISTACK := $(VENV)/installed

.PHONY: help run serve test check build

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

run: $(MINISTACK) function operator ## Post sample bodies to the function on an emulator, show the records (BODY=file: that one)
	$(VENV)/bin/python infra/local.py run --function target/debug/callback --callbackctl target/debug/callbackctl $(if $(BODY),--body '$(BODY)')

serve: $(MINISTACK) function ## The same, staying up, with a URL to post to
	$(VENV)/bin/python infra/local.py serve --function target/debug/callback

test: $(MINISTACK) ## Run all tests
	cargo test --locked --features cli

check: $(MINISTACK) ## Prove everything: format, lints, tests, documentation
	cargo fmt --check
	cargo clippy --locked --all-targets --features cli -- -D warnings
	$(MAKE) test
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --features cli

build: ## Build the function for deployment: target/release/callback
	cargo build --locked --release --bin callback

.PHONY: function operator
function:
	@echo 'building the function'
	cargo build --locked --bin callback

operator:
	@echo "building the operator's commands"
	cargo build --locked --features cli --bin callbackctl

$(MINISTACK): infra/requirements.txt
	@echo 'installing the emulator into $(VENV)'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement infra/requirements.txt
	@touch $@
