#!/usr/bin/env bash
# Makes .venv from a hashed lock file, with this checkout in it. Says nothing where there is nothing to do.
#   usage: scripts/setup.sh core|dev
set -eu
cd "$(dirname "$0")/.."
kind=${1:?usage: scripts/setup.sh core|dev}

# What an environment is made from. The folder is part of it, since an environment cannot be moved.
made_from() { { cat "requirements/$1.lock" pyproject.toml && pwd; } | cksum; }
is_made() { [ -x .venv/bin/python ] && [ "$(cat ".venv/made-from-$1" 2>/dev/null)" = "$(made_from "$1")" ]; }
pip() { .venv/bin/python -m pip -qq --disable-pip-version-check "$@"; }

# `dev` holds all of `core`.
if is_made dev || is_made "$kind"; then
    exit 0
fi
if ! pip --version >/dev/null 2>&1; then
    python=$(bash scripts/find_python.sh)
    echo "setup: .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi
echo "setup: packages of requirements/$kind.lock"
pip install --require-hashes -r "requirements/$kind.lock"
# The build tool is in the lock, so nothing is fetched here that has no hash.
pip install --no-deps --no-build-isolation --editable .
made_from "$kind" > ".venv/made-from-$kind"
