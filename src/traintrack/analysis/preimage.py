"""The pre-image of an ID: what is hashed, as data (docs/reference/target-id.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from traintrack.action.image import BuiltImage, ContainerImage, Image
from traintrack.digest import JsonValue, TargetId, canonical_json
from traintrack.workspace.model import KeyPath, Literal

TARGET_FORMAT = "traintrack/target/1"
SOURCE_FORMAT = "traintrack/source/1"

ARTIFACT_KEY = "$artifact"
FAMILY_KEY = "$family"

_SCALARS = frozenset({str, int, float, bool, type(None)})


class ArtifactValue(Struct, frozen=True):
    """A reference in the arguments: the artifact of an ID, or the part of it at `path`."""

    id: TargetId
    path: str | None = None


class MemberValue(Struct, frozen=True):
    """A member of a fan-in: `at` maps axes to the coordinates that the task is shown."""

    at: Mapping[str, Any]
    id: TargetId
    path: str | None = None


class FamilyValue(Struct, frozen=True):
    """A fan-in in the arguments; the order of the members means nothing."""

    members: tuple[MemberValue, ...]


def target_preimage(
    *,
    task: str,
    entrypoint: Sequence[str] | None,
    platform: str,
    image: JsonValue,
    code: Mapping[str, str],
    env: Mapping[str, str],
    secrets: Sequence[str],
    cache_version: int,
    args: JsonValue,
) -> dict[str, JsonValue]:
    """Return the pre-image of a target. `image` and `args` are as `hashed_image` and `hashed_value` return them.

    A Python image searches the paths of `code` in their order. A map has none, so an order that is not the
    sorted one is hashed beside it.
    """
    preimage: dict[str, JsonValue] = {
        "format": TARGET_FORMAT,
        "task": task,
        "entrypoint": None if entrypoint is None else list(entrypoint),
        "platform": platform,
        "image": image,
        "code": dict(code),
        "env": dict(env),
        "secrets": sorted(set(secrets)),
        "cache_version": cache_version,
        "args": args,
    }
    if len(code) > 1 and isinstance(image, Mapping) and "python" in image and list(code) != sorted(code):
        preimage["search"] = list(code)
    return preimage


def source_preimage(*, content: str | None, listing: str | None, uri: str | None) -> dict[str, JsonValue]:
    """Return the pre-image of external data. `uri` is given where the task can see it: listings and `deliver: uri`."""
    preimage: dict[str, JsonValue] = {"format": SOURCE_FORMAT}
    if content is not None:
        preimage["content"] = content
    else:
        preimage["listing"] = listing
    if uri is not None:
        preimage["uri"] = uri
    return preimage


def hashed_image(image: Image) -> JsonValue:
    """Return what of an image decides a result: never its tag, always its content."""
    if isinstance(image, ContainerImage):
        return {"digest": image.digest}
    if isinstance(image, BuiltImage):
        return {
            "build": {
                "context": image.context,
                "dockerfile": image.dockerfile,
                "tree": dict(image.tree),
                "args": dict(image.args),
                "from": dict(image.bases),
            }
        }
    hashed: dict[str, JsonValue] = {"python": image.python, "lock": image.lock_sha256}
    if image.project_sha256 is not None:
        hashed |= {
            "project": image.project_sha256,
            "groups": sorted(set(image.groups)),
            "extras": sorted(set(image.extras)),
        }
    return hashed


def hashed_value(value: Any) -> JsonValue:
    """Return a value of `args` as it is hashed, copied: marks resolved, `$` before keys doubled."""
    if type(value) in _SCALARS:
        return value  # type: ignore[no-any-return]
    if isinstance(value, Mapping):
        return {escaped_key(key): item if type(item) in _SCALARS else hashed_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hashed_value(item) for item in value]
    if isinstance(value, Literal):
        return value.text
    if isinstance(value, ArtifactValue):
        return _artifact(value)
    if isinstance(value, FamilyValue):
        return _family(value)
    return value  # type: ignore[no-any-return]


def plain_value(value: Any) -> Any:
    """Return a value of `args` as the task gets it, copied: `!literal` is its text."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, Mapping):
        return {key: item if type(item) in _SCALARS else plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    return value.text if isinstance(value, Literal) else value


def escaped_key(key: str) -> str:
    """Double the `$` that a user's key begins with, so that it is never taken for one of ours."""
    return f"${key}" if key[:1] == "$" else key


def user_key(key: str) -> str:
    """Undo `escaped_key`."""
    return key[1:] if key[:2] == "$$" else key


def put(container: Any, path: KeyPath, value: Any) -> None:
    """Set the value at a path inside nested maps and lists, in place."""
    for part in path[:-1]:
        container = container[part]
    container[path[-1]] = value


def put_artifact(hashed: Any, arg_path: KeyPath, value: ArtifactValue) -> None:
    """Set a reference in what `hashed_value` returned, where the arguments have it at `arg_path`."""
    put(hashed, _escaped(arg_path), _artifact(value))


def put_family(hashed: Any, arg_path: KeyPath, members: Sequence[MemberValue]) -> None:
    """Set a fan-in in what `hashed_value` returned; `members` are sorted by the canonical JSON of `at`."""
    put(hashed, _escaped(arg_path), {FAMILY_KEY: _rows(members)})


def _escaped(arg_path: KeyPath) -> KeyPath:
    return tuple(escaped_key(part) if isinstance(part, str) else part for part in arg_path)


def _artifact(value: ArtifactValue | MemberValue) -> dict[str, JsonValue]:
    if value.path is None:
        return {ARTIFACT_KEY: value.id}
    return {ARTIFACT_KEY: value.id, "path": value.path}


def _family(value: FamilyValue) -> JsonValue:
    return {FAMILY_KEY: sorted(_rows(value.members), key=lambda row: canonical_json(row["at"]))}


def _rows(members: Sequence[MemberValue]) -> list[dict[str, JsonValue]]:
    return [{"at": hashed_value(one.at), **_artifact(one)} for one in members]
