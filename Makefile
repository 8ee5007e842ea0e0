# `make run` starts nearfar on a fresh machine; `make test` installs what the tests need and runs them.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-slow check bench docs clean

run: .venv/.run
	$(BIN)/nearfar estimate examples -o out --color --side-by-side --force

test: .venv/.test
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-slow: .venv/.test
	$(BIN)/python -m pytest -m slow $(ARGS)

check: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.test
	$(BIN)/python -m benchmarks

docs: .venv/.test
	$(BIN)/python -m benchmarks.report

clean:
	rm -rf .venv out .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/.run: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m compileall -q src
	touch $@

# torch comes first and pinned: a looser range would bring gigabytes of CUDA libraries
.venv/.test: .venv/.run requirements/torch.txt requirements/test.txt
	$(BIN)/python -m pip install --quiet --requirement requirements/torch.txt
	$(BIN)/python -m pip install --quiet --editable '.[evaluation,heif,openvino,train]' --requirement requirements/test.txt
	touch $@
