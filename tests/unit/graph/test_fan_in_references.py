"""A list of members: its order, what a task sees of it, what of it is hashed, and what is left out."""

import json
from pathlib import Path
from typing import Any

import pytest
from family_workspace import FamilyWorkspace

TRAIN = (
    '  train: {each: {lr: [0.1, 1e-4, 10], data: ["//x:one", "//y:two"], on: [true]}, args: {l: "${lr}", o: "${on}"},'
    ' env: {D: "${data}"}}\n'
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINTRACK_NO_CACHE", "1")


class Reader:
    """A target that reads lists of members, as it is hashed and as its task sees it."""

    def __init__(self, root: Path, fields: str, others: str = TRAIN) -> None:
        text = f"targets:\n{others}  reader: {{{fields}}}\n"
        actions = FamilyWorkspace(root, text).actions()
        action = actions.actions[actions.labels["//a:reader"]]
        self.id = action.id
        self.hashed: dict[str, Any] = json.loads(action.preimage)["args"]
        self.seen: Any = action.config
        self.inputs = [".".join(map(str, one.arg_path)) for one in action.inputs]
        self.names = {id_: label.partition(":")[2] for label, id_ in actions.labels.items()}


def test_the_list_is_sorted_by_what_the_task_sees_and_holds_the_axes_that_are_left_open(tmp_path: Path) -> None:
    reader = Reader(tmp_path, 'args: {a: ":train@*", b: [":train@data=one,on=true,*"]}')
    rows = [{"data": d, "lr": lr, "on": True} for d in ("one", "two") for lr in (0.0001, 0.1, 10)]

    assert [row["at"] for row in reader.seen["a"]] == rows
    assert reader.seen["b"] == [[{"at": {"lr": lr}, "path": None} for lr in (0.0001, 0.1, 10)]]
    assert [row["at"] for row in reader.hashed["a"]["$family"]] == rows
    assert [reader.names[row["$artifact"]] for row in reader.hashed["b"][0]["$family"]] == [
        f"train@lr={lr},data=one,on=true" for lr in ("0.0001", "0.1", "10")
    ]


def test_every_row_is_an_input_where_its_path_will_stand(tmp_path: Path) -> None:
    reader = Reader(tmp_path, 'args: {x: {y: ":train@lr=0.1,*/sub"}, z: ":train@lr=10,data=one,on=true"}')

    assert reader.inputs == ["x.y.0.path", "x.y.1.path", "z"]
    assert [row["path"] for row in reader.hashed["x"]["y"]["$family"]] == ["sub", "sub"]
    assert reader.seen["z"] is None


def test_where_everything_is_named_the_list_has_one_row_without_coordinates(tmp_path: Path) -> None:
    reader = Reader(tmp_path, 'args: {x: ":train@lr=0.1,data=one,on=true,*"}')

    assert reader.seen == {"x": [{"at": {}, "path": None}]}


def test_what_is_left_out_is_not_hashed_and_how_it_is_said_does_not_matter(tmp_path: Path) -> None:
    one = Reader(tmp_path, 'args: {x: ":train@*"}, except: {x: [{lr: 0.1}, {lr: 10, data: "//y:two"}]}')
    other = Reader(
        tmp_path,
        'args: {x: ":train@*"}, except: {x: [{lr: 1.0e-1, data: one}, {data: two, lr: 1e1}, {lr: 0.1, data: two, on: true}]}',
    )

    assert one.id == other.id
    assert [row["at"] for row in one.seen["x"]] == [
        *({"data": "one", "lr": 0.0001, "on": True}, {"data": "one", "lr": 10, "on": True}),
        {"data": "two", "lr": 0.0001, "on": True},
    ]


def test_leaving_out_a_member_is_the_same_as_a_grid_without_it(tmp_path: Path) -> None:
    shorter = TRAIN.replace("[0.1, 1e-4, 10]", "[1e-4, 10]")
    with_exception = Reader(tmp_path, 'args: {x: ":train@*"}, except: {x: [{lr: 0.1}]}')

    assert with_exception.id == Reader(tmp_path, 'args: {x: ":train@*"}', shorter).id
    assert with_exception.id != Reader(tmp_path, 'args: {x: ":train@*"}').id


def test_the_coordinates_that_a_task_sees_are_hashed_and_the_names_of_pinned_axes_are_not(tmp_path: Path) -> None:
    renamed = TRAIN.replace("lr:", "rate:").replace("${lr}", "${rate}")
    open_ = Reader(tmp_path, 'args: {x: ":train@data=one,on=true,*"}').id
    pinned = Reader(tmp_path, 'args: {x: ":train@lr=10,data=one,*"}').id

    assert open_ != Reader(tmp_path, 'args: {x: ":train@data=one,on=true,*"}', renamed).id
    assert pinned == Reader(tmp_path, 'args: {x: ":train@rate=10,data=one,*"}', renamed).id


def test_equal_members_stay_rows_of_their_own(tmp_path: Path) -> None:
    others = '  same: {each: {n: [1, 2]}, args: {x: 1}, unhashed: {n: "${n}"}}\n'
    reader = Reader(tmp_path, 'args: {x: ":same@*"}', others)
    rows = reader.hashed["x"]["$family"]

    assert [row["at"] for row in rows] == [{"n": 1}, {"n": 2}]
    assert rows[0]["$artifact"] == rows[1]["$artifact"]


def test_members_of_a_family_may_leave_out_members_of_another(tmp_path: Path) -> None:
    text = (
        f"targets:\n{TRAIN}"
        "  mean: {each: {lr: [0.1, 10]}, args: {x: ':train@.,*'}, overrides: [{match: {lr: 10}, except: {x: [{data: one}]}}]}\n"
    )
    nodes = {label.name: node for label, node in FamilyWorkspace(tmp_path, text).graph(":mean").nodes.items()}

    assert [len(nodes[name].inputs) for name in ("mean@lr=0.1", "mean@lr=10")] == [2, 1]
