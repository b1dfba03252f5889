"""`init --wrap`: what is read from the text of a script, and that its entry calls it with just those words."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from small_workspace import Small
from wrapping import TELL, args_of, call, wrapped

from traintrack.app.check import check
from traintrack.app.init import Wish, init
from traintrack.app.project import action_graph
from traintrack.errors import InputError, UsageError

ARGPARSE = """\
import argparse
from pathlib import Path

LR = 1e-3

def parser():
    p = argparse.ArgumentParser()
    model = p.add_argument_group("model")
    p.add_argument("--data-dir", type=Path, default="corpus", help="Folder with rows.")
    p.add_argument("--lr", "--learning-rate", type=float, default=2 * LR)
    p.add_argument("-b", "--batch-size", dest="batch", type=int, default="32")
    model.add_argument("--hidden", nargs="+", type=int, default=[64, 32])
    model.add_argument("--arch", choices=["cnn", "mlp"], required=True)
    p.add_argument("--tag", action="append")
    p.add_argument("--amp", action="store_true")
    p.add_argument("--no-shuffle", dest="shuffle", action="store_false")
    p.add_argument("--ema", action=argparse.BooleanOptionalAction, default=True)
    p.add_argument("--pretrained", type=bool, default=True)
    p.add_argument("-v", action="count", default=0)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--num-workers", type=int, default=4)
    p.add_argument("--version", action="version", version="1")
    p.add_argument("-o", "--output-dir", default="runs/x")
    p.add_argument("--metrics-file", default="m/scores.json")
    return p

if __name__ == "__main__":
    args = parser().parse_args()
    got = vars(args)
""" + "".join(f"    {line}\n" for line in TELL.strip().splitlines())

CLICK = (
    """\
import click

@click.command()
@click.option("--lr", "learning_rate", default=0.1, show_default=True)
@click.option("--shuffle/--no-shuffle", default=True)
@click.option("--fast", is_flag=True)
@click.option("--tag", multiple=True, default=["a"])
@click.option("--size", nargs=2, type=int, default=(3, 4))
@click.option("-v", "--verbose", count=True)
@click.option("--out", type=click.Path(), required=True)
@click.option("--model", type=click.Choice(["small", "large"]), required=True)
@click.argument("epochs", type=int)
def main(**got):
"""
    + "".join(f"    {line}\n" for line in TELL.strip().splitlines())
    + '\nif __name__ == "__main__":\n    main()\n'
)

TYPER = """\
from typing import Annotated, Optional
from pathlib import Path
import typer

def main(
    rows: int,
    lr: float = 0.1,
    shuffle: bool = True,
    fast: Annotated[bool, typer.Option("--fast")] = False,
    tags: Annotated[list[str], typer.Option("--tag", help="a label")] = ["a"],
    out_dir: Path = typer.Option("out", help="where to"),
    seed: Optional[int] = None,
):
    got = locals()
TELL

if __name__ == "__main__":
    typer.run(main)
"""

FIRE = """\
import fire

def train(lr=0.1, sizes=(64, 32), name="10", fast=False, note=None):
    got = dict(locals())
TELL

if __name__ == "__main__":
    fire.Fire(train)
"""

TYRO = """\
from dataclasses import dataclass, field
import tyro

@dataclass
class Optim:
    lr: float = 0.1
    nesterov: bool = True

@dataclass
class Config:
    rows: int
    sizes: tuple[int, ...] = (64, 32)
    fast: bool = False
    optim: Optim = field(default_factory=Optim)

if __name__ == "__main__":
    config = tyro.cli(Config)
    got = [config.rows, config.sizes, config.fast, config.optim.lr, config.optim.nesterov]
TELL
"""

ABSL = """\
from absl import app, flags

FLAGS = flags.FLAGS
flags.DEFINE_float("lr", 0.1, "learning rate")
flags.DEFINE_bool("fast", True, "")
flags.DEFINE_list("layers", ["a", "b"], "")
flags.DEFINE_enum("kind", "x", ["x", "y"], "")
flags.DEFINE_multi_integer("step", [1], "")
flags.DEFINE_string("data", None, "", required=True)

def main(_):
    got = [FLAGS.lr, FLAGS.fast, FLAGS.layers, FLAGS.kind, FLAGS.step, FLAGS.data]
TELL

if __name__ == "__main__":
    app.run(main)
"""


def telling(text: str) -> str:
    lines = TELL.strip().splitlines()
    return "\n".join(
        "\n".join(f"    {told}" for told in lines) if line == "TELL" else line for line in text.splitlines()
    )


def test_argparse_defaults_are_the_first_arguments(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()

    made = wrapped(tmp_path, ARGPARSE)

    assert args_of(made) == {
        "data_dir": ":data_dir",
        "lr": 0.002,
        "batch": 32,
        "hidden": [64, 32],
        "arch": "cnn",
        "amp": False,
        "shuffle": True,
        "ema": True,
        "pretrained": True,
        "v": 0,
    }
    assert made.args.unhashed == ("num_workers: 4",)
    assert [line for line in made.args.args if line.startswith("#")] == ["# tag: null", "# seed: null"]
    assert [(source.name, source.path) for source in made.sources] == [("data_dir", "corpus")]
    assert made.args.required == ()


def test_argparse_gets_what_a_target_says(tmp_path: Path) -> None:
    made = wrapped(tmp_path, ARGPARSE)
    config = {
        "data_dir": "/in/data",
        "lr": -0.5,
        "batch": 8,
        "hidden": [1, 2, 3],
        "arch": "mlp",
        "tag": ["a", "-b c"],
        "amp": True,
        "shuffle": False,
        "ema": False,
        "pretrained": False,
        "v": 2,
        "seed": None,
        "num_workers": 0,
    }

    done = call(tmp_path, made, {**config, "tag": ["a", "b c"]})

    assert (done.exit_code, done.said) == (0, "")
    assert done.got == {
        **config,
        "tag": ["a", "b c"],
        "output_dir": str(tmp_path / "out"),
        "metrics_file": str(tmp_path / "out" / "scores.json"),
    }


def test_the_first_arguments_are_those_that_the_script_takes_without_any(tmp_path: Path) -> None:
    made = wrapped(tmp_path, ARGPARSE)
    bare = call(tmp_path, made, {"arch": "cnn"})
    first = call(tmp_path, made, {**args_of(made), "num_workers": 4})

    assert first.exit_code == 0, first.said
    assert first.got == bare.got


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"arch": "cnn", "bathc": 3}, "train.py takes no argument `bathc` from a target; there are data_dir, lr"),
        ({"arch": "cnn", "output_dir": "/elsewhere"}, "takes no argument `output_dir` from a target"),
        ({"arch": "cnn", "lr": {"a": 1}}, "`lr` cannot be {'a': 1}"),
        ({"arch": "cnn", "amp": "yes"}, "`amp` cannot be 'yes'"),
    ],
)
def test_an_argument_that_has_no_flag_fails_in_words(tmp_path: Path, config: dict, said: str) -> None:
    done = call(tmp_path, wrapped(tmp_path, ARGPARSE), config)

    assert done.exit_code == 1
    assert said in done.said
    assert "Traceback" not in done.said


def test_the_exit_code_of_the_script_is_that_of_the_entry(tmp_path: Path) -> None:
    done = call(tmp_path, wrapped(tmp_path, "import sys\nsys.exit(7)\n"), {})

    assert done.exit_code == 7


def test_click_gets_what_a_target_says(tmp_path: Path) -> None:
    made = wrapped(tmp_path, CLICK)
    first = args_of(made)
    done = call(tmp_path, made, {**first, "epochs": -3, "learning_rate": 0.5, "tag": ["x", "y"], "shuffle": False})

    assert first == {
        "learning_rate": 0.1,
        "shuffle": True,
        "fast": False,
        "tag": ["a"],
        "size": [3, 4],
        "model": "small",
        "epochs": None,
    }
    assert made.args.required == ("epochs",)
    assert (done.exit_code, done.said) == (0, "")
    assert done.got == {
        "learning_rate": 0.5,
        "shuffle": False,
        "fast": False,
        "tag": ["x", "y"],
        "size": [3, 4],
        "verbose": 0,
        "out": str(tmp_path / "out"),
        "model": "small",
        "epochs": -3,
    }


# What the real library makes of the words is looked at where it is installed; the words are in every case.
OTHERS = {
    "typer": (
        TYPER,
        {"rows": 5, "lr": 0.2, "shuffle": False, "fast": True, "tags": ["x", "y"]},
        ["--lr=0.2", "--no-shuffle", "--fast", "--tag", "x", "--tag", "y", "--out-dir=OUT", "--", "5"],
        {"rows": 5, "lr": 0.2, "shuffle": False, "fast": True, "tags": ["x", "y"], "out_dir": "OUT", "seed": None},
    ),
    "fire": (
        FIRE,
        {"lr": 1e-5, "sizes": [1, 2], "name": "10", "fast": True},
        ["--lr=1e-05", "--sizes=[1, 2]", "--name='10'", "--fast=True"],
        {"lr": 1e-5, "sizes": [1, 2], "name": "10", "fast": True, "note": None},
    ),
    "tyro": (
        TYRO,
        {"rows": 5, "sizes": [1, 2, 3], "fast": True, "optim.lr": 0.2, "optim.nesterov": False},
        ["--rows=5", "--sizes", "1", "2", "3", "--fast", "--optim.lr=0.2", "--optim.no-nesterov"],
        [5, [1, 2, 3], True, 0.2, False],
    ),
    "absl": (
        ABSL,
        {"lr": 0.2, "fast": False, "layers": ["c", "d"], "kind": "y", "step": [4, 5], "data": "/in/data"},
        ["--lr=0.2", "--nofast", "--layers=c,d", "--kind=y", "--step", "4", "--step", "5", "--data=/in/data"],
        [0.2, False, ["c", "d"], "y", [4, 5], "/in/data"],
    ),
}


@pytest.mark.parametrize("library", OTHERS)
def test_the_words_are_those_that_the_library_takes(tmp_path: Path, library: str) -> None:
    text, config, words, got = OTHERS[library]
    made = wrapped(tmp_path, telling(text))
    # In the place of the library stands a script that only tells its words.
    (tmp_path / "train.py").write_text(f"got = None{TELL}")
    there = importlib.util.find_spec(library) is not None

    told = call(tmp_path, made, config)
    (tmp_path / "train.py").write_text(telling(text))
    real = call(tmp_path, made, config) if there else None

    assert made.style == library
    place = next(tmp_path.rglob("told.json")).parent if made.outputs == {} else None
    assert place in (None, tmp_path / "out")
    assert told.argv == [word.replace("OUT", str(tmp_path / "out")) for word in words]
    if real is not None:
        assert (real.exit_code, real.said) == (0, "")
        assert str(real.got) == str(got).replace("OUT", str(tmp_path / "out"))


def test_a_default_that_is_code_stays_a_path(tmp_path: Path) -> None:
    (tmp_path / "presets.py").write_text("")
    (tmp_path / "rows.csv").write_text("")
    text = "import argparse\np = argparse.ArgumentParser()\n"
    text += "p.add_argument('--preset', default='presets.py')\np.add_argument('--rows', default='./rows.csv')\n"

    made = wrapped(tmp_path, text)

    assert args_of(made) == {"preset": "presets.py", "rows": ":rows/rows.csv"}
    assert [source.path for source in made.sources] == ["rows.csv"]


def test_a_script_without_flags_runs_in_the_output_folder(tmp_path: Path) -> None:
    made = wrapped(tmp_path, "open('model.txt', 'w').write('m')\n")
    done = call(tmp_path, made, {})

    assert done.exit_code == 0, done.said
    assert (tmp_path / "out" / "model.txt").read_text() == "m"
    assert made.args.args == ()


def test_a_module_of_a_package_imports_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "src/plates").mkdir(parents=True)
    (tmp_path / "src/plates/__init__.py").write_text("")
    (tmp_path / "src/plates/model.py").write_text("SIZE = 3\n")
    (tmp_path / "lib.py").write_text("NAME = 'lib'\n")
    text = "from .model import SIZE\nimport lib, plates\nopen('told.txt', 'w').write(f'{SIZE} {lib.NAME}')\n"

    made = wrapped(tmp_path, text, "src/plates/train.py")
    done = call(tmp_path, made, {})

    assert made.entry == "src/train_task.py"
    assert (done.exit_code, done.said) == (0, "")
    assert (tmp_path / "out" / "told.txt").read_text() == "3 lib"


def test_a_parser_in_a_module_of_the_repository_is_read_there(tmp_path: Path) -> None:
    (tmp_path / "options.py").write_text(
        "import argparse\ndef parser():\n    p = argparse.ArgumentParser()\n    p.add_argument('--lr', type=float, default=1)\n    return p\n"
    )
    text = f"from options import parser\ngot = vars(parser().parse_args()){TELL}"

    made = wrapped(tmp_path, text)

    assert args_of(made) == {"lr": 1.0}
    assert call(tmp_path, made, {"lr": 3.0}).got == {"lr": 3.0}


def test_a_parser_of_another_program_that_is_imported_is_not_the_scripts(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("import argparse\nargparse.ArgumentParser().add_argument('--x')\nN = 1\n")
    (tmp_path / "odd.py").write_text("def (\n")

    made = wrapped(tmp_path, "import model, odd\nprint(model.N)\n")

    assert (made.style, made.args.args) == ("none", ())


HF = """\
from dataclasses import dataclass, field
from typing import Optional, List
from transformers import HfArgumentParser, TrainingArguments

@dataclass
class Base:
    seed: int = field(default=42, metadata={"help": "seed"})

@dataclass
class ModelArguments(Base):
    model_name: str
    fp16: bool = False
    heads: Optional[List[int]] = field(default_factory=lambda: [1, 2])

if __name__ == "__main__":
    args = HfArgumentParser((ModelArguments, TrainingArguments)).parse_args_into_dataclasses()
"""


def test_dataclasses_of_transformers_are_read_with_their_bases(tmp_path: Path) -> None:
    made = wrapped(tmp_path, HF)
    (tmp_path / "train.py").write_text(f"got = None{TELL}")

    told = call(tmp_path, made, {"model_name": "bert", "fp16": False, "heads": [3]})

    assert args_of(made) == {"seed": 42, "model_name": None, "fp16": False, "heads": [1, 2]}
    assert told.argv == ["--model_name=bert", "--fp16=False", "--heads", "3", f"--output_dir={tmp_path / 'out'}"]


SUB = f"""\
import argparse
p = argparse.ArgumentParser()
p.add_argument("--device", default="cpu")
sub = p.add_subparsers(dest="what")
train = sub.add_parser("train")
train.add_argument("--lr", type=float, default=0.1)
test = sub.add_parser("test")
test.add_argument("--lr", type=float, default=0.2)
got = vars(p.parse_args()){TELL}"""


def test_a_sub_command_is_named_with_the_script(tmp_path: Path) -> None:
    made = wrapped(tmp_path, SUB, "main.py test")

    assert made.name == "main_test"
    assert args_of(made) == {"lr": 0.2}
    assert call(tmp_path, made, {"lr": 0.5}).got == {"device": "cpu", "what": "test", "lr": 0.5}


def test_a_script_with_sub_commands_is_refused_with_their_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 sub-commands; there are `test`, `train`") as caught:
        wrapped(tmp_path, SUB, "main.py")

    assert caught.value.hint == "traintrack init --wrap 'main.py test'"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import hydra\n@hydra.main()\ndef main(c): ...\n", "leaves its flags to hydra"),
        ("import sys\nprint(sys.argv[1])\n", "reads `sys.argv` itself"),
        (
            "import argparse\nimport elsewhere\nelsewhere.fill(argparse.ArgumentParser())\n",
            "leaves its flags to argparse",
        ),
        ("def (:\n", "cannot be read as Python"),
    ],
)
def test_flags_that_the_text_does_not_tell_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        wrapped(tmp_path, text)

    assert caught.value.hint


def test_nothing_of_a_script_is_executed(tmp_path: Path) -> None:
    text = f"import argparse\nopen({str(tmp_path / 'ran')!r}, 'w')\np = argparse.ArgumentParser()\n"
    text += (
        f"p.add_argument('--x', default=open({str(tmp_path / 'ran')!r}, 'w'))\np.add_argument('--z', default=9**9**9)\n"
    )

    made = wrapped(tmp_path, text)

    assert not (tmp_path / "ran").exists()
    assert made.args.args == ("# x: null", "# z: null")


def test_options_that_exclude_each_other_are_left_out(tmp_path: Path) -> None:
    text = f"""\
import argparse
p = argparse.ArgumentParser()
g = p.add_mutually_exclusive_group()
g.add_argument("--epochs", type=int, default=1000)
g.add_argument("--steps", type=int, default=2000)
got = vars(p.parse_args()){TELL}"""
    made = wrapped(tmp_path, text)

    assert made.args.args == ("# epochs: null", "# steps: null")
    assert call(tmp_path, made, {"steps": 5}).got == {"epochs": 1000, "steps": 5}


def test_defaults_of_any_text_arrive_as_they_are(tmp_path: Path) -> None:
    values = [
        ":x",
        "//a",
        "@b",
        "no",
        "1e3",
        "a: b",
        "${x}",
        "$${y}",
        "# c",
        "0x10",
        "~",
        "null",
        "ü",
        "a b",
        "'",
        '"',
        "\\",
        "y",
    ]
    rows = "".join(f"p.add_argument('--o{n}', default={value!r})\n" for n, value in enumerate(values))
    (tmp_path / "train.py").write_text(f"import argparse\np = argparse.ArgumentParser()\n{rows}", encoding="utf-8")
    report = init(tmp_path, Wish(wrap="train.py", name="w"))
    base = {path: (tmp_path / path).read_text(encoding="utf-8") for path in report.files}

    small = Small(tmp_path, base={**base, ".gitignore": ""})
    target = small.project().loader.experiment("experiments/train").targets["train"]
    config = action_graph(small.project(), ["//experiments/train"])
    [action] = config.actions.values()

    assert check(small.project()).errors == ()
    assert [action.config[f"o{n}"] for n in range(len(values))] == values
    assert target.spec.task == "train_task"
    lines = base["experiments/train/TTCONFIG.yaml"]
    assert 'o6: !literal "${x}"\n' in lines
    assert 'o0: !literal ":x"\n' in lines
