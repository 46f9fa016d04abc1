# Every chore has one target; CI runs the same ones. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help build generate baseline lint test race torture run bench postgres programs

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

$(BIN)/openapi: internal/tools/openapi/go.sum $(wildcard internal/tools/openapi/*.go)
	cd internal/tools/openapi && go build -o $@ .

generate: $(BIN)/buf ## generate Go and OpenAPI from the protos
	$(BIN)/buf generate

# What the protos may not break is a file, and not a branch: a clone may have none.
# It is text, so that a review sees what it loses, which this target never takes away.
baseline: $(BIN)/buf ## take what the protos add into what they may not break
	$(BIN)/buf breaking proto --against proto/baseline.txtpb
	$(BIN)/buf build proto --exclude-source-info -o proto/baseline.txtpb

lint: $(BIN)/buf $(BIN)/golangci-lint $(BIN)/openapi ## check the protos, the REST API's description and the Go
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/buf breaking proto --against proto/baseline.txtpb
	$(BIN)/openapi application/testdata/openapi.json
	go mod tidy -diff
	$(BIN)/golangci-lint run --config internal/tools/lint/golangci.yml ./...

test: postgres programs ## run all tests
	go test ./...

# Not those of processes, which are built without it.
race: postgres programs ## run the tests with the race detector
	go test -race $$(go list ./... | grep -vE '/(cmd/videotutorials|internal/check/tutorial)$$')

SEED ?= 0
DURATION ?= 5m
torture: postgres ## three servers killed, stopped and overloaded while they are written to; SEED= DURATION=
	go test ./internal/check/torture -v -count=1 -timeout 0 -seed $(SEED) -duration $(DURATION)

run: build $(if $(VT_DATABASE_URL),,postgres) ## start the whole system; it stays in front
	$(BIN)/videotutorials

bench: build postgres ## measure, beside a named peer
	go run ./internal/check/bench

postgres: # find Postgres, or install it where that is possible
	@sh internal/tools/postgres.sh

# A mail server and a transcoder, which are run by tests.
programs: # find them, or install them where that is possible
	@sh internal/tools/packages.sh exim4:exim4-daemon-light ffmpeg:ffmpeg
