#!/bin/sh
# Installs what the tests need beside Rust: a C compiler, SIPp, baresip, Linphone, Kamailio, tshark, Chromium, PostgreSQL, a clock that can be set, and what makes namespaces.
# Does nothing when all are there.
set -eu
cd "$(dirname "$0")/.."

scripts/setup-peers.sh
exec scripts/apt.sh \
    cc=gcc /usr/include/string.h=libc6-dev \
    kamailio=kamailio linphonec=linphone-cli \
    sipp=sip-tester \
    tshark=tshark \
    pebble=pebble curl=curl openssl=openssl \
    /usr/lib/python3/dist-packages/aiosmtpd/smtp.py=python3-aiosmtpd \
    baresip=baresip-core chromium=chromium \
    '/usr/lib/postgresql/*/bin/initdb=postgresql' \
    '/usr/lib/*/faketime/libfaketimeMT.so.1=libfaketime' \
    ip=iproute2 mount=mount \
    runuser=util-linux unshare=util-linux prlimit=util-linux
