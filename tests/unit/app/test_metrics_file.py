"""What is a metric in a file of metrics, and what is no such file."""

import math

import pytest

from traintrack.app.metrics_file import MetricsError, flat_metrics, has_null, read_metrics


def test_nested_objects_become_dotted_names_in_the_order_of_the_file() -> None:
    found = read_metrics(b'{"val": {"acc": 0.5, "by": {"cat": 1}}, "kind": "linear", "ok": true, "a": 2}')

    assert list(found.items()) == [("val.acc", 0.5), ("val.by.cat", 1), ("kind", "linear"), ("ok", True), ("a", 2)]


def test_lists_and_nulls_are_left_out() -> None:
    assert read_metrics(b'{"curve": [1, 2], "best": null, "loss": 1.5, "empty": {}}') == {"loss": 1.5}


def test_what_python_writes_for_no_number_is_read() -> None:
    found = read_metrics(b'{"a": NaN, "b": -Infinity}')

    assert str(found["a"]) == "nan"
    assert found["b"] == -math.inf


def test_of_two_equal_names_the_first_stays() -> None:
    assert flat_metrics({"val.acc": 1, "val": {"acc": 2}}) == {"val.acc": 1}


def test_a_null_is_seen_at_any_depth_but_not_in_a_list() -> None:
    assert has_null({"a": {"b": None}})
    assert not has_null({"a": {"b": [None]}, "c": 0})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": 1', "line 1: expecting ',' delimiter"),
        (b"[1]", "it is no JSON object"),
        (b'{"a": "\xff"}', "it is not UTF-8"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "it is nested too deep"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "it is nested too deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "it has a number that is too long"),
    ],
    ids=["cut off", "list", "bytes", "far too deep", "too deep", "long number"],
)
def test_what_is_no_file_of_metrics_is_said_in_words(data: bytes, words: str) -> None:
    with pytest.raises(MetricsError, match=words):
        read_metrics(data)
