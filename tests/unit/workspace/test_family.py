from pathlib import Path

import pytest
from family_workspace import FamilyWorkspace

from traintrack.errors import InputError
from traintrack.workspace.family import Family
from traintrack.workspace.model import Experiment

TEXT = """\
targets:
  first: {}
  t: {each: {lr: [0.1, 1e-4], model: {s: {d: 1}, l: {d: 2}}}, args: {lr: "${lr}", d: "${model.d}"}}
  wrong: {each: {n: [1, -1]}, cache_version: "${n}"}
  last: {}
"""


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setenv("TRAINTRACK_NO_CACHE", "1")
    return FamilyWorkspace(tmp_path, TEXT).loader().experiment("a")


def family(experiment: Experiment, name: str = "t") -> Family:
    found = experiment.families[name]
    assert isinstance(found, Family)
    return found


def test_members_are_among_the_targets_in_the_order_of_the_file(experiment: Experiment) -> None:
    names = [f"t@lr={lr},model={model}" for lr in ("0.1", "0.0001") for model in "sl"]

    assert list(family(experiment).matching({})) == [experiment.targets[name] for name in names]
    assert len(experiment.targets) == 1 + 4 + 2 + 1
    assert [point[0].name for point in family(experiment).points_at({"model": "l"})] == ["0.1", "0.0001"]


def test_a_member_is_the_same_object_however_it_is_asked_for(experiment: Experiment) -> None:
    member = experiment.targets["t@lr=0.0001,model=l"]

    assert experiment.targets["t@model=l,lr=1e-4"] is member
    assert family(experiment).find({"lr": "1e-4", "model": "l"}) is member
    assert (member.label.name, member.spec.args) == ("t@lr=0.0001,model=l", {"lr": 0.0001, "d": 2})
    assert [(axis, one.name) for axis, one in zip(member.axes, member.point, strict=True)] == [
        *(("lr", "0.0001"), ("model", "l"))
    ]


@pytest.mark.parametrize(
    "name", ["t", "t@", "t@lr=0.1", "t@lr=0.1,model=x", "t@lr=0.1,model=s,x=1", "first@lr=0.1", "z@a=1", "z"]
)
def test_there_is_no_target_of_other_coordinates(name: str, experiment: Experiment) -> None:
    assert name not in experiment.targets
    with pytest.raises(KeyError):
        experiment.targets[name]


def test_a_wrong_member_is_told_each_time_and_leaves_its_siblings_alone(experiment: Experiment) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match="out of range"):
            experiment.targets["wrong@n=-1"]

    assert experiment.targets["wrong@n=1"].spec.cache_version == 1


def test_the_fields_of_a_member_know_where_they_were_written(experiment: Experiment) -> None:
    member = experiment.targets["t@lr=0.1,model=s"]

    assert str(member.place_of("args", "d")) == "a/TTCONFIG.yaml:4:86"
    assert member.origin_of("args", "d") == "target"
    assert str(member.place) == "a/TTCONFIG.yaml:4:3"
