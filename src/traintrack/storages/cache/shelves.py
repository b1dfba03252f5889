"""Where the cache puts whole artifacts, and where those of which only parts are here: two sets of places in one folder."""

from __future__ import annotations

from traintrack.digest import ArtifactDigest
from traintrack.storages.local.artifacts import LocalArtifacts
from traintrack.storages.local.files import Files
from traintrack.storages.local.kept import LocalKept
from traintrack.storages.local.places import Places

_PART = ".part"


class PartPlaces(Places, frozen=True):
    """The same folder, with other places for artifacts and for what was noted of their files."""

    def artifact(self, digest: str) -> str:
        """The folder of the parts of an artifact."""
        return f"{self.root}/artifact-part/{digest[:2]}/{digest}"

    def layout(self, digest: str) -> str:
        """What was noted of the files that are there."""
        return f"{self.root}/layout-part/{digest[:2]}/{digest}"


class Shelves:
    """Both of them. What is noted of a thing's use is under its name, which says on which shelf it is."""

    def __init__(self, places: Places, files: Files, kept: LocalKept) -> None:
        self.places = places
        self.part_places = PartPlaces(places.root, places.namespace)
        self.whole = LocalArtifacts(places, files, kept)
        self.part = LocalArtifacts(self.part_places, files, kept)

    def folder(self, name: str) -> str:
        """The folder of a thing."""
        return self._places(name).artifact(digest_of(name))

    def notes(self, name: str) -> str:
        """What was noted of the files in it."""
        return self._places(name).layout(digest_of(name))

    def lock(self, name: str) -> str:
        """The lock of its shard, one of 256 for both shelves."""
        return self.places.artifact_lock(name)

    def set_aside(self, name: str) -> str:
        """Move its folder to the trash and return where it is now.

        Raises:
            OSError: it is not there, or cannot be moved.
        """
        return self.whole.set_aside(self.folder(name))

    def _places(self, name: str) -> Places:
        return self.part_places if name.endswith(_PART) else self.places


def name_of_part(digest: ArtifactDigest) -> str:
    """The name under which the parts of an artifact are noted."""
    return f"{digest}{_PART}"


def digest_of(name: str) -> ArtifactDigest:
    """The artifact that a thing belongs to."""
    return ArtifactDigest(name.removesuffix(_PART))
