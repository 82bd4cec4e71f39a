#!/usr/bin/env bash
# Puts libtorch into the folder given, out of pinned wheels with checked hashes.
# Safe to interrupt, to run twice and to run side by side; silent when nothing is to be done.
set -euo pipefail

target=${1:?usage: libtorch.sh FOLDER}
version=2.11.0
here=$(cd "$(dirname "$0")" && pwd)

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

needed_mb=2500
free_mb=$(df -Pm "$parent" | awk 'NR == 2 {print $4}')
if [ "$free_mb" -lt "$needed_mb" ]; then
    echo "libtorch needs $needed_mb MB free in $parent; there are $free_mb MB." >&2
    exit 1
fi

rm -rf "$parent"/.libtorch-staging.* # left by an interrupted run; the lock says that nobody is using it
staging=$(mktemp -d "$parent/.libtorch-staging.XXXXXX")
progress=
trap '[ -z "$progress" ] || kill "$progress" 2>/dev/null || true; rm -rf "$staging"' EXIT

echo "libtorch $version: downloading 545 MB, once, into the user's cache" >&2
mkdir "$staging/tmp" "$staging/wheels"
(
    while sleep 2; do
        mb=$(du -sm "$staging" 2>/dev/null | cut -f1)
        [ "$mb" -lt 545 ] || mb=545 # pip copies what it has downloaded
        if [ -t 2 ]; then printf '\rlibtorch %s: %s of 545 MB ' "$version" "$mb" >&2
        else echo "libtorch $version: $mb of 545 MB" >&2; fi
    done
) &
progress=$!

platforms=()
for glibc in 28 27 26 25 24 17; do platforms+=(--platform "manylinux_2_${glibc}_x86_64"); done
# --no-cache-dir: half a gigabyte is not kept twice.
TMPDIR="$staging/tmp" python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir \
    --no-deps --only-binary=:all: --python-version 3.11 --implementation cp \
    "${platforms[@]}" --platform manylinux2014_x86_64 \
    --require-hashes -r "$here/libtorch.txt" --dest "$staging/wheels" >&2
kill "$progress" 2>/dev/null || true
progress=
if [ -t 2 ]; then printf '\r' >&2; fi
echo "libtorch $version: unpacking" >&2

python3 - "$staging/wheels" "$staging/libtorch" "$version" <<'PY'
import pathlib, shutil, sys, zipfile

wheels, out, version = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
LIBRARIES = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}

for wheel in wheels.glob("*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = pathlib.PurePosixPath(member.filename)
            if path.parts[:2] == ("torch", "include") and not member.is_dir():
                target = out.joinpath(*path.parts[1:])
            elif path.name in LIBRARIES and path.parent.name == "lib":
                target = out / "lib" / path.name
            else:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)

missing = LIBRARIES - {entry.name for entry in (out / "lib").iterdir()}
if missing:
    sys.exit(f"the wheels lack {', '.join(sorted(missing))}")
# torch-sys links `torch`; everything that we use of it stands in torch_cpu.
(out / "lib" / "libtorch.so").write_text("INPUT(-ltorch_cpu)\n")
(out / "build-version").write_text(version + "\n")
PY
sync
rm -rf "$target"
mv "$staging/libtorch" "$target"
echo "libtorch $version: ready" >&2
