#!/usr/bin/env bash
# Puts PyTorch into the folder given, a virtual environment of its own; silent when it is there.
# A few gigabytes: PyTorch's wheel brings the CUDA libraries with it.
set -euo pipefail

target=${1:?usage: setup.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
[ -e "$target/complete" ] && exit 0

echo "PyTorch for the comparison: installing into the user's cache, once" >&2
rm -rf "$target"
python3 -m venv "$target"
"$target/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --only-binary=:all: -r "$here/requirements.txt"
touch "$target/complete"
