#!/bin/sh
# Sends thousands of generated requests to a server and holds every answer to openapi.yaml: no 5xx, no status, header
# or body that the contract does not know. Usage: conformance.sh PROGRAM CACHE. Needs python3 and curl.
set -eu
cd "$(dirname "$0")/.."
program=$PWD/$1
version=4.32.5
tools=$2/schemathesis-$version

if [ ! -x "$tools/bin/schemathesis" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet "schemathesis==$version"
fi

work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; wait; rm -rf "$work"' EXIT
"$program" serve --data-dir "$work/data" --listen 127.0.0.1:0 --log error >"$work/address" &
server=$!
until [ -s "$work/address" ]; do
    kill -0 "$server" || exit 1
    sleep 0.1
done
url=$(cat "$work/address")
export LYCEUM_SERVER="$url"
"$program" jobs submit examples/iris-logistic-regression.json --wait >/dev/null
job=$(curl --silent --fail "$url/v1/jobs" | python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][0]["id"])')

cat >"$work/schemathesis.toml" <<TOML
[[operations]]
include-path-regex = "/v1/models/"
parameters = { "path.name" = "iris-logistic-regression", "path.version" = "latest" }
[[operations]]
include-path-regex = "/v1/datasets/"
parameters = { "path.name" = "iris", "path.version" = "1" }
[[operations]]
include-path-regex = "/v1/jobs/"
parameters = { "path.id" = "$job" }
# A job has so many forms that walking through all of them never ends; so many drawn at random do.
[[operations]]
include-path-regex = "^/v1/(jobs|plans)$"
include-method = "POST"
phases.coverage.enabled = false
generation.max-examples = 1000
TOML
checks=not_a_server_error,status_code_conformance,content_type_conformance
checks=$checks,response_schema_conformance,response_headers_conformance
# Streams do not end, and the first key shuts everyone else out.
(cd "$work" && "$tools/bin/schemathesis" run "$url/openapi.yaml" --url "$url" --max-examples 100 --checks "$checks" \
    --exclude-path-regex 'events$|keys|session' --request-timeout 20 --warnings off)
