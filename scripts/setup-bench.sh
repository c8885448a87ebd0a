#!/bin/sh
# Installs what the bench needs beside Rust: the peers to measure against. No service of theirs is started, and no kernel module is built:
# rtpengine's own comes in a package that is only recommended, and recommended packages are left out.
set -eu
cd "$(dirname "$0")/.."

exec scripts/apt.sh \
    cc=gcc /usr/include/string.h=libc6-dev \
    kamailio=kamailio \
    '/usr/lib/*/kamailio/modules/tls.so=kamailio-tls-modules' '/usr/lib/*/kamailio/modules/websocket.so=kamailio-websocket-modules' \
    '/usr/lib/postgresql/*/bin/initdb=postgresql' runuser=util-linux \
    rtpengine=rtpengine-daemon
