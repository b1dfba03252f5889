"""`results` after runs of real tasks: the table, its CSV and its document."""

import csv
import io
import os
import pty
import subprocess
from pathlib import Path

import pytest
from test_workspace import PROGRAM, Shop

FIT = """\
import json, pathlib, sys
args = json.loads(pathlib.Path(sys.argv[1]).read_text())
out = pathlib.Path(sys.argv[2])
lr, fold = args.get("lr", 0.5), args.get("fold", 0)
if args.get("breaks"):
    sys.exit(3)
found = {"val": {"acc": round(1 - lr - fold / 100, 6), "loss": float("nan") if lr == 0.2 else lr}, "epochs": 20}
text = json.dumps(found)
(out / args.get("file", "metrics.json")).write_text(text[:-1] if args.get("garbled") else text)
"""
CONFIG = """\
defaults: {image: py, commit: HEAD}
targets:
  cv:
    task: fit
    each: {lr: [0.1, 0.2], fold: {range: 3}}
    args: {lr: "${lr}", fold: "${fold}"}
    overrides: [{match: {lr: 0.2, fold: 2}, args: {breaks: true}}]
  raw: {source: m/raw.txt, import: true}
  base: {task: fit, args: {data: ":raw", lr: 0.3}}
  garbled: {task: fit, args: {garbled: true}}
  hidden: {task: fit, args: {file: scores.json}}
profiles:
  smoke: {targets: {base: {args: {lr: 0.01}}}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("results"))
    (shop.root / "src/fit.py").write_text(FIT)
    (shop.root / "m").mkdir()
    (shop.root / "m/TTCONFIG.yaml").write_text(CONFIG)
    (shop.root / "m/raw.txt").write_text("x")
    for words in ("add .", "-c user.name=a -c user.email=a@example.org commit -qm y"):
        subprocess.run(["git", *words.split()], cwd=shop.root, env=shop.environ, check=True)
    assert shop.run("run", "//m:*").returncode == 1
    return shop


def test_a_cross_validated_grid_is_a_row_for_each_cell(shop: Shop) -> None:
    done = shop.run("results", "//m:cv", "--sort", "-val.acc")

    assert (done.returncode, done.stderr) == (0, "")
    # lr=0.1: 0.9, 0.89, 0.88; lr=0.2: 0.8 and 0.79, whose deviation is 0.01 / sqrt(2).
    assert done.stdout.splitlines() == [
        "all: epochs=20",
        "mean ± sd over fold (how many); --each shows them one by one",
        "",
        " lr  state     val.acc                   val.loss",
        "0.1            0.890  ± 0.010  (3)         0.1 ±   0 (3)",
        "0.2  1 failed  0.7950 ± 0.0071 (2 of 3)  nan   ± nan (2 of 3)",
    ]


def test_members_stand_alone_where_asked_and_without_those_that_have_no_result(shop: Shop) -> None:
    done = shop.run("results", "//m:cv", "--each", "--done", "--columns", "val.acc")

    assert done.stdout.splitlines() == [
        " lr  fold  val.acc",
        "0.1     0     0.9",
        "0.1     1     0.89",
        "0.1     2     0.88",
        "0.2     0     0.8",
        "0.2     1     0.79",
    ]


def test_the_document_has_all_rows_and_the_groups(shop: Shop) -> None:
    found = shop.document("results", "//m:cv")
    assert (len(found["rows"]), found["over"], len(found["groups"])) == (6, ["fold"], 2)
    assert found["rows"][3]["coordinates"] == {"lr": 0.2, "fold": 0}
    assert found["rows"][3]["metrics"] == {"val.acc": 0.8, "val.loss": "nan", "epochs": 20}
    assert found["rows"][5]["state"] == "failed"
    assert found["groups"][0]["metrics"]["val.acc"]["mean"] == pytest.approx(0.89)

    alone = shop.document("results", "//m:cv", "--each")
    assert (alone["rows"], alone["over"], alone["groups"]) == (found["rows"], [], [])


def test_csv_has_a_row_for_each_member_unless_it_is_grouped(shop: Shop) -> None:
    done = shop.run("results", "//m:cv", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["val.acc"] for row in rows] == ["0.9", "0.89", "0.88", "0.8", "0.79", ""]
    assert rows[0]["epochs"] == "20"

    grouped = list(csv.DictReader(io.StringIO(shop.run("results", "//m:cv", "--csv", "--over", "fold").stdout)))
    assert [(row["lr"], row["results"]) for row in grouped] == [("0.1", "3"), ("0.2", "2")]


def test_a_file_that_cannot_be_read_is_a_warning_and_the_rest_is_told(shop: Shop) -> None:
    done = shop.run("results", "//m:*")

    assert done.returncode == 0
    assert "warning: `//m:garbled` has an unreadable metrics.json: line 1:" in done.stderr
    assert "1 target without metrics: //m:hidden" in done.stderr
    assert "unreadable metrics.json" in done.stdout
    assert "//m:raw" not in done.stdout + done.stderr
    found = shop.document("results", "//m:*")
    [problem] = [row["problem"] for row in found["rows"] if row["problem"]]
    assert problem.startswith("unreadable metrics.json: line 1:")


def test_no_metrics_at_all_end_with_4_and_the_way_to_them(shop: Shop) -> None:
    done = shop.run("results", "//m:hidden")
    assert (done.returncode, done.stdout) == (4, "")
    assert "hint: traintrack results //m:hidden --file scores.json" in done.stderr

    assert shop.run("results", "//m:hidden", "--file", "scores.json").returncode == 0
    missing = shop.run("results", "//m:base", "--profile", "smoke")
    assert missing.returncode == 4
    assert "hint: traintrack run --profile smoke //m:base" in missing.stderr


def test_words_that_exclude_each_other_or_name_nothing_are_wrong_usage(shop: Shop) -> None:
    for words in (("--csv", "--json"), ("--each", "--over", "fold"), ("--sort", "acc"), ("--over", "flod")):
        assert shop.run("results", "//m:cv", *words).returncode == 2, words


def test_a_terminal_gets_what_fits_and_a_pipe_all(shop: Shop) -> None:
    ours, theirs = pty.openpty()
    environ = {**shop.environ, "NO_COLOR": "1", "TERM": "xterm"}
    subprocess.run(("stty", "cols", "30"), stdin=theirs, check=True)
    argv = [*PROGRAM, "results", "//m:cv", "--each"]
    done = subprocess.run(argv, cwd=shop.root, env=environ, stdout=theirs, stderr=subprocess.PIPE, check=False)
    os.close(theirs)
    text = _read_all(ours)

    assert done.returncode == 0, done.stderr
    assert "left out, as the terminal is narrow: val.loss" in text
    assert " lr  fold  state   val.acc\r\n" in text
    assert "val.loss" in shop.run("results", "//m:cv", "--each").stdout.splitlines()[2]


def _read_all(descriptor: int) -> str:
    data = b""
    try:
        while piece := os.read(descriptor, 65536):
            data += piece
    except OSError:
        pass  # Linux answers EIO where the other side is closed and all is read.
    os.close(descriptor)
    return data.decode()


def test_metrics_of_a_result_whose_bytes_went_are_told(shop: Shop, tmp_path: Path) -> None:
    before = shop.document("results", "//m:cv")["rows"]
    assert shop.run("gc", "--delete", "--older-than", "0s", "--max-delete-fraction", "1", "//m:cv").returncode == 0

    after = shop.document("results", "//m:cv")["rows"]
    assert {row["state"] for row in after} == {"removed", "failed"}
    assert [row["metrics"] for row in after] == [row["metrics"] for row in before]
