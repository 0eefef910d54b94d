# Short names for what script/ and the presets of CMakePresets.json do. `make help` lists them.
PORT ?= 3000
PREFIX ?= /usr/local
.PHONY: all build run test bench install asan tsan valgrind lint fuzz coverage docs clean help

all: build          ## set up what is missing and build the release (default)

build:              ## the same
	@script/build release

run:                ## build, then serve on PORT (3000)
	@PORT=$(PORT) exec script/run

test:               ## build, then run all tests
	@script/test

bench:              ## build, then measure
	@script/bench

install:            ## build what is installed, and install it below PREFIX (/usr/local)
	@script/build release sio_installed
	@cmake --install build/release --prefix "$(PREFIX)"

asan:               ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@script/sanitize asan

tsan:               ## all tests under ThreadSanitizer
	@script/sanitize tsan

valgrind:           ## all test programs under valgrind
	@script/sanitize valgrind

lint:               ## format, clang-tidy and the checks of this project
	@script/lint

fuzz:               ## fuzz each decoder for a minute
	@script/fuzz

coverage:           ## branch coverage of the protocol code
	@script/coverage

docs:               ## the reference, in build/reference
	@script/reference

clean:              ## remove what was built
	rm -rf build

help:               ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
