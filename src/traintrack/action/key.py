"""The ActionKey: the same recipe over its inputs' content, known when the inputs exist (DESIGN 6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traintrack.action.action import Action
from traintrack.digest import ActionKey, ArtifactDigest, JsonValue, TargetId, canonical_json, sha256_hex

ACTION_FORMAT = "traintrack/action/1"


def action_key(action: Action, contents: Mapping[tuple[TargetId, str | None], ArtifactDigest]) -> ActionKey:
    """Hash the recipe with every `$artifact` replaced by the content digest of what is referenced.

    `contents` maps (ID, sub-path) to the digest of that part of the artifact that stands for the ID.

    Raises:
        KeyError: an input's content is not given.
    """
    return ActionKey(sha256_hex(canonical_json(action_recipe(action, contents))))


def action_recipe(
    action: Action, contents: Mapping[tuple[TargetId, str | None], ArtifactDigest]
) -> dict[str, JsonValue]:
    """Return what is hashed: the pre-image with content digests in place of IDs.

    Raises:
        KeyError: an input's content is not given.
    """
    recipe = action.recipe
    recipe["format"] = ACTION_FORMAT
    recipe["args"] = _over_content(recipe["args"], contents)
    return recipe


def _over_content(value: Any, contents: Mapping[tuple[TargetId, str | None], ArtifactDigest]) -> JsonValue:
    if isinstance(value, list):
        return [_over_content(item, contents) for item in value]
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]
    artifact = value.get("$artifact")
    if artifact is None:
        return {key: _over_content(item, contents) for key, item in value.items()}
    rest = {key: item for key, item in value.items() if key not in ("$artifact", "path")}
    return {**rest, "$content": contents[artifact, value.get("path")]}
