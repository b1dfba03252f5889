# What the demos share: steps that say and show what they do, and a fresh workspace. Read in by demo.sh and demo_sweep.sh,
# which set `checkout` before.
export PATH="$checkout/.venv/bin:$PATH"

bold="" dim="" plain=""
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi
step=0

say() {
    step=$((step + 1))
    printf '\n%s%s. %s%s\n' "$bold" "$step" "$1" "$plain"
}

show() {
    printf '%s$ %s%s\n' "$dim" "$*" "$plain"
}

do_it() {
    show "$@"
    "$@"
}

timed() {
    local before after
    before=$(date +%s%N)
    do_it "$@"
    after=$(date +%s%N)
    # The date of macOS knows no nanoseconds.
    case $before in *N) ;; *) printf 'took %s ms\n' $(((after - before) / 1000000)) ;; esac
}

commit() {
    git add --all
    git -c user.name=demo -c user.email=demo@example.invalid -c commit.gpgsign=false commit --quiet --message "$1"
}

# The digits example in $checkout/$1/digits, committed; it is the current folder afterwards. Its results lie in $1 too,
# so that a demo leaves nothing outside of its folder.
fresh_workspace() {
    local place=$checkout/$1
    command -v git >/dev/null || { echo "the demo needs git; install it with your package manager" >&2; exit 1; }
    # Where the demo of last time left read-only results.
    if [ -e "$place" ]; then chmod -R u+w "$place" && rm -rf "$place"; fi
    mkdir -p "$place"
    say "A fresh workspace in $1/digits, committed to a git repository of its own"
    git -c init.defaultBranch=main init --quiet "$place/digits"
    show traintrack init --example digits "$1/digits"
    traintrack init --quiet --example digits "$place/digits" >/dev/null
    cd "$place/digits"
    sed "s|storage: \"[^\"]*\"|storage: \"$place/results\"|" TTWORKSPACE.yaml > TTWORKSPACE.new
    mv TTWORKSPACE.new TTWORKSPACE.yaml
    commit "Start with the digits example"
}
