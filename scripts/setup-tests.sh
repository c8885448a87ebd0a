#!/bin/sh
# Installs what the tests need beside Rust: a C compiler, SIPp, baresip, PostgreSQL. Does nothing when all are there.
set -eu
cd "$(dirname "$0")/.."

exec scripts/apt.sh \
    cc=gcc /usr/include/string.h=libc6-dev \
    sipp=sip-tester \
    baresip=baresip-core \
    '/usr/lib/postgresql/*/bin/initdb=postgresql' \
    runuser=util-linux
