#!/usr/bin/env bash
# Runs every test of the workspace against a freshly built server, then says how many passed and how long it took.
# Arguments go to cargo test: scripts/test.sh -p tests first_call
set -euo pipefail
cd "$(dirname "$0")/.."

began=$SECONDS
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# As it runs at a customer's: a backtrace takes so long that it hides races after a panic.
unset RUST_BACKTRACE RUST_LIB_BACKTRACE

# The stories of tests/it run the built program, which cargo test alone does not build.
cargo build --locked --workspace --bins
scope=(--workspace)
[ $# -eq 0 ] || scope=("$@")
status=0
cargo test --locked --no-fail-fast "${scope[@]}" 2>&1 | tee "$log" || status=$?

# "test result: ok. 12 passed; 0 failed; 1 ignored; …", one a test binary.
read -r passed failed ignored < <(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored;.*/\1 \2 \3/p' "$log" |
    awk '{ passed += $1; failed += $2; ignored += $3 } END { print passed + 0, failed + 0, ignored + 0 }')
echo "All tests took $((SECONDS - began)) s."
if [ "$status" -eq 0 ] && [ "$passed" -eq 0 ]; then
    echo "No test ran." >&2
    status=1
fi
echo "tests: $passed passed, $failed failed, $ignored skipped"
exit "$status"
