#!/usr/bin/env bash
# Tests the dashboard in a real browser against the real server. Usage: run.sh CACHE PROGRAM [--update-screenshots]
# [arguments of Playwright]. What is installed for it stands in the cache; pictures are left in results/screenshots.
set -euo pipefail
cache=$1 program=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)

lock=$(sha256sum "$here/package-lock.json" | cut -c1-16)
modules=$cache/dashboard-tests-$lock
if [ ! -e "$modules/installed" ]; then
    echo "installing what tests the dashboard" >&2
    mkdir -p "$modules"
    cp "$here/package.json" "$here/package-lock.json" "$modules"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if ! PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --prefix "$modules" --no-audit --no-fund >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        exit 1
    fi
    touch "$modules/installed"
fi
ln -sfn "$modules/node_modules" "$here/node_modules"

if [ "${1:-}" = --update-screenshots ]; then
    export LYCEUM_UPDATE_SCREENSHOTS=1
    shift
fi
export LYCEUM=$program LYCEUM_DASHBOARD_OUTPUT=$here/results/failures
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
cd "$here"
exec node_modules/.bin/playwright test "$@"
