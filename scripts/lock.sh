#!/usr/bin/env bash
# Writes the hashed requirements files. Versions stay as they are unless asked: scripts/lock.sh [--upgrade]
# The files name no package index: which one is used is the business of who installs.
set -eu
cd "$(dirname "$0")/.."

lock() {
    .venv/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal \
        --python-version 3.11 "$1" -o "${1%.in}.lock" "${@:2}"
    echo "wrote ${1%.in}.lock"
}

lock requirements/core.in "$@"
lock requirements/dev.in "$@"
lock examples/digits/requirements.in "$@"
