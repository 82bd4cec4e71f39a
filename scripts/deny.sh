#!/usr/bin/env bash
# Checks the dependencies by cargo-deny, whose pinned version is built once, into the folder given.
set -euo pipefail

folder=${1:?usage: deny.sh FOLDER}
version=${folder##*-}
if [ ! -x "$folder/bin/cargo-deny" ]; then
    echo "cargo-deny $version: building, once, into the user's cache" >&2
    # --debug: it checks a lock file in a second either way, and builds in a third of the time.
    cargo install --quiet --locked --debug --no-default-features --root "$folder" "cargo-deny@$version" >&2
fi
"$folder/bin/cargo-deny" --log-level warn check --hide-inclusion-graph bans licenses sources
