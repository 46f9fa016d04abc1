# Every chore has one target; CI runs the same ones. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help build generate lint test race torture run bench postgres

BIN := $(CURDIR)/.bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the commands into .bin/
	@mkdir -p $(BIN)
	go build -o $(BIN)/ ./cmd/...

# Buf and the linter have a go.mod each: their dependencies are not ours.
$(BIN)/buf: internal/tools/buf/go.sum
	cd internal/tools/buf && go build -o $@ github.com/bufbuild/buf/cmd/buf

$(BIN)/golangci-lint: internal/tools/lint/go.sum
	cd internal/tools/lint && go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

generate: $(BIN)/buf ## generate Go and OpenAPI from the protos
	$(BIN)/buf generate

lint: $(BIN)/buf $(BIN)/golangci-lint ## check the protos and the Go
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/golangci-lint run --config internal/tools/lint/golangci.yml ./...

test: postgres ## run all tests
	go test ./...

race: postgres ## run all tests with the race detector
	go test -race ./...

SEED ?= 0
DURATION ?= 5m
torture: postgres ## three servers killed, stopped and overloaded while they are written to; SEED= DURATION=
	go test ./internal/torture -v -count=1 -timeout 0 -seed $(SEED) -duration $(DURATION)

run: build postgres ## start the whole system; it stays in front
	$(BIN)/videotutorials

bench: build postgres ## measure, beside a named peer
	go run ./internal/bench

postgres: # find Postgres, or install it where that is possible
	@sh internal/tools/postgres.sh
