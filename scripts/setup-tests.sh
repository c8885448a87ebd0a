#!/bin/sh
# Installs what the tests need beside Rust: a C compiler, SIPp, baresip, PostgreSQL, a clock that can be set, and what makes namespaces.
# Does nothing when all are there.
set -eu
cd "$(dirname "$0")/.."

exec scripts/apt.sh \
    cc=gcc /usr/include/string.h=libc6-dev \
    sipp=sip-tester \
    baresip=baresip-core \
    '/usr/lib/postgresql/*/bin/initdb=postgresql' \
    '/usr/lib/*/faketime/libfaketimeMT.so.1=libfaketime' \
    ip=iproute2 mount=mount \
    runuser=util-linux unshare=util-linux prlimit=util-linux
