# The commands of this project; `make help` lists them. Each makes the environment first, where it is not there yet.

PYTHON ?= python3
RUN := PYTHONPATH=tests:. .venv/bin/python
# Named after the lock's content, so that neither a fresh checkout nor a change of branch rebuilds for nothing.
ENVIRONMENT := .venv/$(shell sha256sum requirements/dev.lock | cut -c 1-16).stamp

.DEFAULT_GOAL := help
.PHONY: help demo demo-down check test bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(ENVIRONMENT) ## machines, a cluster, the web form, and a class of labs; ends with a URL and ssh commands that work
	@$(RUN) tests/site/demo.py up

demo-down: $(ENVIRONMENT) ## take the demo away
	@$(RUN) tests/site/demo.py down

check: $(ENVIRONMENT) ## lint, types and unit tests (under three minutes)
	@.ci/steps check

test: $(ENVIRONMENT) ## check, slow unit tests, ansible-test on the built artifact, and the whole site on real hosts
	@.ci/steps check slow sanity site

bench: $(ENVIRONMENT) ## run what is in tests/bench and print its figures
	@.ci/steps bench

$(ENVIRONMENT): requirements/dev.lock
	@PYTHON=$(PYTHON) requirements/install.sh $@
