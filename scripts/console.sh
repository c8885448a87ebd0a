#!/bin/sh
# Builds the console into console/dist, which the server takes into its binary. Does nothing when it is newer than all it is made of.
set -eu
cd "$(dirname "$0")/.."

scripts/setup-console.sh
PATH=$PWD/target/tools/node/node_modules/.bin:$PATH
export PATH
cd console
if [ -f dist/index.html ] && [ -z "$(find src public index.html package.json package-lock.json vite.config.ts tsconfig.json -newer dist/index.html -print -quit)" ]; then
    exit 0
fi
npm run --silent build
