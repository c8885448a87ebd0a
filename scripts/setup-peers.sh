#!/bin/sh
# Puts the OpenID provider that tests/it/sso.rs signs in by under target/tools/oidc, and Node, which it runs on.
# Does nothing when they are there already.
set -eu
cd "$(dirname "$0")/.."

scripts/setup-console.sh
BIN=$PWD/target/tools/node/node_modules/.bin
PLACE=target/tools/oidc

# The lockfile says what belongs there; its sum says whether that is what is there.
sum=$(sha256sum tests/peers/oidc/package-lock.json | cut -d ' ' -f 1)
if [ "$(cat "$PLACE/.lock-sum" 2>/dev/null || true)" != "$sum" ]; then
    rm -rf "$PLACE"
    mkdir -p "$PLACE"
    cp tests/peers/oidc/package.json tests/peers/oidc/package-lock.json tests/peers/oidc/.npmrc "$PLACE"
    # None of these packages needs a script of its own to be installed.
    (cd "$PLACE" && PATH=$BIN:$PATH "$OLDPWD/scripts/npm.sh" ci --ignore-scripts)
    echo "$sum" > "$PLACE/.lock-sum"
fi
