"""What the keys of `targets` stand for: targets, families, and the parts of templates in use."""

from pathlib import Path
from typing import Any

import pytest
from family_workspace import FamilyWorkspace

from traintrack.workspace.members import MemberMaker
from traintrack.workspace.model import Target

KFOLD = """\
templates:
  kfold:
    params: {data: any, k: {int: 2}}
    targets:
      split: {args: {data: "${data}"}, needs: [":first"]}
      train: {each: {fold: {range: "${k}"}}, args: {data: ".split/${fold}"}, needs: [.split], overrides: [{match: {fold: 1}, args: {also: .split}}]}
      best: {args: {all: ".train@*", one: ".train@fold=0/x"}}
    result: best
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINTRACK_NO_CACHE", "1")


def targets(root: Path, text: str, **options: Any) -> dict[str, Target]:
    return dict(FamilyWorkspace(root, text, **options).loader().experiment("a").targets.items())


def test_the_parts_of_a_template_stand_where_it_is_used_and_its_result_bears_the_name(tmp_path: Path) -> None:
    found = targets(tmp_path, KFOLD + 'targets:\n  first: {}\n  cv: {use: kfold, with: {data: ":first"}}\n  last: {}\n')

    assert list(found) == ["first", "cv.split", "cv.train@fold=0", "cv.train@fold=1", "cv", "last"]
    assert found["cv"].spec.args == {"all": ":cv.train@*", "one": ":cv.train@fold=0/x"}
    assert found["cv.train@fold=1"].spec.args == {"data": ":cv.split/1", "also": ":cv.split"}
    assert found["cv.train@fold=0"].spec.args == {"data": ":cv.split/0"}
    assert found["cv.train@fold=0"].spec.needs == (":cv.split",)


def test_under_axes_siblings_are_those_of_the_same_cell(tmp_path: Path) -> None:
    text = 'targets:\n  first: {}\n  cv: {use: kfold, each: {q: [7, 8]}, with: {data: "${q}"}}\n'
    found = targets(tmp_path, KFOLD + text)

    assert len(found) == 1 + 2 + 4 + 2
    assert found["cv.split@q=8"].spec.args == {"data": 8}
    assert found["cv.train@q=8,fold=1"].spec.args == {"data": ":cv.split@q=8/1", "also": ":cv.split@q=8"}
    assert found["cv@q=7"].spec.args == {"all": ":cv.train@q=7,*", "one": ":cv.train@q=7,fold=0/x"}
    assert found["cv.train@q=8,fold=1"].axes == ("q", "fold")


def test_a_template_inside_another_is_named_by_the_way_to_it(tmp_path: Path) -> None:
    text = KFOLD + (
        "  twice: {params: {d: any}, result: out, targets: {inner: {use: kfold, each: {r: [0, 1]}, with: {data: '${d}'}},"
        " out: {args: {one: .inner@r=0, all: .inner@*, part: '.inner.train@r=1,*'}}}}\n"
        "targets:\n  first: {}\n  top: {use: twice, each: {q: [7]}, with: {d: '${q}'}}\n"
    )
    found = targets(tmp_path, text)

    assert found["top@q=7"].spec.args == {
        "one": ":top.inner@q=7,r=0",
        "all": ":top.inner@q=7,*",
        "part": ":top.inner.train@q=7,r=1,*",
    }
    assert found["top.inner.train@q=7,r=1,fold=0"].spec.args == {"data": ":top.inner.split@q=7,r=1/0"}
    assert found["top.inner.split@q=7,r=0"].spec.args == {"data": 7}
    assert len(FamilyWorkspace(tmp_path, text).ids()) == len(found)


def test_what_stands_beside_the_use_of_a_graph_is_shared_by_its_parts(tmp_path: Path) -> None:
    text = (
        "targets:\n  first: {}\n  cv: {use: kfold, with: {data: 1}, resources: {cpu: 2}, cache_version: 3, tags: [x]}\n"
    )
    found = targets(tmp_path, KFOLD + text)

    assert {t.spec.cache_version for name, t in found.items() if name != "first"} == {3}
    assert found["cv.split"].spec.resources == {"cpu": 2}


def test_the_fields_of_a_part_go_before_those_beside_the_use(tmp_path: Path) -> None:
    text = (
        "templates: {k: {targets: {a: {cache_version: 1, args: {}}, b: {}}, result: a}}\n"
        "targets: {t: {use: k, cache_version: 2}}\n"
    )
    found = targets(tmp_path, text)

    assert (found["t"].spec.cache_version, found["t.b"].spec.cache_version) == (1, 2)


def test_a_parameter_that_fills_a_whole_field_is_checked_and_spelled_like_what_is_written(tmp_path: Path) -> None:
    text = (
        'templates: {k: {params: {n: int}, timeout: "${n}", env: {N: "${n}"}, args: {n: "${n}"}}}\n'
        "targets:\n  t: {use: k, with: {n: 5}}\n"
        '  u: {use: k, each: {m: [5]}, with: {n: "${m}"}}\n'
        '  hand: {timeout: 5, env: {N: "5"}, args: {n: 5}}\n'
    )
    ids = FamilyWorkspace(tmp_path, text).ids()

    assert ids["t"] == ids["u@m=5"] == ids["hand"]
    assert targets(tmp_path, text)["t"].spec.env == {"N": "5"}


def test_a_set_or_a_profile_may_change_which_members_there_are_and_what_a_template_is_given(tmp_path: Path) -> None:
    text = KFOLD + (
        'targets:\n  first: {}\n  t: {each: {lr: [0.1, 0.2]}, args: {lr: "${lr}"}}\n  cv: {use: kfold, with: {data: 1, k: 3}}\n'
        "profiles: {smoke: {targets: {t: {each: {lr: [9]}}, cv: {with: {k: 1}, cache_version: 7}}}}\n"
    )
    smoke = targets(tmp_path, text, profile="smoke")
    sets = targets(tmp_path, text, sets=[":t#each.lr=[0.5]", ":cv#with.data=2", ":t@lr=0.5#args.x=1"])

    assert list(smoke) == ["first", "t@lr=9", "cv.split", "cv.train@fold=0", "cv"]
    assert {name: t.spec.cache_version for name, t in smoke.items()} == {
        **dict.fromkeys(("first", "t@lr=9"), 0),
        **dict.fromkeys(("cv.split", "cv.train@fold=0", "cv"), 7),
    }
    assert sets["t@lr=0.5"].spec.args == {"lr": 0.5, "x": 1}
    assert sets["cv.split"].spec.args == {"data": 2}
    assert len(sets) == 1 + 1 + 5


def test_each_takes_the_axes_of_another_family_here_and_elsewhere(tmp_path: Path) -> None:
    text = (
        'targets:\n  late: {each: ":t", args: {x: "${lr}"}}\n  t: {each: {lr: [0.1, 0.2]}}\n'
        '  far: {each: "//b:u", args: {x: "${d.v}"}}\n'
    )
    far = "targets: {u: {task: t, image: box, code: baked, each: {d: {s: {v: 1}}}}}\n"
    found = targets(tmp_path, text, files={"b/TTCONFIG.yaml": far})

    assert list(found) == ["late@lr=0.1", "late@lr=0.2", "t@lr=0.1", "t@lr=0.2", "far@d=s"]
    assert found["far@d=s"].spec.args == {"x": 1}


def test_a_large_family_is_declared_by_one_member_and_the_rest_is_made_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    make = MemberMaker.make
    monkeypatch.setattr(
        MemberMaker, "make", lambda maker, label, point: made.append(label) or make(maker, label, point)
    )
    text = 'targets:\n  t: {each: {s: {range: 10000}}, max_members: 10000, args: {s: "${s}"}}\n'
    experiment = FamilyWorkspace(tmp_path, text).loader().experiment("a")

    assert len(experiment.targets) == 10_000
    assert experiment.targets["t@s=777"].spec.args == {"s": 777}
    assert [label.name for label in made] == ["t@s=0", "t@s=777"]


@pytest.mark.parametrize("count", [256, 257])
def test_over_256_members_are_asked_for_by_number(count: int, tmp_path: Path) -> None:
    text = f"targets:\n  t: {{each: {{s: {{range: {count}}}}}, args: {{s: '${{s}}'}}}}\n"

    assert bool(FamilyWorkspace(tmp_path, text).told()) == (count == 257)
    assert FamilyWorkspace(tmp_path, text.replace(", args", f", max_members: {count}, args")).told() == ""


def test_variables_are_text_whatever_an_axis_holds(tmp_path: Path) -> None:
    text = "targets:\n  t: {each: {v: [1, 0.5, true, a, !literal ':x']}, env: {V: '${v}', W: 'w${v}'}}\n"
    found = targets(tmp_path, text)

    assert [t.spec.env for t in found.values()] == [
        {"V": spelled, "W": f"w{spelled}"} for spelled in ("1", "0.5", "true", "a", ":x")
    ]
