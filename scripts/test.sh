#!/usr/bin/env bash
# Runs every test of the workspace against a freshly built server and console, and the console's own tests; then says how many passed and
# how long it took. Arguments go to cargo test, and the console's own tests are left out: scripts/test.sh -p tests first_call
set -euo pipefail
cd "$(dirname "$0")/.."

began=$SECONDS
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# As it runs at a customer's: a backtrace takes so long that it hides races after a panic.
unset RUST_BACKTRACE RUST_LIB_BACKTRACE

# The stories of tests/it drive the built console in a browser.
scripts/console.sh
status=0
if [ $# -eq 0 ]; then
    # Plain text, because the last lines are counted below.
    NO_COLOR=1 scripts/console.sh test 2>&1 | tee "$log" || status=$?
fi
# "      Tests  1 failed | 104 passed | 2 skipped (107)"; of tests that could not even be read: " Test Files  1 failed | 12 passed (13)".
counted() { sed -nE "s/^ *$1 .*[ |]([0-9]+) $2.*/\1/p" "$log" | tail -n 1; }
console_passed=$(counted Tests passed) console_failed=$(counted Tests failed) console_ignored=$(counted Tests skipped)
if [ "$status" -ne 0 ] && [ "${console_failed:-0}" -eq 0 ]; then
    console_failed=$(counted 'Test Files' failed)
fi
if [ $# -eq 0 ] && [ "$status" -eq 0 ] && [ "${console_passed:-0}" -eq 0 ]; then
    echo "No test of the console ran." >&2
    status=1
fi

# The stories of tests/it run the built program, which cargo test alone does not build.
cargo build --locked --workspace --bins
scope=(--workspace)
[ $# -eq 0 ] || scope=("$@")
: >"$log"
cargo test --locked --no-fail-fast "${scope[@]}" 2>&1 | tee "$log" || status=$?

# "test result: ok. 12 passed; 0 failed; 1 ignored; …", one a test binary.
read -r passed failed ignored < <(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored;.*/\1 \2 \3/p' "$log" |
    awk '{ passed += $1; failed += $2; ignored += $3 } END { print passed + 0, failed + 0, ignored + 0 }')
echo "All tests took $((SECONDS - began)) s."
if [ "$status" -eq 0 ] && [ "$passed" -eq 0 ]; then
    echo "No test ran." >&2
    status=1
fi
echo "tests: $((passed + ${console_passed:-0})) passed, $((failed + ${console_failed:-0})) failed, $((ignored + ${console_ignored:-0})) skipped"
exit "$status"
