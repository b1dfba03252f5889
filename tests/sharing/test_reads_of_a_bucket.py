"""Engineers with a folder of their own who read a team's bucket through it, and push to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from engineers import BUCKET, GRAPH, LIMIT_S, Engineer, Team, until

WORKSPACE = """\
workspace: shared
images: {{sh: {{python: "3.11", lock: requirements.lock, entrypoint: [sh]}}}}
defaults: {{image: sh, paths: [src]}}
environments:
  team: {{runner: local, storage: "s3://{bucket}/team", heartbeat: 1s, cpu: 2}}
  mine: {{runner: local, storage: "{own}", reads: [team], cpu: 2}}
default_env: mine
"""


def reading(team: Team, name: str) -> Engineer:
    """An engineer whose default environment is a folder that reads the bucket."""
    engineer = team.engineer(name)
    own = engineer.home / "own"
    (engineer.work / "TTWORKSPACE.yaml").write_text(WORKSPACE.format(own=own, bucket=BUCKET))
    return engineer


def files_of(folder: Path) -> list[Path]:
    return [path for path in (folder / "artifact").rglob("*") if path.is_file()]


def test_a_folder_reuses_what_the_bucket_has_and_brings_bytes_only_where_they_are_read(team: Team) -> None:
    ann, bob = team.engineer("ann"), reading(team, "bob")
    ann.do("run", ":train")

    assert bob.outcomes(":train") == {"train": "reused"}
    assert files_of(bob.home / "own") == []
    assert not list((bob.home / ".cache" / "traintrack" / "store").rglob("large"))
    assert bob.outcomes(":evaluate")["evaluate"] == "executed"
    assert [team.begun(name) for name in GRAPH] == [1, 1, 1]
    assert bob.bytes_of("train") == ann.bytes_of("train")
    assert bob.bytes_of("evaluate")["data"].startswith(ann.bytes_of("train")["data"])


def test_what_is_made_in_the_bucket_is_waited_for(team: Team) -> None:
    ann, bob = team.engineer("ann"), reading(team, "bob")
    ann.do("run", ":prepare")
    team.hold("train")
    first = ann.start("--json", "run", ":train")
    until(lambda: team.begun("train") == 1)
    second = bob.start("run", ":train")
    assert _waits(second)
    team.let_go("train")

    first.communicate(timeout=LIMIT_S)
    _, err = second.communicate(timeout=LIMIT_S)
    assert (first.returncode, second.returncode) == (0, 0), err
    assert team.begun("train") == 1, err


def test_what_is_pushed_is_reused_by_others_and_what_is_not_clean_goes_to_ones_own(team: Team) -> None:
    ann, bob, cat = reading(team, "ann"), reading(team, "bob"), team.engineer("cat")
    ann.do("run", ":evaluate")
    pushed = ann.do("push", ":evaluate")
    assert [(row["state"], row["code"]) for row in pushed["targets"]] == [("sent", "clean")] * 3
    assert pushed["sent_bytes"] > 3 * 1_500_000
    assert [row["state"] for row in ann.do("push", ":evaluate")["targets"]] == ["there"] * 3

    assert bob.outcomes(":evaluate") == {"evaluate": "reused"}
    assert cat.outcomes(":evaluate") == {"evaluate": "reused"}
    assert bob.bytes_of("evaluate") == ann.bytes_of("evaluate") == cat.bytes_of("evaluate")
    assert team.begun("evaluate") == 1

    _edit(ann)
    ann.do("run", ":prepare")
    [row] = ann.do("push", ":prepare")["targets"]
    assert (row["state"], row["code"]) == ("sent", "dirty")
    assert "/dev/" in row["storage"]
    _push(ann)
    assert [(r["state"], r["code"]) for r in ann.do("push", ":prepare")["targets"]] == [("sent", "clean")]


def test_results_are_copied_inside_the_bucket_under_plain_names(team: Team) -> None:
    ann, bob = team.engineer("ann"), reading(team, "bob")
    ann.do("run", ":train")

    [row] = bob.do("pull", ":train", "-o", f"s3://{BUCKET}/team/exports")["targets"]
    assert row["path"] == f"s3://{BUCKET}/team/exports/train/"
    process = bob.start("pull", ":train", "-o", "s3://elsewhere/x")
    _, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, "there is no bucket of `s3://elsewhere/" in err) == (6, True), err


def test_without_the_bucket_a_run_warns_and_goes_on(team: Team) -> None:
    bob = reading(team, "bob")
    bob.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"

    process = bob.start("run", ":prepare")
    _, err = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 0, err
    assert err.count("`team` is out of reach") == 1
    assert team.begun("prepare") == 1


def _waits(process: subprocess.Popen[str]) -> bool:
    """Tell if it has said so; its stderr is read no further than that line."""
    assert process.stderr is not None
    return any("waiting" in line for line in iter(process.stderr.readline, ""))


def _edit(engineer: Engineer) -> None:
    task = engineer.work / "src" / "task.sh"
    task.write_text(task.read_text() + "# edited\n")
    _git(engineer, "commit", "--quiet", "-m", "Edit", "src")


def _push(engineer: Engineer) -> None:
    _git(engineer, "push", "--quiet", "origin", "HEAD:edited")


def _git(engineer: Engineer, *words: str) -> None:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    subprocess.run(["git", *names, *words], cwd=engineer.work, check=True, capture_output=True)
