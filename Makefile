# `make run` tries Qonduit out, `make test` proves it. Everything else here is
# a part of these two. Each provides for itself: xtask/bootstrap.sh finds or
# makes the compiler, the wasm32 library, the npm packages and the browser.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run test setup fmt lint unit bundle e2e bench check sqlx clean-cache

help: ## Say what there is
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

run: ## Build, start a sandbox tenant and the server, say what to type
	@exec xtask/run.sh

test: ## All checks: format, lints, tests, bundle, browser
	@exec xtask/test.sh

setup: ## Find or make what building and testing need
	@exec xtask/bootstrap.sh --browser

fmt: ## Format the code
	@xtask/bootstrap.sh >/dev/null && . target/env.sh && cargo fmt --all

check: ## Format and lints only
	@exec xtask/test.sh format lints

lint: ## Lints only
	@exec xtask/test.sh lints

unit: ## Unit and integration tests only
	@exec xtask/test.sh tests

bundle: ## Build what the browser loads, and weigh it
	@exec xtask/test.sh bundle

e2e: ## Browser tests only
	@exec xtask/test.sh bundle browser

bench: ## Measure the renewal with many portals
	@xtask/bootstrap.sh >/dev/null && . target/env.sh && SQLX_OFFLINE=true cargo bench -p backend --bench scale

sqlx: ## Write backend/.sqlx anew after a change of a query or a migration
	@xtask/bootstrap.sh && . target/env.sh && cargo xtask sqlx

clean-cache: ## Forget the remembered compiler and the wasm32 library made for it
	@rm -rf "$${QONDUIT_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/qonduit}"/{compiler,wasm-sysroot,bin}
