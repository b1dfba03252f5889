#!/usr/bin/env bash
# Installs the programs that the tests need, where they are missing and we may: root on Debian or Ubuntu.
set -eu
# program:package
NEEDED="git:git node:nodejs tmux:tmux zsh:zsh fish:fish"
# The tests of faults need what only Linux has.
[ "$(uname)" != Linux ] || NEEDED="$NEEDED strace:strace mkfs.xfs:xfsprogs mkfs.btrfs:btrfs-progs"

# The tests of containers skip where these are missing; root gets them.
if [ "$(uname)" = Linux ] && [ "$(id -u)" = 0 ]; then
    NEEDED="$NEEDED dockerd:docker.io podman:podman runc:runc catatonit:catatonit mmdebstrap:mmdebstrap"
    NEEDED="$NEEDED docker-registry:docker-registry jq:jq docker:docker-cli"
fi

missing=""
for pair in $NEEDED; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
# A Python of Debian's has no ensurepip until its package of venv brings it.
bash "$(dirname "$0")/find_python.sh" >/dev/null 2>&1 || missing="$missing python3 python3-venv"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "the tests need these packages, which are missing:$missing" >&2
    echo "hint: install them with your package manager, then \`make test\` again" >&2
    exit 1
fi
echo "setup: system packages$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Until Debian 12 the program is part of the package of the daemon.
apt-cache show docker-cli >/dev/null 2>&1 || missing=$(printf '%s' "$missing" | sed 's/docker-cli/docker.io/')
# shellcheck disable=SC2086  # a list of words
apt-get install -qq --yes --no-install-recommends $missing >/dev/null
