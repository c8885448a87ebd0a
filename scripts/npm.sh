#!/bin/sh
# npm with the words given (ci, install), quiet, its output on standard error, and tried three times.
# npm writes hundreds of files at once into a cache that every project of this person shares, under short random names; now and then
# two of them meet (EEXIST), or the registry drops a connection, and npm gives up. From the second try on the cache is a fresh one.
set -eu

try=1
cache=
trap '[ -z "$cache" ] || rm -rf "$cache"' EXIT
until npm "$@" --no-audit --no-fund --loglevel=error ${cache:+--cache "$cache"} >&2; do
    [ "$try" -lt 3 ] || { echo "npm: three tries failed; the last one says why above" >&2; exit 1; }
    try=$((try + 1))
    echo "npm: once more, with a fresh cache (try $try of 3)" >&2
    [ -z "$cache" ] || rm -rf "$cache"
    cache=$(mktemp -d)
done
