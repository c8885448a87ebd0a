#!/bin/sh
# Builds the console into console/dist, which the server takes into its binary. Does nothing when it is newer than all it is made of.
#   console.sh            builds it
#   console.sh if-can     the same; where its tools cannot be had, says so in one line and goes on without
#   console.sh test       runs its own tests
#   console.sh lint       holds it against the rules of console/.oxlintrc.json
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = if-can ]; then
    if ! problem=$(scripts/setup-console.sh 2>&1); then
        printf 'console: not built, because Node and its packages could not be installed (%s); the server works without it\n' \
            "$(printf '%s' "$problem" | tail -n 1)" >&2
        exit 0
    fi
else
    scripts/setup-console.sh
fi
PATH=$PWD/target/tools/node/node_modules/.bin:$PATH
export PATH
cd console
case "${1:-}" in
    test) exec npm test --silent ;;
    lint) exec npm run --silent lint ;;
    '' | if-can) ;;
    *) echo "console.sh: what is $1? It is one of: if-can, test, lint" >&2; exit 2 ;;
esac

if [ -f dist/index.html ] && [ -z "$(find src public tools index.html package.json package-lock.json vite.config.ts tsconfig.json -newer dist/index.html -print -quit)" ]; then
    exit 0
fi
npm run --silent build
