"""Metrics of results that lie in a bucket: told from the record, or from the one file, and nothing else is brought."""

from __future__ import annotations

from engineers import Team
from test_reads_of_a_bucket import reading

WRITE = """echo '{"loss": 0.25}' > "$out/metrics.json"
mkdir "$out/eval"
echo '{"by_class": {"a": 0.5}}' > "$out/eval/scores.json"
"""


def test_metrics_of_others_come_without_their_weights(team: Team) -> None:
    team.add_to_task(WRITE)
    ann, bob, cat = team.engineer("ann"), reading(team, "bob"), team.engineer("cat")
    ann.do("run", ":train")

    for engineer in (bob, cat):
        [row] = engineer.do("results", ":train")["rows"]
        assert (row["state"], row["metrics"]) == ("cached", {"loss": 0.25})
        [row] = engineer.do("results", ":train", "--file", "eval/scores.json")["rows"]
        assert row["metrics"] == {"by_class.a": 0.5}
        brought = {path.name for path in engineer.home.rglob("*") if path.is_file()}
        assert "scores.json" in brought
        assert brought.isdisjoint({"large", "data", "metrics.json"})
