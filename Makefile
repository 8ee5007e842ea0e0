# `make run` starts the page on a fresh machine; `make test` installs what the tests need and runs them.
PYTHON ?= python3
BIN := .venv/bin

# versions that were tested; what runs is then what was tested
CONSTRAINTS := --constraint requirements/constraints.txt

# what `make api-docs` documents: what people import
API := nearfar nearfar.config nearfar.estimator nearfar.imaging nearfar.io.depth_files \
	nearfar.io.images nearfar.loading nearfar.models nearfar.pipelines nearfar.video

.PHONY: run test browser test-slow test-worlds test-minimum check bench docs api-docs clean

run: .venv/.run
	$(BIN)/nearfar serve $(ARGS)

test: .venv/.test browser
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-slow: .venv/.test test-worlds
	$(BIN)/python -m pytest -m slow $(ARGS)

test-worlds: .venv/.worlds
	$(BIN)/mypy worlds
	$(BIN)/python -m pytest worlds/tests

test-minimum:
	.ci/minimum-versions $(ARGS)

check: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	if .ci/worlds-changed; then $(MAKE) test-worlds; fi

bench: .venv/.test
	$(BIN)/python -m benchmarks

docs: .venv/.test
	$(BIN)/python -m benchmarks.report

# The API reference, out/api/index.html, from the docstrings
api-docs: .venv/.run requirements/api-docs.txt
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) --requirement requirements/api-docs.txt
	$(BIN)/python -m pdoc --docformat google --output-directory out/api $(API)

# The page is tested in a real browser: Debian's, where it is wanted and can be had. Where it can't, the
# tests that need it say how to get one.
browser:
	@command -v chromium >/dev/null || \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && \
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
		fi

clean:
	rm -rf .venv .venv-minimum out .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/.run: pyproject.toml requirements/constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing nearfar and its libraries into .venv; this happens once."
	$(BIN)/python -m pip install $(CONSTRAINTS) --editable '.[heif,web]'
	$(BIN)/python -m compileall -q src
	touch $@

# torch comes first and pinned: a looser range would bring gigabytes of CUDA libraries
.venv/.test: .venv/.run requirements/torch.txt requirements/test.txt
	$(BIN)/python -m pip install --quiet --requirement requirements/torch.txt
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) --editable '.[evaluation,heif,openvino,ray,tls,train,web]' --requirement requirements/test.txt
	touch $@

.venv/.worlds: .venv/.test requirements/worlds.txt
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) --requirement requirements/worlds.txt
	touch $@
