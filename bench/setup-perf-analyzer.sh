#!/usr/bin/env bash
# Puts Triton's perf_analyzer into the folder given, with the libraries that it wants in `libraries`; silent when it is
# there. Usage: setup-perf-analyzer.sh FOLDER
set -euo pipefail

target=${1:?usage: setup-perf-analyzer.sh FOLDER}
"$(dirname "$0")/setup.sh" "$target" requirements-perf-analyzer.txt --no-deps
packages=$(echo "$target"/lib/python3*/site-packages)
mkdir -p "$target/libraries"
ln -sf "$packages/nvidia/cuda_runtime/lib/libcudart.so.12" "$target/libraries/libcudart.so.12"
# Triton's wheel has its copy under a name of its own.
ln -sf "$packages"/nvidia_pytriton.libs/libb64-*.so.0d "$target/libraries/libb64.so.0d"
