# The two commands: `make demo` shows the product, `make test` proves it. Both set up everything they need.
#
#   make demo             environment, daemon on embedded parts, simulator, live view; Ctrl-C ends it
#   make test             environment, servers, style, types, layers, all tests, coverage
#   make test TESTS=...   the same for chosen tests only, without the coverage floor
#   make bench            every benchmark, one after the other (BENCH=... for chosen files)
#   make fuzz             both codecs, guided by coverage, half an hour each (FUZZ_S=... seconds)
#   make chaos            the real daemon killed 200 times between real servers, against a run that nobody disturbed
#   make accuracy         truth against alarms under known conditions; writes docs/accuracy.md
#   make lint             style, types and layers only
#   make fmt              rewrite the sources in the project's style
#   make lock             resolve the dependencies of pyproject.toml anew
#
# PYTHON=... chooses the interpreter of the environment, WORKERS=... the number of test processes.

BIN := .venv/bin
WORKERS ?= auto
TESTS ?=
BENCH ?= $(sort $(wildcard tests/benchmarks/bench_*.py))
FUZZ_S ?= 1800
KILLS ?= 200
# Not among the locked packages: it has no wheels for every Python that runs the rest.
ATHERIS := atheris==3.0.0
COVERAGE_FLOOR := $(if $(TESTS),0,90)
# What runs compiled is run again as plain Python: it must give the same answers, and only there coverage sees inside.
INTERPRETED := $(if $(TESTS),,$(wildcard $(addprefix tests/,\
	unit/model unit/codec unit/quality unit/engine unit/rules golden)))

.NOTPARALLEL:
.PHONY: demo test bench fuzz accuracy chaos lint fmt lock environment servers

demo: environment
	@$(BIN)/monitor demo

test: environment servers lint
	$(BIN)/python -m tests.compile_all
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS) $(TESTS)
ifneq ($(INTERPRETED),)
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -m pytest -n $(WORKERS) -m "not integration" $(INTERPRETED)
endif
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --fail-under=$(COVERAGE_FLOOR)

bench: environment
	@for module in $(subst /,.,$(basename $(BENCH))); do echo "== $$module"; $(BIN)/python -m $$module || exit 1; done

fuzz: environment
	@$(BIN)/python -c "import atheris" 2>/dev/null || $(BIN)/python -m pip install --quiet $(ATHERIS)
	@for target in jt808 jt809; do $(BIN)/python -m tests.fuzz $$target --seconds $(FUZZ_S) --keep || exit 1; done

chaos: environment servers
	$(BIN)/python -m tests.compile_all
	$(BIN)/python -m tests.chaos --kills $(KILLS)

accuracy: environment
	$(BIN)/python -m tests.accuracy

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fmt: environment
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:
	@deploy/lock.sh

environment:
	@deploy/bootstrap.sh environment

servers:
	@deploy/bootstrap.sh servers
