#!/usr/bin/env bash
# Puts Lyceum with all that it needs into a folder that can be copied anywhere: bin/, lib/, lib-cuda/ if there is one,
# datasets/. The program finds them beside its own folder.
set -euo pipefail

folder=${1:?usage: dist.sh FOLDER PROGRAM LIBTORCH}
program=${2:?}
libtorch=${3:?}
root=$(cd "$(dirname "$0")/.." && pwd)

# Hard links, where they can be: libtorch is half a gigabyte.
place() { cp -al "$@" 2>/dev/null || cp -a "$@"; }

rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib"
install -m 755 "$program" "$folder/bin/lyceum"
install -m 755 "$root/scripts/health.sh" "$folder/bin/health"
for library in "$libtorch"/lib/*.so*; do
    # The linker's script is for building alone.
    [ "${library##*/}" = libtorch.so ] || place "$library" "$folder/lib/"
done
if [ -e "$libtorch-cuda/build-version" ]; then place "$libtorch-cuda" "$folder/lib-cuda"; fi
cp -a "$root/datasets" "$root/LICENSE" "$folder/"
