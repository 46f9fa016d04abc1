# Every chore has one target; CI runs the same ones. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help build generate baseline lint test race torture run bench postgres programs

BIN := $(CURDIR)/.bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the commands into .bin/
	@mkdir -p $(BIN)
	go build -o $(BIN)/ ./cmd/...

# The tools have a go.mod each, so that their dependencies are not the module's.
$(BIN)/buf: internal/tools/buf/go.sum
	cd internal/tools/buf && go build -o $@ github.com/bufbuild/buf/cmd/buf

$(BIN)/golangci-lint: internal/tools/lint/go.sum
	cd internal/tools/lint && go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(BIN)/openapi: internal/tools/openapi/go.sum $(wildcard internal/tools/openapi/*.go)
	cd internal/tools/openapi && go build -o $@ .

generate: $(BIN)/buf ## generate Go and OpenAPI from the protos
	$(BIN)/buf generate

# The baseline is a file and not a branch, because a clone may lack the branch. It is
# text, so that a review shows what changes. This target only adds to it.
baseline: $(BIN)/buf ## add new protos to the baseline that later changes may not break
	$(BIN)/buf breaking proto --against proto/baseline.txtpb
	$(BIN)/buf build proto --exclude-source-info -o proto/baseline.txtpb

lint: $(BIN)/buf $(BIN)/golangci-lint $(BIN)/openapi ## check protos, OpenAPI, Go code and go.mod
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/buf breaking proto --against proto/baseline.txtpb
	$(BIN)/openapi application/testdata/openapi.json
	go mod tidy -diff
	$(BIN)/golangci-lint run --config internal/tools/lint/golangci.yml ./...

test: postgres programs ## run all tests
	go test ./...

# Without the packages that test processes, which are built without the detector.
race: postgres programs ## run the tests with the race detector
	go test -race $$(go list ./... | grep -vE '/(cmd/videotutorials|internal/check/tutorial)$$')

SEED ?= 0
DURATION ?= 5m
torture: postgres ## inject faults into three servers under load; SEED= DURATION=
	go test ./internal/check/torture -v -count=1 -timeout 0 -seed $(SEED) -duration $(DURATION)

run: build $(if $(VT_DATABASE_URL),,postgres) ## start the whole system in the foreground
	$(BIN)/videotutorials

bench: build postgres ## measure the system and its peers
	go run ./internal/check/bench

postgres: # find Postgres or install it
	@sh internal/tools/postgres.sh

# The mail server and the transcoder that tests run.
programs: # find or install them
	@sh internal/tools/packages.sh exim4:exim4-daemon-light ffmpeg:ffmpeg
