"""Nobody there, somebody silent, and nobody to be: each is told in time and with a way out."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from traintrack.errors import HostError, InputError
from traintrack.ports.objects import UnknownOutcomeError
from traintrack.storages.objects.pace import Patience, RealPace
from traintrack.storages.s3 import connection
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.s3_server import Access, Hold, Rule, S3Server

SECRETS = {"alice": "right"}


def test_a_server_that_is_gone_is_told_within_the_deadline(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = S3Bucket("s3://models/team")
    bucket.put("k", b"x")
    s3.close()
    begin = time.monotonic()

    with pytest.raises(UnknownOutcomeError):
        bucket.put_if_absent("l", b"x")
    assert time.monotonic() - begin < 5
    with pytest.raises(UnknownOutcomeError, match="models/team/k"):
        bucket.get("k")
    assert time.monotonic() - begin < 20


def test_patience_makes_a_clear_error_of_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bucket = S3Bucket("s3://models/team", {"endpoint": f"http://127.0.0.1:{port}", "region": "us-east-1"})
    patience = Patience(RealPace(), "read the cell", deadline_s=1.0)
    begin = time.monotonic()

    with pytest.raises(HostError) as caught:
        get_with(patience, bucket)
    assert caught.value.code == "storage-unclear"
    words = f"s3://models/team/k: http://127.0.0.1:{port} gives no answer: connection refused"
    assert caught.value.details == (words,)
    assert time.monotonic() - begin < 20


def get_with(patience: Patience, bucket: S3Bucket) -> None:
    while True:
        try:
            bucket.get("k")
        except UnknownOutcomeError as error:
            patience.pause(error)


@pytest.mark.parametrize("ask", [lambda b: b.put_if_absent("k", b"x"), lambda b: b.get("k")])
def test_a_server_that_never_answers_is_not_waited_for_long(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, ask: Callable[[S3Bucket], object]
) -> None:
    hasty = connection.Tries(0, 0.0, 0.5)
    monkeypatch.setattr("traintrack.storages.s3.bucket.ONCE", hasty)
    monkeypatch.setattr("traintrack.storages.s3.bucket.READS", hasty)
    s3.faults.add(Rule(Hold()))
    begin = time.monotonic()

    with pytest.raises(UnknownOutcomeError):
        ask(S3Bucket("s3://models/team"))
    assert time.monotonic() - begin < 5


def test_a_read_ends_when_nothing_comes_but_not_when_it_is_long(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traintrack.storages.s3.bucket.READS", connection.Tries(0, 0.0, 3600.0, silence_s=0.5))
    s3.buckets.write("models", "team/k", b"x")
    bucket = S3Bucket("s3://models/team")
    s3.faults.add(Rule(Hold()))
    begin = time.monotonic()

    with pytest.raises(UnknownOutcomeError):
        bucket.get("k")
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("who", [("alice", "wrong"), ("nobody", "right")])
def test_wrong_credentials_are_told_as_that(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, who: tuple[str, str]
) -> None:
    s3.allow(Access(SECRETS))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", who[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", who[1])

    with pytest.raises(HostError, match="denied") as caught:
        S3Bucket("s3://models/team").get("k")
    assert caught.value.code == "storage-denied"


def test_no_credentials_are_told_with_the_variables(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")

    with pytest.raises(HostError, match="no credentials") as caught:
        S3Bucket("s3://models/team").get("k")
    assert "AWS_PROFILE" in (caught.value.hint or "")


def profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two people in `~/.aws`, and nobody in the environment."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_REGION")
    folder = tmp_path / "home" / ".aws"
    folder.mkdir(parents=True)
    words = "aws_access_key_id = {}\naws_secret_access_key = {}\n"
    (folder / "credentials").write_text(
        f"[default]\n{words.format('bob', 'x')}[team]\n{words.format('alice', 'right')}"
    )
    (folder / "config").write_text("[profile team]\nregion = us-east-1\n[default]\nregion = us-east-1\n")


def test_a_profile_is_read(s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    s3.allow(Access(SECRETS))
    profiles(monkeypatch, tmp_path)
    S3Bucket("s3://models/team", {"profile": "team"}).put("k", b"x")
    monkeypatch.setenv("AWS_PROFILE", "team")
    S3Bucket("s3://models/team").put("l", b"x")
    monkeypatch.delenv("AWS_PROFILE")

    with pytest.raises(HostError, match="denied"):
        S3Bucket("s3://models/team").put("m", b"x")
    assert {request.access_key for request in s3.log.requests() if request.status == 200} == {"alice"}
    assert s3.log.requests()[-1].access_key == "bob"


def test_keys_of_the_environment_go_before_a_profile_of_it_but_not_before_one_that_is_written_down(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profiles(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "carol")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "z")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_PROFILE", "team")
    S3Bucket("s3://models/team").get("k")
    S3Bucket("s3://models/team", {"profile": "team"}).get("k")

    assert [request.access_key for request in s3.log.requests()] == ["carol", "alice"]


@pytest.mark.parametrize(("kind", "expected"), [("RuntimeError", HostError), ("TimeoutError", UnknownOutcomeError)])
def test_a_login_that_runs_out_later_is_told_but_a_service_out_of_reach_is_waited_for(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, kind: str, expected: type[Exception]
) -> None:
    def ended() -> None:
        raise {"RuntimeError": RuntimeError, "TimeoutError": TimeoutError}[kind]("the token has run out")

    monkeypatch.setattr(connection, "credentials_of", lambda _: ended)

    with pytest.raises(expected, match="token has run out"):
        S3Bucket("s3://models/team").put_if_absent("k", b"x")


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HostError, match="nosuch") as caught:
        S3Bucket("s3://models/team", {"profile": "nosuch"})
    assert "list-profiles" in (caught.value.hint or "")


def test_a_profile_without_boto3_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "boto3.session", None)

    with pytest.raises(HostError, match="boto3") as caught:
        S3Bucket("s3://models/team", {"profile": "team"})
    assert caught.value.hint == "pip install boto3"


def test_options_go_before_the_environment(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_REGION", "mars-1")
    S3Bucket("s3://models/team", {"endpoint": s3.url, "region": "us-east-1"}).put("k", b"x")

    assert s3.buckets.keys("models") == ["team/k"]


@pytest.mark.parametrize("name", ["endpoint", "region", "profile"])
def test_an_option_that_is_no_text_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=name):
        S3Bucket("s3://models/team", {name: 3})
