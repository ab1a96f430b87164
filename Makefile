# airnet's verbs. What is longer than a line or two lives in .ci/ or in Python.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
NATIVE := $(wildcard ext/*.pyx ext/*.pxd ext/*.h bpf/*.h bpf/*.bpf.c) setup.py

.PHONY: help build debug demo test check bench docs lock clean FORCE

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

build: build/native.stamp ## Debian and Python packages, extensions, BPF objects

debug: .venv/lock.stamp ## the same with every check on (bounds, UBSan)
	AIRNET_DEBUG=1 $(BIN)/python setup.py -q build_ext --inplace --force
	@rm -f build/native.stamp; touch build/debug.stamp
	@echo "airnet: checked build; 'make build' goes back"

demo: build ## the whole loop on this machine, in one command
	$(BIN)/airnet demo

test: build ## everything that must pass
	$(BIN)/python -m pytest

check: build ## formatters, linters, types, layers, budgets, the rules of this tree
	.ci/check

bench: build ## what each stage costs on this host
	$(BIN)/airnet bench

docs: build ## prove that the documents still say what is true
	$(BIN)/python -m pytest -q tests/tidy/test_docs.py

lock: build/constraint.txt ## rewrite requirements.lock from pyproject.toml
	.ci/lock

clean: ## remove what was built; .venv stays
	rm -rf build var .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src ext bpf \( -name '*.so' -o -name '*.o' \) -delete

# For Ryu, see .ci/python.
build/constraint.txt:
	@mkdir -p build && echo 'setuptools<68' > $@

# Looks every time, and changes only when what is missing does: a tool that has come
# since is built with.
build/packages.stamp: FORCE | build/constraint.txt
	@.ci/packages $@
FORCE:

.venv/lock.stamp: requirements.lock .ci/python | build/packages.stamp
	@.ci/python && touch $@

build/native.stamp: $(NATIVE) .venv/lock.stamp build/packages.stamp
	@.ci/native && touch $@
