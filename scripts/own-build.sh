#!/bin/sh
# Clones share what they build, and Cargo tells what is stale by the time of a file alone: in the clone that did not
# build last, Lyceum itself is built again. Usage: own-build.sh TARGET.
set -eu
cd "$(dirname "$0")/.."
last=$1/clone
if [ "$(cat "$last" 2>/dev/null)" != "$PWD" ]; then
    mkdir -p "$1"
    touch src/lib.rs src/main.rs
    echo "$PWD" >"$last"
fi
