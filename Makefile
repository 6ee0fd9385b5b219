# Everything a contributor runs; .ci/run runs the same targets.
SHELL := bash
.DELETE_ON_ERROR:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules --no-print-directory

BIN := .tmp/bin
FUZZTIME ?= 30s

.PHONY: help
help: ## Show the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: all
all: test lint checkgenerate ## Test, lint and compare generated code: what to run before a commit.

.PHONY: test
test: ## Run the tests.
	go test ./...

.PHONY: race
race: ## Run the tests in random order under the race detector.
	go test -race -shuffle=on -timeout=30m ./...

.PHONY: lint
lint: protolint gofmt ## Check format, vet and lint of Go and proto.
	go vet ./...
	go tool -modfile=tools/lint.mod golangci-lint run ./...

.PHONY: gofmt
gofmt:
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi

.PHONY: protolint
protolint:
	internal/tools/proto.sh lint

.PHONY: fmt
fmt: ## Format Go and proto.
	go tool -modfile=tools/lint.mod golangci-lint fmt ./...
	internal/tools/proto.sh format

.PHONY: generate
generate: ## Generate code, OpenAPI and docs/coverage.md.
	internal/tools/proto.sh gen

.PHONY: checkgenerate
checkgenerate: ## Fail when generated files differ from their sources.
	internal/tools/proto.sh check

.PHONY: breaking
breaking: ## Fail when proto breaks callers of proto/released.binpb.
	internal/tools/proto.sh breaking

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (30s).
	internal/tools/fuzz.sh $(FUZZTIME)

.PHONY: faults
faults: ## Run the fault table; prints a line per row.
	go run ./internal/faults

.PHONY: soak
soak: ## Run the promises at full length; takes 45 minutes.
	go run ./internal/soak
	go test -run appliedInOrder -timeout 60m ./amo -args -seeds=20

.PHONY: mainjob
mainjob: ## Stream 20,000 customers and measure rate and memory.
	go run ./internal/mainjob

.PHONY: mutants
mutants: ## Break one token at a time and count what the tests notice; takes up to an hour.
	go run ./internal/tools/mutants -n 120 -out docs/mutants.md

.PHONY: bench
bench: ## Measure throughput, memory and CPU beside other clients; takes 15 minutes.
	go run ./bench

.PHONY: canfail
canfail: ## Show that the checks fail when they should.
	internal/tools/canfail.sh

.PHONY: examples
examples: build ## Run every example against the sandbox.
	internal/tools/examples.sh $(BIN)/amogate

.PHONY: peers
peers: build ## Let other clients of amoCRM and amogate see the same in the emulator.
	internal/peers/run.sh $(BIN)/amogate

.PHONY: build
build: ## Build the static binary, as the image does.
	CGO_ENABLED=0 go build -trimpath -ldflags=-s -o $(BIN)/amogate ./cmd/amogate

.PHONY: demo
demo: build ## Serve the sandbox and make three calls.
	internal/tools/demo.sh $(BIN)/amogate

.PHONY: image
image: build ## Run the binary as the image does: alone, without rights. Needs root or sudo.
	internal/tools/image.sh $(BIN)/amogate

.PHONY: docker
docker: ## Build the image.
	docker build --tag amogate .
