#!/usr/bin/env bash
# Two experiments on handwritten digits, from nothing: run, look, run again, change one number, run again.
set -eu
cd "$(dirname "$0")/.."
checkout=$PWD
export PATH="$checkout/.venv/bin:$PATH"
place=$checkout/demo
new=//runs/digits/2026-04-16_more_data

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

command -v git >/dev/null || { echo "the demo needs git; install it with your package manager" >&2; exit 1; }
# Where the demo of last time left read-only results.
if [ -e "$place" ]; then chmod -R u+w "$place" && rm -rf "$place"; fi
mkdir -p "$place"

say "A fresh workspace in demo/digits, committed to a git repository of its own"
git -c init.defaultBranch=main init --quiet "$place/digits"
show traintrack init --example digits demo/digits
traintrack init --quiet --example digits "$place/digits" >/dev/null
cd "$place/digits"
# The demo keeps its results beside the workspace, so that it leaves nothing outside demo/.
sed "s|storage: \"[^\"]*\"|storage: \"$place/results\"|" TTWORKSPACE.yaml > TTWORKSPACE.new
mv TTWORKSPACE.new TTWORKSPACE.yaml
commit "Start with the digits example"
do_it traintrack ls //...

say "Run the comparison: all that it depends on is made first, of both experiments"
echo "The first time, uv also makes the locked Python environment of the tasks."
do_it traintrack run --env local "$new:compare"

say "Look at the result"
do_it traintrack pull --output ../report "$new:compare"
do_it cat ../report/compare/reports/compare.md
echo
echo "The same with confusion matrices and every misread digit, for a browser:"
echo "  $place/report/compare/reports/compare.html"

say "Run it again: everything is there already"
timed traintrack run --env local "$new:compare"

say "Change one number of the training, and ask what it means before running"
config=runs/digits/2026-04-16_more_data/TTCONFIG.yaml
sed 's/learning_rate: 0.02/learning_rate: 0.03/' "$config" > config.new
mv config.new "$config"
do_it git --no-pager diff --unified=0 --no-color -- "$config"
do_it traintrack run -n --env local "$new:compare"
do_it traintrack why "$new:model"

say "Run: the data sets and the whole baseline are reused, only what follows from the change is made"
timed traintrack run --env local "$new:compare"
do_it traintrack pull --force --output ../report "$new:compare"
do_it sed -n 3p ../report/compare/reports/compare.md

say "What you have now"
echo "  the workspace  $place/digits     (edit it, and run again)"
echo "  the results    $place/results"
echo "  the report     $place/report/compare/reports/compare.html"
echo "  go on with     cd demo/digits && ../../.venv/bin/traintrack why $new:compare"
echo "  or read        docs/tutorial/first-experiment.md"
