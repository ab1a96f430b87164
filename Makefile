# airnet's verbs. What is longer than a line or two lives in .ci/ or in Python.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
# Ryu 4.34 builds with setuptools below 68 only (ADR 0008). Older pip reads the first
# variable for isolated builds, newer pip the second.
CONSTRAINT := $(CURDIR)/build/constraint.txt
PIP := PIP_CONSTRAINT=$(CONSTRAINT) PIP_BUILD_CONSTRAINT=$(CONSTRAINT) $(BIN)/pip
PIP += --disable-pip-version-check -q
NATIVE := $(wildcard ext/*.pyx ext/*.pxd ext/*.h bpf/*.h bpf/*.bpf.c) setup.py

.PHONY: help build debug demo test check bench docs lock clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

build: build/native.stamp ## Debian and Python packages, extensions, BPF objects

debug: .venv/lock.stamp ## the same with every check on (bounds, UBSan)
	AIRNET_DEBUG=1 $(BIN)/python setup.py -q build_ext --inplace --force
	@rm -f build/native.stamp; echo "airnet: checked build; 'make build' goes back"

demo: build ## the whole loop on this machine, in one command
	$(BIN)/airnet demo

test: build ## everything that must pass
	$(BIN)/python -m pytest

check: build ## formatters, linters, types, layers, tidy tests, budgets
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

build/constraint.txt:
	@mkdir -p build && echo 'setuptools<68' > $@

build/packages.stamp: apt.txt .ci/packages | build/constraint.txt
	@.ci/packages && touch $@

.venv/lock.stamp: requirements.lock | build/packages.stamp
	@test -x $(BIN)/python || { echo "airnet: making .venv"; python3 -m venv .venv; }
	@echo "airnet: installing what requirements.lock names"
	$(PIP) install --require-hashes -r requirements.lock
	@touch $@

build/native.stamp: $(NATIVE) .venv/lock.stamp
	@.ci/native && touch $@
