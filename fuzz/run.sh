#!/usr/bin/env bash
# Fuzzes every target for a bounded time, two at once on two processors.
#
#   fuzz/run.sh [SECONDS] [TARGET...]   SECONDS for each target, 60 unless said; all targets unless some are named
#   fuzz/run.sh --keep [TARGET...]      takes what earlier runs found into fuzz/corpus, where it adds coverage, and drops what does not
#
# What is new is kept under target/fuzz and serves the next run. Ends with an error, and with the input's path, when a target failed.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=0.13.2
TOOL=target/tools/bin/cargo-fuzz
BUILD=${CARGO_TARGET_DIR:-$PWD/target/fuzz}
FOUND=$PWD/target/fuzz/found
# Memory of one target; what an input makes it hold beyond this is a defect.
RSS_MB=1024
# One input takes microseconds; one that takes this long is a defect.
TIMEOUT_S=10

# Longer inputs are not kept: the corpora stay small.
KEPT_MAX=2048

# libFuzzer is of C++.
scripts/apt.sh cc=gcc c++=g++ /usr/include/string.h=libc6-dev

seconds=60
keep=
case ${1:-} in
    --keep) keep=yes && shift ;;
    [0-9]*) seconds=$1 && shift ;;
esac

if [ "$("$TOOL" fuzz --version 2>/dev/null || true)" != "cargo-fuzz $VERSION" ]; then
    echo "fuzz: building cargo-fuzz $VERSION (a minute, once)" >&2
    cargo install --quiet --locked --root target/tools --version "$VERSION" cargo-fuzz
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    # Not straight into mapfile: that would swallow a failure, and nothing would be fuzzed.
    listed=$("$TOOL" fuzz list --fuzz-dir fuzz)
    mapfile -t targets <<<"$listed"
fi
[ -n "${targets[0]}" ] || { echo "fuzz: no targets" >&2 && exit 1; }

# No address sanitizer: the rooms forbid unsafe code, and without it a target is several times as fast.
RUSTC_BOOTSTRAP=1 "$TOOL" fuzz build --fuzz-dir fuzz --target-dir "$BUILD" --sanitizer none >&2
programs=$(ls -d "$BUILD"/*/release | head -n 1)

dictionary() {
    case $1 in
        sdp) echo -dict=fuzz/dictionaries/sdp.dict ;;
        rtp | rtcp | locator) ;;
        *) echo -dict=fuzz/dictionaries/sip.dict ;;
    esac
}

# What stands elsewhere in the tree and is read, too.
seeds() {
    case $1 in sip_message) echo tests/data/rfc4475 ;; esac
}

fuzz_one() {
    local target=$1 log=$FOUND/$1.log status=0
    mkdir -p "$FOUND/$target" "$FOUND/artifacts/$target" "fuzz/corpus/$target"
    # shellcheck disable=SC2046 # an option, a folder, or nothing
    "$programs/$target" "$FOUND/$target" "fuzz/corpus/$target" $(seeds "$target") $(dictionary "$target") -max_total_time="$seconds" -timeout="$TIMEOUT_S" \
        -rss_limit_mb="$RSS_MB" -max_len=8192 -print_final_stats=1 -artifact_prefix="$FOUND/artifacts/$target/" >"$log" 2>&1 || status=$?
    local runs
    runs=$(sed -nE 's/^stat::number_of_executed_units: ([0-9]+)$/\1/p' "$log")
    if [ "$status" -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
        echo "fuzz: $target: $runs runs, $(sed -nE 's/.*(cov: [0-9]+ ft: [0-9]+ corp: [^ ]+).*/\1/p' "$log" | tail -n 1)"
    else
        echo "fuzz: $target FAILED after ${runs:-0} runs" >&2
        grep -E "panicked|^thread|ERROR: libFuzzer" -A 2 "$log" | head -n 12 >&2 || true
        local input
        input=$(sed -nE 's/.*Test unit written to (.*)$/\1/p' "$log" | tail -n 1)
        echo "fuzz: the input is $input" >&2
        echo "fuzz: replay it with $programs/$target $input" >&2
        return 1
    fi
}

keep_one() {
    local target=$1 fresh
    fresh=$(mktemp -d)
    mkdir -p "$FOUND/$target" "$FOUND/artifacts/$target" "fuzz/corpus/$target"
    # The fewest inputs that reach all that is reached; how often is left aside, or there would be thousands.
    # shellcheck disable=SC2046 # a folder or nothing
    "$programs/$target" -set_cover_merge=1 -use_counters=0 -max_len="$KEPT_MAX" "$fresh" "fuzz/corpus/$target" "$FOUND/$target" \
        $(seeds "$target") -artifact_prefix="$FOUND/artifacts/$target/" >"$FOUND/$target.log" 2>&1
    # What has a name was put there by hand; the fuzzer's own names are hashes.
    find "fuzz/corpus/$target" -type f -regextype egrep -regex '.*/[0-9a-f]{40}' -delete
    find "$fresh" -type f -exec mv -t "fuzz/corpus/$target" {} +
    rmdir "$fresh"
    chmod -R u=rwX,go=rX "fuzz/corpus/$target"
    echo "fuzz: $target: $(find "fuzz/corpus/$target" -type f | wc -l) inputs, $(du -sb "fuzz/corpus/$target" | cut -f 1) octets"
}

work=fuzz_one
[ -z "$keep" ] || work=keep_one
status=0
running=0
for target in "${targets[@]}"; do
    if [ "$running" -ge "$(nproc)" ]; then
        wait -n || status=1
        running=$((running - 1))
    fi
    "$work" "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || status=1
    running=$((running - 1))
done
exit "$status"
