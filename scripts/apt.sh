#!/bin/sh
# apt.sh PROBE=PACKAGE...: installs the Debian packages of those probes that fail. A probe is a command's name or a pattern of paths.
# Nothing missing: nothing is done and no right is needed. Services of the packages are not started: their start is refused by a
# policy-rc.d of our own while we install, unless the machine has one already, which then decides.
set -eu

wanted=
for pair in "$@"; do
    probe=${pair%%=*}
    case $probe in
        # The pattern is meant to be expanded: without a match it stays as it is, and ls fails.
        */*) ls $probe >/dev/null 2>&1 || wanted="$wanted ${pair#*=}" ;;
        *) command -v "$probe" >/dev/null 2>&1 || wanted="$wanted ${pair#*=}" ;;
    esac
done
[ -n "$wanted" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "missing:$wanted (these are Debian's package names, and this machine has no apt-get: please install them by hand)" >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    root=sudo
else
    echo "missing:$wanted. Please run as root: apt-get install --no-install-recommends$wanted" >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
    trap '$root rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\n# Put here by cordboard/scripts/apt.sh for the time of one installation.\nexit 101\n' | $root tee "$policy" >/dev/null
    $root chmod 755 "$policy"
fi

echo "installing:$wanted" >&2
$root apt-get -qq update >&2
# shellcheck disable=SC2086 # a list of words
$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $wanted >&2
