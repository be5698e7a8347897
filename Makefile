# Every target works on a machine with git, make, Node 20 and npm; Node 24 comes with `npm ci`.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The tools that `npm ci` installs come first, Node 24 among them, whatever Node the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# What npm writes last.
installed := node_modules/.package-lock.json

VERSION = $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)
# An API server on the API machinery of a current Kubernetes, which is no part of this project: see test/cluster/modern-api-server.sh.
export MODERN_API_SERVER ?= $(abspath $(wildcard ../shared/cluster/modern-api-server.xz))
IMAGE ?= acr-credential-injector:$(VERSION)
BUILDER ?= docker

.PHONY: help install build run test lint types unit sweep soak fuzz e2e e2e-node bench bench-guard bench-builds certs image clean

help: ## lists the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 20

install: $(installed) ## installs the dependencies

$(installed): package-lock.json package.json .npmrc
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

build: install ## bundles the service into dist/main.js
	node build.ts

run: build ## shows the service at work in a sandbox; CLUSTER=1: runs it against the current kubeconfig
	@$(if $(CLUSTER),node dist/main.js serve $(ARGS),node test/sandbox/run.ts)

test: lint types unit ## lint, types, unit and sandbox tests

lint: install ## ESLint and prettier
	eslint . --max-warnings 0
	prettier --check --log-level warn .

types: install ## the TypeScript compiler, strict
	tsc

unit: install ## unit tests and the contract suite against the sandbox
	vitest run --project unit --project sandbox $(VITEST_FLAGS)

sweep: install ## a simulated day of renewals for every pair of session length and threshold
	SESSION_DAYS=all vitest run --project unit $(VITEST_FLAGS) test/identity/session-days.test.ts

soak: install ## ten minutes of random faults around the service; SOAK_SECONDS, SOAK_SEED
	SOAK_SECONDS=$(or $(SOAK_SECONDS),600) vitest run --project unit $(VITEST_FLAGS) test/soak

fuzz: install ## 100,000 mutated AdmissionReviews against the webhook; FUZZ_RUNS, FUZZ_SEED
	FUZZ_RUNS=$(or $(FUZZ_RUNS),100000) vitest run --project unit $(VITEST_FLAGS) test/fuzz

e2e: install ## the contract suite and Helm against a real API server (or the cluster of E2E_KUBECONFIG)
	vitest run --project e2e $(if $(MODERN_API_SERVER),--project modern) $(VITEST_FLAGS)
	@$(if $(MODERN_API_SERVER),,echo 'The tests on current API machinery are left out: MODERN_API_SERVER names no API server.')

e2e-node: install ## the image, the chart and users' charts on a node of a real cluster, as root; INSTALLS (20)
	builder=$$(test/cluster/image-builder.sh) && $(MAKE) --no-print-directory image BUILDER="$$builder/docker"
	INSTALLS=$(or $(INSTALLS),20) test/cluster/node.sh run vitest run --project node $(VITEST_FLAGS)

bench: build ## measures what docs/performance.md speaks of, and draws docs/growth.svg; ROWS (names of rows), PAIRS (9)
	@node bench/main.ts --pairs $(or $(PAIRS),9) $(ROWS)

bench-guard: build ## fails when an admission or a write takes half as much processor time again as was recorded
	@node bench/main.ts --pairs 3 --results bench/results/guard.json admission-cpu fan-out-cpu

bench-builds: install ## answers a second of several builds of the service, beside bare Fastify; BUILDS (their main.js), PROCESSES (4)
	@node bench/compare-builds.ts --processes $(or $(PROCESSES),4) $(BUILDS)

certs: install ## certificates for --tls-dir on this machine; NAMES
	node test/certificates/development-certificates.ts certs $(or $(NAMES),localhost 127.0.0.1 ::1)

image: ## builds the image; IMAGE, BUILDER (docker, buildah, podman), BUILD_ARGS
	@command -v $(BUILDER) >/dev/null || { echo 'There is no $(BUILDER): say BUILDER=docker, podman or buildah, whichever is here.'; exit 1; }
	$(BUILDER) build -t $(IMAGE) --build-arg VERSION=$(VERSION) --build-arg COMMIT=$$(git rev-parse --short HEAD) $(BUILD_ARGS) .

clean: ## removes what was built
	rm -rf dist node_modules coverage
