from typing import Any

import pytest

from traintrack.action.action import Action
from traintrack.action.image import ContainerImage
from traintrack.action.key import action_key
from traintrack.digest import ArtifactDigest, TargetId, canonical_json, target_id

A, B = TargetId("aa" * 32), TargetId("bb" * 32)
X, Y = ArtifactDigest("11" * 32), ArtifactDigest("22" * 32)


def action(args: dict[str, Any], **fields: Any) -> Action:
    preimage = canonical_json({"format": "traintrack/target/1", "task": "t", "args": args, **fields})
    return Action(target_id(preimage), preimage, "t", ContainerImage("", ""))


def test_inputs_of_other_ids_with_the_same_content_give_the_same_key() -> None:
    one = action_key(action({"d": {"$artifact": A}}), {(A, None): X})
    other = action_key(action({"d": {"$artifact": B}}), {(B, None): X})

    assert one == other


def test_other_content_gives_another_key() -> None:
    made = action({"d": {"$artifact": A}})

    assert action_key(made, {(A, None): X}) != action_key(made, {(A, None): Y})


def test_only_the_content_of_the_part_counts_and_not_its_name() -> None:
    one = action_key(action({"d": {"$artifact": A, "path": "old"}}), {(A, "old"): X})
    other = action_key(action({"d": {"$artifact": B, "path": "new"}}), {(B, "new"): X})

    assert one == other


def test_the_recipe_counts() -> None:
    contents = {(A, None): X}
    keys = {
        action_key(action({"d": {"$artifact": A}}), contents),
        action_key(action({"d": {"$artifact": A}, "lr": 1}), contents),
        action_key(action({"d": {"$artifact": A}}, cache_version=1), contents),
        action_key(action({"e": {"$artifact": A}}), contents),
    }

    assert len(keys) == 4


def test_members_of_a_family_keep_their_coordinates() -> None:
    def family(first: int, second: int) -> Action:
        members = [{"at": {"fold": first}, "$artifact": A}, {"at": {"fold": second}, "$artifact": B, "path": "m"}]
        return action({"evals": {"$family": members}})

    contents = {(A, None): X, (B, "m"): Y}

    assert action_key(family(0, 1), contents) != action_key(family(0, 2), contents)


def test_a_users_own_map_with_escaped_keys_is_left_alone() -> None:
    made = action({"d": {"$$artifact": A}})

    assert action_key(made, {}) != action_key(action({"d": {"$$artifact": B}}), {})


def test_a_key_is_no_id() -> None:
    made = action({})

    assert action_key(made, {}) != made.id


def test_content_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError):
        action_key(action({"d": {"$artifact": A, "path": "x"}}), {(A, None): X})
