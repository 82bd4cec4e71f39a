#!/usr/bin/env bash
# Puts libtorch into the folder given, out of pinned wheels with checked hashes; with --cuda, the CUDA libraries that
# belong to it. Safe to interrupt, to run twice and to run side by side; silent when nothing is to be done.
set -euo pipefail

version=2.11.0
here=$(cd "$(dirname "$0")" && pwd)
what="libtorch $version" wheels=$here/libtorch.txt download_mb=545 needed_mb=2500
if [ "${1:-}" = --cuda ]; then
    shift
    what="CUDA for libtorch $version" wheels=$here/libtorch-cuda.txt download_mb=2395 needed_mb=6500
fi
target=${1:?usage: libtorch.sh [--cuda] FOLDER}

done_already() { [ "$(cat "$target/build-version" 2>/dev/null)" = "$version" ]; }
done_already && exit 0

if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "Lyceum runs on x86-64 Linux; this is $(uname -sm)." >&2
    exit 1
fi

parent=$(dirname "$target")
mkdir -p "$parent"
exec 9>"$parent/.libtorch.lock"
flock 9 # another make may be at it: wait, then look again
done_already && exit 0

free_mb=$(df -Pm "$parent" | awk 'NR == 2 {print $4}')
if [ "$free_mb" -lt "$needed_mb" ]; then
    echo "$what needs $needed_mb MB free in $parent; there are $free_mb MB." >&2
    exit 1
fi

rm -rf "$parent"/.libtorch-staging.* # left by an interrupted run; the lock says that nobody is using it
staging=$(mktemp -d "$parent/.libtorch-staging.XXXXXX")
progress=
trap '[ -z "$progress" ] || kill "$progress" 2>/dev/null || true; rm -rf "$staging"' EXIT

echo "$what: downloading $download_mb MB, once, into the user's cache" >&2
mkdir "$staging/tmp" "$staging/wheels"
(
    exec 9>&- # or the lock would outlive a run that is killed
    while sleep 2 && kill -0 $$ 2>/dev/null; do
        mb=$(du -sm "$staging" 2>/dev/null | cut -f1)
        [ "${mb:-0}" -lt "$download_mb" ] || mb=$download_mb # pip copies what it has downloaded
        if [ -t 2 ]; then printf '\r%s: %s of %s MB ' "$what" "$mb" "$download_mb" >&2
        else echo "$what: $mb of $download_mb MB" >&2; fi
    done
) &
progress=$!

platforms=(--platform manylinux2014_x86_64)
for glibc in 28 27 26 25 24 18 17; do platforms+=(--platform "manylinux_2_${glibc}_x86_64"); done
# --no-cache-dir: half a gigabyte is not kept twice. It ends with this script, however that ends, and does not hold the lock.
TMPDIR="$staging/tmp" setpriv --pdeathsig KILL python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir \
    --no-deps --only-binary=:all: --python-version 3.11 --implementation cp "${platforms[@]}" \
    --require-hashes -r "$wheels" --dest "$staging/wheels" >&2 9>&-
kill "$progress" 2>/dev/null || true
progress=
if [ -t 2 ]; then printf '\r' >&2; fi
echo "$what: unpacking" >&2
python3 "$here/unpack-wheels.py" "$(basename "$wheels" .txt)" "$staging/wheels" "$staging/out"
echo "$version" >"$staging/out/build-version"
sync
rm -rf "$target"
mv "$staging/out" "$target"
echo "$what: ready" >&2
