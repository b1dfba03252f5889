#!/usr/bin/env bash
# Prints the name of a Python that can make the environment: 3.11 or newer, with venv and ensurepip.
set -eu
for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        echo "$name"
        exit 0
    fi
done
echo "traintrack needs Python 3.11 or newer, with its venv module; none was found as python3 or python3.11 to 3.14" >&2
echo "hint: on Debian and Ubuntu, \`apt-get install python3 python3-venv\`; on macOS, \`brew install python\`" >&2
exit 1
