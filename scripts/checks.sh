#!/usr/bin/env bash
# Runs every check, goes on after a failed one, and fails at the end if one did.
#   usage: scripts/checks.sh quick|all      `all` has the tests too, last, so that their closing line is the last line
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=""

check() {
    local name=$1
    shift
    printf '\n== %s\n' "$name"
    "$@" || failed="$failed $name"
}

# pytest imports test modules by their name alone, whatever folder they are in.
no_name_twice() {
    local twice
    twice=$(find tests -name 'test_*.py' | sed 's|.*/||' | sort | uniq -d)
    [ -z "$twice" ] || { echo "test modules with one name: $twice" >&2; return 1; }
}

# Not `.`: the workspace of a demo may lie here.
read -ra ours <<< "$(ls -d src tests scripts bench 2>/dev/null | tr '\n' ' ')"
check style "$bin/ruff" check "${ours[@]}"
check format "$bin/ruff" format --check "${ours[@]}"
check types "$bin/mypy"
check import-order "$bin/lint-imports" --no-logo
check docs "$bin/python" scripts/check_docs.py
check test-names no_name_twice

if [ "$1" = all ]; then
    said=$(mktemp)
    trap 'rm -f "$said"' EXIT
    printf '\n== tests\n'
    # -ra in pyproject.toml lists every skipped test with its reason, just above the closing line.
    set -o pipefail
    "$bin/pytest" -q -n auto -m "not torture" 2>&1 | tee "$said" || failed="$failed tests"
fi

printf '\n'
if [ -n "$failed" ]; then
    echo "failed:$failed"
else
    echo "all checks passed"
fi
[ "$1" = all ] && tail -n 1 "$said"
[ -z "$failed" ]
