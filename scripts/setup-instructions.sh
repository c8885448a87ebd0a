#!/bin/sh
# Installs what counting instructions needs beside Rust: valgrind, whose callgrind counts. Does nothing when it is there.
set -eu
cd "$(dirname "$0")/.."

exec scripts/apt.sh \
    cc=gcc /usr/include/string.h=libc6-dev \
    valgrind=valgrind
