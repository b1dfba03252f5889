#!/usr/bin/env bash
# Two experiments on handwritten digits, from nothing: run, look, run again, change one number, run again.
set -eu
cd "$(dirname "$0")/.."
checkout=$PWD
place=$checkout/demo
new=//runs/digits/2026-04-16_more_data
. scripts/demo_steps.sh

fresh_workspace demo
do_it traintrack ls //runs/digits/2026-04-01_baseline:* "$new:*"

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
echo "  or see a sweep make demo-sweep"
echo "  or read        docs/tutorial/first-experiment.md"
