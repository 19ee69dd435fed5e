# make demo   installs everything into .venv and runs one real benchmark on this machine
# make test   installs everything into .venv, then lint, types, import rules and all tests
# make check  what one runs while working: the same without the tests that start servers or loads, or export models
# make docs   builds the documentation into site/
# make fuzz   sends 200,000 malformed requests to a local endpoint; five minutes
# make soak   an hour of kills, replaced archives, slow and poisonous clients, at once, on a local endpoint
# make bench  measures load client, summary, report and router against their peers, side by side
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := report,local,models,openvino,traffic,tune,plan,mlflow,notebooks,docs,dev
STAMP := $(VENV)/.installed

# Debian packages apart from python3 what makes virtual environments and what Triton's Python backend links.
READY := import ctypes, ensurepip, os, sysconfig; name = sysconfig.get_config_var("INSTSONAME"); \
  path = os.path.join(sysconfig.get_config_var("LIBDIR"), name); ctypes.CDLL(path if os.path.exists(path) else name)
VERSION = $(shell $(PYTHON) -c "import sys; print('%d.%d' % sys.version_info[:2])")
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: setup compiler demo test check lint unit fast bench fuzz soak docs clean

setup: $(STAMP)

# The torch of constraints.txt is installed by its exact version first: an open range would let pip choose a
# newer build with gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c '$(READY)' || { $(SUDO) apt-get update && $(SUDO) apt-get install -y python3-venv libpython$(VERSION); }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(grep '^torch==' constraints.txt)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

# What builds the stand-in for NVIDIA's libraries, tests/gpu, and platform pt2.
compiler:
	@command -v cc && command -v g++ || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends gcc g++ libc6-dev; }

demo: setup
	$(BIN)/mmebench run examples/demo.yaml

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What is not written is compiled anew, by each of the workers and of the processes that tests start.
unexport PYTHONDONTWRITEBYTECODE

# Reports are opened in a browser. Some tests wait, so that two cores have time for four of them at once; those that
# judge when something happened come after the others and not beside them.
# What fails beside three others is tried once more by itself and named; what fails there, too, ends it.
BY_FILE := --dist loadfile --no-loadscope-reorder
ALONE = $(BIN)/pytest --last-failed --last-failed-no-failures none --exitfirst --verbose
unit: setup compiler
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends chromium; }
	$(BIN)/pytest -n 4 $(BY_FILE) --ignore tests/timing || { test $$? = 1 && $(ALONE); }
	$(BIN)/pytest -n 4 --dist load --maxschedchunk 1 tests/timing

# Lint has a core to itself for half a minute, in which tests wait. What it said comes last, and it fails the whole.
LINTED := $(VENV)/lint.log
test: setup
	@$(MAKE) --no-print-directory lint > $(LINTED) 2>&1 & lint=$$!; \
	  $(MAKE) --no-print-directory unit; tests=$$?; \
	  wait $$lint; lint=$$?; cat $(LINTED); exit $$((tests + lint))

fast: setup compiler
	$(BIN)/pytest -n 4 $(BY_FILE) -m "not (triton or export or e2e or browser or slow)"

check: lint fast

# gcc builds the stub server, nginx answers over TLS, wrk is a peer, and chromium opens a report.
bench: setup
	@PATH=$$PATH:/usr/sbin; command -v gcc && command -v nginx && command -v wrk && command -v chromium || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends gcc libc6-dev nginx-light wrk chromium; }
	$(BIN)/python benchmarks/throughput_bench.py
	$(BIN)/python benchmarks/latency_bench.py
	$(BIN)/python benchmarks/crowd_bench.py
	$(BIN)/python benchmarks/startup_bench.py
	$(BIN)/python benchmarks/summary_bench.py
	$(BIN)/python benchmarks/targets_bench.py
	$(BIN)/python benchmarks/report_bench.py
	$(BIN)/python benchmarks/planning_bench.py
	$(BIN)/python benchmarks/router_bench.py
	$(BIN)/python benchmarks/conductor_bench.py
	$(BIN)/python benchmarks/fleet_bench.py
	$(BIN)/python benchmarks/fill_bench.py
	$(BIN)/python benchmarks/auto_bench.py

# 200,000 malformed requests to a local endpoint; five minutes.
fuzz: setup
	cd tests && ../$(BIN)/python -m reliability.fuzz 200000

# An hour of all that goes wrong, at once.
soak: setup
	cd tests && ../$(BIN)/python -m reliability.soak 60

# What is said of specs is made from their models; then all of it, into site/.
docs: setup
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
