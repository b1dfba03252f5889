# Everything a person or a machine does with this checkout. Each command sets up what it needs and says what it does.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo demo-sweep test check torture lock setup clean

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo:  ## see it work: two experiments, a report, a change, and only that made again
	@bash scripts/setup.sh core
	@bash scripts/demo.sh

demo-sweep:  ## see a grid search with cross-validation, and one more cell of it
	@bash scripts/setup.sh core
	@bash scripts/demo_sweep.sh

test:  ## all checks and all tests, as in continuous integration
	@bash scripts/system_packages.sh
	@bash scripts/setup.sh dev
	@bash scripts/checks.sh all

check:  ## the checks without the tests: style, types, import order, docs
	@bash scripts/setup.sh dev
	@bash scripts/checks.sh quick

torture:  ## the long tests: killed processes, races, full disks
	@bash scripts/setup.sh dev
	@.venv/bin/pytest -n auto -m torture

lock:  ## write requirements/*.lock and the example's lock anew; UPGRADE=1 takes newer versions
	@bash scripts/setup.sh dev
	@bash scripts/lock.sh $(if $(UPGRADE),--upgrade)

setup:  ## make .venv for working on traintrack
	@bash scripts/setup.sh dev

clean:  ## remove what make has made: .venv, demo, caches
	@if [ -e demo ]; then chmod -R u+w demo; fi
	@rm -rf .venv demo dist build .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache
