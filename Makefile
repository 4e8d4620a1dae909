# Everything a contributor needs. `make demo` and `make test` set themselves up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export UV_COMPILE_BYTECODE = 1

.PHONY: setup page page-tests demo tour messages test check lint types unit soak bench lock clean

setup: $(VENV)/.ready

# uv lives in an environment of its own; the project's holds only what requirements.lock pins by hash.
# --no-deps: the lock is complete, and merkletools would otherwise ask for pysha3, which does not build.
$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "setting up $(VENV) ..."
	@test -x .boot/bin/uv || ($(PYTHON) -m venv .boot && .boot/bin/pip install --quiet --disable-pip-version-check uv)
	@test -x $(BIN)/python || .boot/bin/uv venv --quiet --python $(PYTHON) $(VENV)
	@.boot/bin/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	@.boot/bin/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# The verifier page, from npm (node 20 or newer): the same sources give the same bytes.
page: page/node_modules/.ready
	@cd page && npm run --silent build -- ../ledger/court/page/verifier.html

# Tests of the page need npm's packages; where these cannot be had, they are skipped and say so.
page-tests:
	@$(MAKE) --no-print-directory page/node_modules/.ready || true

page/node_modules/.ready: page/package-lock.json
	@cd page && npm ci --silent
	@touch $@

demo: setup
	@$(BIN)/python -m examples.demo

tour: setup
	@$(BIN)/python -m examples.make_tour

messages: setup
	@$(BIN)/python -m examples.make_messages

# The types take a minute of one processor; the tests begin meanwhile.
test check: lint
	@$(MAKE) --no-print-directory -j 2 types unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

unit: setup page-tests
	$(BIN)/python -m pytest -n 2 -m "not soak"

soak: setup page-tests .soak/.ready
	$(BIN)/python -m pytest -m soak

# Programs that the soak of a cluster starts, apart from ours. As root they run as somebody else, who cannot
# always read this Python: the system's is taken where there is one.
.soak/.ready: tests/cluster/requirements.lock $(VENV)/.ready
	@.boot/bin/uv venv --quiet --clear --python $(firstword $(wildcard /usr/bin/python3) $(PYTHON)) .soak
	@.boot/bin/uv pip install --quiet --python .soak/bin/python --no-deps --require-hashes -r $<
	@touch $@

bench: setup
	$(BIN)/python -m bench.run

lock:
	.boot/bin/uv export --quiet --all-extras --all-groups --no-emit-project --no-header --no-emit-index-url --format requirements-txt --output-file requirements.lock
	.boot/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url tests/cluster/requirements.in --output-file tests/cluster/requirements.lock

clean:
	rm -rf $(VENV) .boot .soak .mypy_cache .pytest_cache .ruff_cache .hypothesis dist demo
