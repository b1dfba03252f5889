import pytest

from traintrack.action.image_ref import ImageRef, parse_image_ref
from traintrack.errors import InputError

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("python", ImageRef("docker.io", "library/python")),
        ("python:3.11", ImageRef("docker.io", "library/python", "3.11")),
        ("team/tool", ImageRef("docker.io", "team/tool")),
        ("docker.io/python", ImageRef("docker.io", "library/python")),
        ("index.docker.io/team/tool:1", ImageRef("docker.io", "team/tool", "1")),
        ("ghcr.io/a/b/c:v1.2_x", ImageRef("ghcr.io", "a/b/c", "v1.2_x")),
        ("localhost/x", ImageRef("localhost", "x")),
        ("localhost:5000/x:y", ImageRef("localhost:5000", "x", "y")),
        ("[::1]:5000/x", ImageRef("[::1]:5000", "x")),
        (f"reg.example/x@{DIGEST}", ImageRef("reg.example", "x", None, DIGEST)),
        (f"reg.example/x:1@{DIGEST}", ImageRef("reg.example", "x", "1", DIGEST)),
        ("a__b/c-d.e", ImageRef("docker.io", "a__b/c-d.e")),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, ref: ImageRef) -> None:
    assert parse_image_ref(text) == ref


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Team/tool",
        "reg.example/",
        "reg.example//x",
        "x:",
        "x:-1",
        "x:" + "a" * 129,
        "x@sha256:12",
        f"x@{DIGEST.upper()}",
        f"@{DIGEST}",
        "https://reg.example/x",
        "reg.example:port/x",
        "a/../b",
        "x y",
    ],
)
def test_what_is_no_name_of_an_image_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_image_ref(text)

    assert refused.value.code == "bad-image"
    assert "registry.example/team/trainer:2.3" in (refused.value.hint or "")


def test_a_pinned_name_has_the_digest_in_place_of_the_tag() -> None:
    assert parse_image_ref("python:3.11").pinned(DIGEST) == f"docker.io/library/python@{DIGEST}"


@pytest.mark.parametrize(
    ("text", "is_loopback"),
    [
        ("localhost/x", True),
        ("localhost:5000/x", True),
        ("127.0.0.1:5000/x", True),
        ("127.9.9.9/x", True),
        ("[::1]:5000/x", True),
        ("localhost.example/x", False),
        ("128.0.0.1:5000/x", False),
        ("reg.example:5000/x", False),
        ("x", False),
    ],
)
def test_only_registries_of_this_machine_are_asked_without_encryption(text: str, is_loopback: bool) -> None:
    assert parse_image_ref(text).is_loopback is is_loopback
