# `make` alone explains the targets.
CARGO := tools/cargo
.DEFAULT_GOAL := help
.PHONY: help demo test test-vm oracle bench vm build install uninstall

# For install and uninstall.
PREFIX := /usr/local
DESTDIR :=
BINDIR := $(PREFIX)/bin
DATADIR := $(PREFIX)/share
UNITDIR := $(PREFIX)/lib/systemd/system
RULESDIR := $(PREFIX)/lib/udev/rules.d
CONFIG := /etc/cuse-pcm.toml
PROGRAM := target/release/cuse-pcm
INSTALL_VARIABLES := DESTDIR PROGRAM BINDIR DATADIR UNITDIR RULESDIR CONFIG

help: ## explains the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: ## plays a melody through an unmodified aplay and shows what arrived
	@tools/setup build
	@[ -e target/release/cuse-pcm ] || echo "Building; the first time takes a minute or two."
	@$(CARGO) build --release --locked --quiet --package cuse-pcm
	@target/release/cuse-pcm demo

test: ## format, lints, documentation, all tests
	@tools/setup test
	@tools/check

test-vm: ## of these, only the tests that boot a virtual machine with Linux 6.12
	@tools/setup test
	@$(CARGO) build --locked --quiet --workspace --bins
	@$(CARGO) test --locked --quiet --package cuse-pcm-tests --no-run
	@$(CARGO) test --locked --package cuse-pcm-tests --test 'vm*'

oracle: ## compares our cards with the kernel's, a million calls, in a virtual machine (up to an hour; a table)
	@tools/setup vm
	@$(CARGO) build --locked --quiet --profile oracle --package cuse-pcm --package cuse-pcm-tests --bins
	@tests/oracle/run

bench: ## measures the card against floors taken in the same run (table; target/bench.json)
	@tools/setup test
	@$(CARGO) build --release --workspace --bins --locked --quiet
	@target/release/bench --json target/bench.json

vm: ## opens a shell in a virtual machine with CUSE, snd-dummy and snd-aloop (tests/vm/run --help)
	@tools/setup vm
	@$(CARGO) build --locked --quiet --workspace --bins
	@tests/vm/run --programs target/debug --shell

build: ## builds target/release/cuse-pcm
	@tools/setup build
	@$(CARGO) build --release --locked --package cuse-pcm

target/release/cuse-pcm:
	@$(MAKE) --no-print-directory build

install: $(PROGRAM) ## installs program, manual, service, udev rule (PREFIX=/usr/local, DESTDIR=); to be run as root
	@dist/install $(foreach v,$(INSTALL_VARIABLES),$(v)="$($(v))")

uninstall: ## takes away what install brought, but for a configuration that was changed
	@dist/install --remove $(foreach v,$(INSTALL_VARIABLES),$(v)="$($(v))")
