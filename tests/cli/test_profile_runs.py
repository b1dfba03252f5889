"""`--profile` and `--set` over a workspace whose tasks really run: what is told, recorded and reused."""

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
from test_workspace import Shop

from traintrack.cli.schemas import event_schema

COUNT = """\
import json, pathlib, sys
args = json.loads(pathlib.Path(sys.argv[1]).read_text())
print("epochs", args["epochs"])
(pathlib.Path(sys.argv[2]) / "epochs.txt").write_text(str(args["epochs"]))
sys.exit(3 if args.get("breaks") else 0)
"""
CONFIG = """\
defaults: {image: py, commit: HEAD}
targets:
  data: {task: count, args: {epochs: 0}}
  train:
    task: count
    args:
      epochs: 100
      data: ":data"
  same:
    task: count
    args: {epochs: 100, data: ":data"}
profiles:
  smoke: {targets: {train: {args: {epochs: 1}}}}
  same: {description: nothing is other, targets: {train: {args: {epochs: 100}}}}
  broken: {targets: {train: {args: {breaks: true}}}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("profiles"))
    (shop.root / "src/count.py").write_text(COUNT)
    (shop.root / "lp").mkdir()
    (shop.root / "lp/TTCONFIG.yaml").write_text(CONFIG)
    for words in ("add .", "-c user.name=a -c user.email=a@example.org commit -qm y"):
        subprocess.run(["git", *words.split()], cwd=shop.root, env=shop.environ, check=True)
    return shop


def test_a_small_run_has_its_own_results_and_says_its_profile_everywhere(shop: Shop, tmp_path: Path) -> None:
    planned = shop.run("run", "-n", "//lp:train", "--profile", "smoke")
    assert planned.stderr.splitlines()[0] == "profile smoke"

    events = tmp_path / "events.jsonl"
    done = shop.run("run", "//lp:train", "--profile", "smoke", "--events", str(events))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0].endswith(" · profile smoke")
    assert done.stderr.splitlines()[-1] == "  next  traintrack pull --profile smoke //lp:train"
    assert shop.run("log", "//lp:train", "--profile", "smoke").stdout.strip() == "epochs 1"
    began = json.loads(events.read_text().splitlines()[0])
    jsonschema.validate(began, event_schema())
    assert began["profile"] == "smoke"

    again = shop.document("run", "//lp:train", "--profile", "smoke")
    assert (again["profile"], {row["outcome"] for row in again["targets"]}) == ("smoke", {"reused"})
    told = shop.run("run", "//lp:train", "--profile", "smoke").stderr.splitlines()
    assert told[0] == "profile smoke"
    path = Path(shop.document("pull", "//lp:train", "--profile", "smoke")["targets"][0]["path"])
    assert (path / "epochs.txt").read_text() == "1"
    record = shop.document("show", "//lp:train", "--record", "--profile", "smoke")["record"]
    assert record["who"]["profile"] == "smoke"
    documents = [json.loads(one.read_text()) for one in shop.root.parent.glob("**/run/r-*")]
    assert "smoke" in {one["profile"] for one in documents}


def test_the_full_target_is_neither_made_nor_stale_by_a_small_run(shop: Shop) -> None:
    shop.run("run", "//lp:train", "--profile", "smoke")

    full, small = shop.document("status", "//lp:train"), shop.document("status", "//lp:train", "--profile", "smoke")
    assert (full["profile"], full["targets"][0]["state"]) == (None, "missing")
    assert (small["profile"], small["targets"][0]["state"]) == ("smoke", "cached")
    [train] = [row for row in shop.document("run", "-n", "//lp:train")["targets"] if row["label"] == "//lp:train"]
    assert (train["decision"], train["reason"]["code"], train["expected_s"]) == ("execute", "never-built", None)
    assert ", profile smoke" in shop.document("why", "//lp:train")["compared_with"]


def test_the_plain_answer_is_not_taken_for_that_of_a_profile(shop: Shop) -> None:
    plain = [shop.run("hash", "//lp:train").stdout for _ in range(2)]
    small = [shop.run("hash", "//lp:train", "--profile", "smoke").stdout for _ in range(2)]

    assert plain[0] == plain[1] == shop.run("hash", "//lp:train").stdout
    assert small[0] == small[1] != plain[0]
    assert shop.run("hash", "//lp:data").stdout == shop.run("hash", "//lp:data", "--profile", "smoke").stdout


def test_an_equal_recipe_is_one_result_whatever_the_profile(shop: Shop) -> None:
    assert shop.run("run", "//lp:same").returncode == 0

    rows = shop.document("run", "//lp:train", "--profile", "same")["targets"]
    assert {row["label"]: row["outcome"] for row in rows}["//lp:train"] == "reused"


def test_what_failed_names_commands_under_the_same_profile(shop: Shop) -> None:
    done = shop.run("run", "//lp:train", "--profile", "broken")

    assert done.returncode == 1
    assert "traintrack log --profile broken //lp:train" in done.stderr
    assert "traintrack shell --profile broken //lp:train --attempt last" in done.stderr
    assert "traintrack run --profile broken //lp:train" in done.stderr
    missing = shop.run("pull", "//lp:train", "--profile", "broken")
    assert "traintrack run --profile broken //lp:train" in missing.stderr


def test_a_profile_that_no_file_declares_is_wrong_usage(shop: Shop) -> None:
    for words in (["hash"], ["run"], ["status"], ["check"], ["ls"], ["lock"], ["verify"], ["push"], ["pull"]):
        done = shop.run(*words, "//lp:*", "--profile", "smok")
        assert done.returncode == 2, words
        assert "no file declares the profile `smok`" in done.stderr
        assert "did you mean `smoke`?" in done.stderr
    assert "known are `broken`, `same`, `smoke`" in shop.run("hash", "//lp:*", "--profile", "x").stderr


def test_a_profile_of_another_experiment_is_known_and_changes_nothing_here(shop: Shop) -> None:
    here = shop.root / "experiments/hello"

    plain, small = (shop.run("hash", ":hello", *words, cwd=here) for words in ((), ("--profile", "smoke")))
    assert (small.returncode, small.stdout) == (0, plain.stdout)


def test_check_sees_wrong_layers_without_the_profile_and_what_they_lead_to_with_it(shop: Shop) -> None:
    path = shop.root / "wrong/TTCONFIG.yaml"
    path.parent.mkdir()
    text = "defaults: {image: py, commit: HEAD}\ntargets: {t: {task: count}}\nprofiles: {p: {targets: {t: {%s}}}}\n"
    try:
        path.write_text(text % "argz: {}")
        assert "unknown field `argz`" in shop.run("check", "//wrong:*").stderr
        path.write_text(text % 'args: {x: ":gone"}')
        assert shop.run("check", "//wrong:*").returncode == 0
        with_it = shop.run("check", "//wrong:*", "--profile", "p")
        assert with_it.returncode == 3
        assert "wrong/TTCONFIG.yaml:3:40: error: no target `gone`" in with_it.stderr
    finally:
        path.unlink()
        path.parent.rmdir()


def test_a_run_with_a_set_tells_the_edit_that_keeps_it(shop: Shop) -> None:
    edit = ["to keep --set args.epochs=5, edit", "  lp/TTCONFIG.yaml:7   epochs: 100  →  epochs: 5"]
    planned = shop.run("run", "-n", "//lp:train", "--set", "args.epochs=5")
    assert planned.stderr.splitlines()[-2:] == edit
    done = shop.run("run", "//lp:train", "--set", "args.epochs=5")
    assert (done.returncode, done.stderr.splitlines()[-2:]) == (0, edit)
    again = shop.document("run", "//lp:train", "--set", "args.epochs=5")
    assert [(one["path"], one["line"], one["old"], one["new"]) for one in again["edits"]] == [
        ("lp/TTCONFIG.yaml", 7, "epochs: 100", "epochs: 5")
    ]
    assert shop.document("run", "-n", "//lp:train", "--set", "args.epochs=5")["edits"] == again["edits"]

    path = shop.root / "lp/TTCONFIG.yaml"
    path.write_text(CONFIG.replace("      epochs: 100", "      epochs: 5"))
    kept = shop.document("run", "//lp:train")
    path.write_text(CONFIG)
    assert ({row["outcome"] for row in kept["targets"]}, kept["edits"]) == ({"reused"}, [])
