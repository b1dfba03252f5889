#!/usr/bin/env bash
# A grid in which each cell is cross-validated, from nothing: small first, in full, the table, one more cell.
set -eu
cd "$(dirname "$0")/.."
checkout=$PWD
place=$checkout/demo/sweep
sweep=//runs/digits/2026-05_sweep
config=runs/digits/2026-05_sweep/TTCONFIG.yaml
. scripts/demo_steps.sh

fresh_workspace demo/sweep

say "Six cells, each cross-validated by the template kfold: a few lines for 126 targets"
show "sed -n '/^  search:/,/metric:/p' $config"
sed -n '/^  search:/,/metric:/p' "$config"
echo
do_it traintrack ls "$sweep:*"

say "Small first: the profile smoke trains for three epochs, in two folds of two cells"
timed traintrack run --env local --profile smoke --quiet "$sweep:compare"

say "In full: every cell, then the best one on all the data, then its comparison with production"
timed traintrack run --env local "$sweep:compare"

say "Look at the cells, the best first, and at the comparison"
do_it traintrack results --sort -accuracy --columns accuracy,accuracy_sd,f1_macro "$sweep:search"
echo
do_it traintrack pull --output ../report "$sweep:compare"
do_it cat ../report/compare/reports/compare.md
echo
echo "The same with confusion matrices and every misread digit, for a browser:"
echo "  $place/report/compare/reports/compare.html"

say "Add a seventh cell with a learning rate of its own, and ask what would run at most"
sed 's/^    each: \({learning_rate: .*}\)$/    each: [\1, {learning_rate: 0.1, hidden: 128}]/' "$config" > config.new
mv config.new "$config"
do_it git --no-pager diff --unified=0 --no-color -- "$config"
do_it traintrack run -n --env local "$sweep:compare"

say "Run: the new cell is not the best, so the choice and all that follows from it stand"
timed traintrack run --env local "$sweep:compare"

say "What you have now"
echo "  the workspace  $place/digits     (edit it, and run again)"
echo "  the results    $place/results"
echo "  the report     $place/report/compare/reports/compare.html"
echo "  go on with     cd demo/sweep/digits && ../../../.venv/bin/traintrack results $sweep:search.evaluation"
echo "  or read        docs/tutorial/first-sweep.md"
