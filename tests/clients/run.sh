#!/usr/bin/env bash
# Calls a real server with the clients that others wrote for the Open Inference Protocol. Usage: run.sh CACHE PROGRAM
# What is installed for it stands in the cache.
set -euo pipefail
cache=$1 program=$2
here=$(cd "$(dirname "$0")" && pwd)

lock=$(sha256sum "$here/requirements.txt" | cut -c1-16)
clients=$cache/client-tests-$lock
if [ ! -e "$clients/complete" ]; then
    echo "installing the clients that the server is called with" >&2
    rm -rf "$clients"
    python3 -m venv "$clients"
    "$clients/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: -r "$here/requirements.txt"
    touch "$clients/complete"
fi

work=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null; wait; rm -rf "$work"' EXIT
"$program" serve --data-dir "$work/data" --listen 127.0.0.1:0 --shipped-datasets "$here/../../datasets" \
    --log error >"$work/address" &
server=$!
until [ -s "$work/address" ]; do
    kill -0 $server
    sleep 0.1
done
LYCEUM_SERVER=$(cat "$work/address")
export LYCEUM_SERVER
"$program" jobs submit "$here/../../examples/iris-logistic-regression.json" --wait >/dev/null
"$program" datasets add "$here/weather.csv" >/dev/null
"$program" jobs submit "$here/weather.json" --wait >/dev/null
cd "$here"
PYTHONDONTWRITEBYTECODE=1 "$clients/bin/python" -m unittest -v
