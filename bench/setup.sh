#!/usr/bin/env bash
# Puts what a comparison needs into the folder given, a virtual environment of its own, and brings it up to date where
# the requirements have changed; silent when all is there. Usage: setup.sh FOLDER REQUIREMENTS [OPTION OF PIP…]
set -euo pipefail

target=${1:?usage: setup.sh FOLDER REQUIREMENTS} requirements=$(dirname "$0")/${2:?usage: setup.sh FOLDER REQUIREMENTS}
cmp -s "$requirements" "$target/complete" && exit 0

echo "installing $(grep -Ec '^[^#]' "$requirements") packages for the comparison into the user's cache, once" >&2
[ -e "$target/bin/pip" ] || python3 -m venv "$target"
rm -f "$target/complete"
"$target/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --only-binary=:all: "${@:3}" -r "$requirements"
cp "$requirements" "$target/complete"
