"""Reads the typed vectors of docs/reference/target-id.md, section 8, through the code under test."""

from __future__ import annotations

from typing import Any

from traintrack.action.action import Action
from traintrack.action.image import BuiltImage, ContainerImage, Image, PythonImage
from traintrack.action.key import action_recipe
from traintrack.analysis.preimage import (
    ArtifactValue,
    FamilyValue,
    MemberValue,
    hashed_image,
    hashed_value,
    source_preimage,
    target_preimage,
)
from traintrack.digest import canonical_json, target_id


def typed(value: dict[str, Any]) -> Any:
    match value["type"]:
        case "null":
            return None
        case "int":
            return int(value["value"])
        case "float":
            return float(value["value"])
        case "bool" | "text":
            return value["value"]
        case "list":
            return [typed(item) for item in value["items"]]
        case "map":
            return {key: typed(item) for key, item in value["entries"]}
        case "artifact":
            return ArtifactValue(value["id"], value.get("path"))
        case "family":
            return FamilyValue(
                tuple(MemberValue(typed(m["at"]), m["id"], m.get("path")) for m in value["members"]),
            )
    raise AssertionError(value["type"])


def image_of(fields: dict[str, Any]) -> Image:
    match fields["kind"]:
        case "container":
            return ContainerImage("registry.example/any:tag", fields["digest"])
        case "build":
            return BuiltImage(fields["context"], fields["dockerfile"], fields["tree"], fields["from"], fields["args"])
    return PythonImage(
        fields["python"],
        "requirements.lock",
        fields["lock"],
        fields.get("project"),
        tuple(fields.get("groups", ())),
        tuple(fields.get("extras", ())),
    )


def target_of(fields: dict[str, Any]) -> bytes:
    preimage = target_preimage(
        task=fields["task"],
        entrypoint=fields["entrypoint"],
        platform=fields["platform"],
        image=hashed_image(image_of(fields["image"])),
        code=dict(fields["code"]),
        env=fields["env"],
        secrets=fields["secrets"],
        cache_version=fields["cache_version"],
        args=hashed_value(typed(fields["args"])),
    )
    return canonical_json(preimage)


def canonical_of(vector: dict[str, Any]) -> bytes:
    match vector["kind"]:
        case "value":
            return canonical_json(hashed_value(typed(vector["value"])))
        case "source":
            source = vector["source"]
            seen = source["uri"] if "listing" in source or source["deliver"] == "uri" else None
            return canonical_json(
                source_preimage(content=source.get("content"), listing=source.get("listing"), uri=seen)
            )
        case "target":
            return target_of(vector["target"])
    preimage = target_of(vector["target"])
    action = Action(target_id(preimage), preimage, "", ContainerImage("", ""))
    contents = {(row["id"], row["path"]): row["content"] for row in vector["contents"]}
    return canonical_json(action_recipe(action, contents))
