# Shoal. `make help` lists the targets. Nothing here needs a network but the package managers.

CARGO ?= cargo
PROFILE ?= tiny
SEEDS ?= 100
SIZE ?= 256
DEVICES ?= 1024
ARGS ?=
# Where the Verilog of `hyper` with so many devices goes.
HYPER := build/hyper$(if $(filter 131072,$(DEVICES)),,-$(DEVICES))
TARGET := $(or $(CARGO_TARGET_DIR),target)
SHOAL := $(CARGO) run --release --quiet -p shoal-cli --bin shoal --
VERILOG := $(CARGO) run --release --quiet -p shoal-hdl --bin shoal-verilog --

.PHONY: help setup setup-yosys run test fmt clippy unit lint verilog bench soak conform breaks synth synth-xcup guest-setup guest guest-test vhost-user-test clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

setup: ## install what building and running need, if it is missing
	@scripts/setup.sh

setup-yosys: setup
	@scripts/setup.sh yosys

run: setup ## set up, build, run the demo with 64 devices; ARGS= … replaces its arguments to `shoal run`
	$(SHOAL) run $(or $(ARGS),demo)

# One profile (--release) throughout, so that dependencies and the Verilated models are compiled once.
test: setup-yosys guest-setup ## set up, then every check and every test
	@$(MAKE) --no-print-directory fmt clippy unit guest-test
	$(TARGET)/release/shoal-verilog build
	scripts/yosys-check.sh build/*/shoal_top.v
	@echo 'make test: passed (format, clippy, all tests, guests, Verilog lint and yosys check of every profile)'

fmt:
	$(CARGO) fmt --all -- --check

clippy:
	$(CARGO) clippy --release --workspace --all-targets -- -D warnings

unit:
	$(CARGO) test --release --workspace

lint: setup-yosys fmt clippy ## format, clippy, Verilog lint and yosys check; no tests
	$(VERILOG) build
	scripts/yosys-check.sh build/*/shoal_top.v

verilog: setup ## write build/$PROFILE/shoal_top.v (PROFILE=tiny)
	$(VERILOG) build $(PROFILE)

bench: setup ## cycles of packets, requests and commands, and simulation speed; ARGS='…' goes to `shoal bench`
	$(SHOAL) bench $(ARGS)

soak: setup ## random sessions in lockstep, each with a seed of its own (SEEDS=100)
	SHOAL_CASES=$(SEEDS) $(CARGO) test --release -p shoal-conformance --test prop_lockstep --test noninterference -- --nocapture

conform: setup ## hostile tenants beside a neighbour, in lockstep (PROFILE=tiny, ARGS=… goes to `shoal conform`)
	$(SHOAL) conform --profile $(PROFILE) $(ARGS)

breaks: setup ## where each deliberate fault of the RTL is found, and how soon (part of `make test`)
	$(CARGO) test --release -p shoal-conformance --test breaks -- --nocapture

synth: setup-yosys ## LUTs, flip-flops and block RAMs of every block on an ECP5
	$(VERILOG) build tiny
	scripts/synth.sh build/tiny/shoal_top.v build/synth

synth-xcup: setup-yosys ## what profile hyper takes of an UltraScale+ part, with DEVICES=1024, 16384 or 131072
	$(VERILOG) build hyper --devices $(DEVICES)
	scripts/yosys-check.sh $(HYPER)/shoal_top.v
	scripts/synth-xcup.sh $(HYPER)/shoal_top.v $(HYPER)/synth

guest-setup: setup ## fetch QEMU, a kernel and programs for Linux guests into build/guest (0.5 GB)
	@scripts/guest-setup.sh

guest: guest-setup ## Linux in QEMU drives the device; NAME=vdpa-tool (`shoal guest list` shows all), ARGS='…'
	@scripts/guest-image.sh
	$(SHOAL) guest $(or $(NAME),vdpa-tool) $(ARGS)

guest-test: guest-setup ## every guest, in lockstep (part of `make test`)
	@scripts/guest-image.sh
	set -e; for name in probe vdpa-tool net blk vhost scale vhost-user-blk vhost-user-net; do $(SHOAL) guest $$name --timeout 400; done

vhost-user-test: guest-setup ## qemu-io writes and verifies SIZE=256 MiB through vhost-user, in lockstep; about 1 s a MiB
	SHOAL_MIB=$(SIZE) $(CARGO) test --release --quiet -p shoal-cli --test vhost_user_clients -- --nocapture patterns

clean: ## remove what was built
	rm -rf build
	$(CARGO) clean
