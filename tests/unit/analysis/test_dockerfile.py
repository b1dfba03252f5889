import pytest
from hypothesis import given
from hypothesis import strategies as st

from traintrack.analysis.dockerfile import DockerfileError, base_images, pinned_text

CASES = [
    ("FROM a:1", ("a:1",)),
    ("# c\nfrom --platform=$BUILDPLATFORM a:1 as x\nFROM x\n", ("a:1",)),
    ("FROM scratch\nCOPY . .\n", ()),
    (
        "FROM a AS b\nFROM c\nCOPY --from=b /x /x\nCOPY --from=0 /x /x\nCOPY --chown=1 --from=d:2 /x /x\n",
        ("a", "c", "d:2"),
    ),
    ("FROM a\nRUN --mount=type=bind,from=tools:3,target=/t --mount=type=cache,target=/c make\n", ("a", "tools:3")),
    ("# syntax=docker/dockerfile:1\nFROM a\n", ("a", "docker/dockerfile:1")),
    ("FROM a\n# syntax=docker/dockerfile:1\n", ("a",)),
    ("ARG T=1\nFROM a:${T}\n", ("a:1",)),
    ("ARG T\nFROM a:${T:-9}\n", ("a:9",)),
    ("ARG T=1\nFROM a:${T:+x}y\n", ("a:xy",)),
    ('ARG A="r/x" B=2\nFROM $A:$B\n', ("r/x:2",)),
    ("FROM \\\n  # note\n  a:1 \\\n  AS x\nFROM x\n", ("a:1",)),
    ("FROM a\nRUN <<EOF\nFROM not:this\nEOF\nFROM b\n", ("a", "b")),
    ("# escape=`\nFROM `\n a:1\n", ("a:1",)),
    ("FROM a@sha256:" + "0" * 64, ("a@sha256:" + "0" * 64,)),
    ("\ufeffFROM a\r\nRUN x\r\n", ("a",)),
    ("FROM a AS Base\nFROM base\n", ("a",)),
    ("FROM a\nRUN echo FROM b\n", ("a",)),
    ("", ()),
]


@pytest.mark.parametrize(("text", "refs"), CASES)
def test_images_from_outside_are_found(text: str, refs: tuple[str, ...]) -> None:
    assert base_images(text, {}) == refs


def test_build_arguments_win_over_defaults_and_only_where_declared() -> None:
    assert base_images("ARG T=1\nFROM a:$T\n", {"T": "2"}) == ("a:2",)


@pytest.mark.parametrize("text", ["FROM a:$T\n", "ARG T\nFROM a:$T\n", "FROM a\nARG T=1\nFROM b:$T\n"])
def test_a_variable_without_value_is_an_error(text: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        base_images(text, {})

    assert "`T`" in str(caught.value)


@given(st.text("FROMCOPYARGS \n\\$={}:-#<`'\"ab1", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        base_images(text, {})
    except DockerfileError:
        return


@pytest.mark.parametrize(("text", "refs"), CASES)
def test_a_pinned_dockerfile_builds_upon_the_pins_and_nothing_else(text: str, refs: tuple[str, ...]) -> None:
    pins = {ref: f"reg/{number}@sha256:{number:064}" for number, ref in enumerate(refs)}

    pinned = pinned_text(text, {}, pins)

    assert base_images(pinned, {}) == tuple(sorted(pins.values()))
    assert len(pinned.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        (
            "FROM --platform=$BUILDPLATFORM a AS a\r\nCOPY --from=a a a\r\n",
            "FROM --platform=$BUILDPLATFORM X AS a\r\nCOPY --from=a a a\r\n",
        ),
        ("ARG V=1\nFROM b:${V}\nRUN echo b:${V} b:1\n", "ARG V=1\nFROM Y\nRUN echo b:${V} b:1\n"),
        ("FROM a\nCOPY --from=a --chown=1 a /x\n", "FROM X\nCOPY --from=X --chown=1 a /x\n"),
        ("FROM \\\n# a is\n a\n", "FROM \\\n# a is\n X\n"),
        (
            "FROM a\nRUN --mount=from=a,target=/a \\\n  --mount=target=/b,from=b:1 ls a\n",
            "FROM X\nRUN --mount=from=X,target=/a \\\n  --mount=target=/b,from=Y ls a\n",
        ),
        ('FROM "a" as x\n', "FROM X as x\n"),
        ("# syntax=a\n# a\nFROM a\n", "# syntax=X\n# a\nFROM X\n"),
    ],
)
def test_pinning_replaces_the_images_and_leaves_every_other_byte(text: str, pinned: str) -> None:
    assert pinned_text(text, {}, {"a": "X", "b:1": "Y"}) == pinned
