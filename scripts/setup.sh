#!/usr/bin/env bash
# Sees to what a build needs of the system. Installs by apt-get where it may, else says the one line to run.
# Silent when nothing is missing.
set -euo pipefail

if ! command -v cargo >/dev/null; then
    echo "Lyceum is built with Rust 1.95 or later, and there is no cargo: install it from https://rustup.rs" >&2
    exit 1
fi

missing=()
need() { missing+=("$@"); }
command -v cc >/dev/null && command -v c++ >/dev/null || need g++
command -v curl >/dev/null || need curl
command -v flock >/dev/null && command -v setpriv >/dev/null || need util-linux
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || need ca-certificates
# pip brings libtorch; once that is there, nobody asks for it.
if [ ! -e "${LIBTORCH:?}/build-version" ]; then
    python3 -m pip --version >/dev/null 2>&1 || need python3 python3-pip
fi
# Other people's clients are for the tests of inference alone; Debian has the module without what it needs.
if [ -n "${CLIENTS:-}" ]; then
    python3 -c 'import ensurepip' 2>/dev/null || need python3-venv
fi
# The browser and what drives it are for the tests of the dashboard alone.
if [ -n "${BROWSER:-}" ]; then
    command -v node >/dev/null && command -v npm >/dev/null || need nodejs npm
    command -v "${CHROMIUM:-chromium}" >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || need chromium
fi
[ ${#missing[@]} -gt 0 ] || exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if ! command -v apt-get >/dev/null; then
    echo "Lyceum's build needs what Debian calls ${missing[*]}: install them and run make again." >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    root=()
elif sudo -n true 2>/dev/null; then
    root=(sudo -n)
else
    echo "Lyceum's build needs ${missing[*]}. Run this and make again:  sudo $install" >&2
    exit 1
fi

echo "installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${root[@]}" apt-get update && "${root[@]}" env DEBIAN_FRONTEND=noninteractive $install; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install them. Run this and make again:  ${root:+sudo }apt-get update && ${root:+sudo }$install" >&2
    exit 1
fi
