"""Container images of this machine's engine: there already, fetched by digest, or built once from what git has."""

from __future__ import annotations

import re
import shutil
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
from msgspec import Struct

from traintrack.action.image import BuiltImage, ContainerImage, recipe_digest
from traintrack.action.image_ref import parse_image_ref
from traintrack.errors import HostError
from traintrack.ports.storage import Kept
from traintrack.runners.container.build_context import BuildContext, write_context
from traintrack.runners.container.engine import Build, Engine, LocalImage
from traintrack.runners.contract.lock_file import locked

LOCAL_NAME = "localhost/traintrack/built"
"""No registry has this name, so nothing is ever fetched or pushed under it by mistake."""

RECIPE_LABEL = "traintrack.recipe"
_TAG_DIGITS = 40
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# What registries say of a name that was never pushed.
_NOT_PUSHED = frozenset({"no-such-image", "registry-denied"})


class Made(Struct, frozen=True):
    """What a recipe came to, kept under `image/<recipe>`: its ID at the engine, and where it was pushed to."""

    id: str
    platform: str
    pushed: str | None = None


class Images:
    """Provides images, in any number of threads and processes.

    `folder` is for locks and builds under way and can be deleted. Where `registry`, a repository, is given, what is
    built is pushed there and other machines fetch it.
    """

    def __init__(self, engine: Engine, kept: Kept, folder: Path, registry: str | None = None) -> None:
        self._engine = engine
        self._kept = kept
        self._folder = folder
        self._registry = None if registry is None else parse_image_ref(registry).name
        self._known: dict[tuple[str, str], LocalImage] = {}

    def provide(self, image: ContainerImage | BuiltImage, platform: str, cancelled: threading.Event) -> LocalImage:
        """Return an image that the engine has, fetching or building it if it has not.

        Raises:
            InputError: this is not the name of an image.
            HostError: it cannot be had: `no-such-image`, `registry-denied`, `registry-unreachable`, `wrong-platform`,
                `build-failed` with the last lines of the build.
            IntegrityError: what it is built from is damaged in the storage.
            CancelledError: `cancelled` was set meanwhile.
        """
        key = (_key(image, platform), platform)
        found = self._known.get(key)
        if found is None:
            if isinstance(image, BuiltImage):
                found = self._built(image, platform, key[0], cancelled)
            else:
                found = self._fetched(key[0], platform, cancelled)
            self._known[key] = found
        return found

    def _fetched(self, name: str, platform: str, cancelled: threading.Event) -> LocalImage:
        found = self._here(name, platform)
        if found is not None:
            return found
        with self._locked(name.rpartition(":")[2], cancelled, f"the image `{name}`"):
            return self._here(name, platform) or self._pulled(name, platform)

    def _here(self, name: str, platform: str) -> LocalImage | None:
        found = self._engine.image(name)
        return found if found is not None and _is_for(found, platform) else None

    def _pulled(self, name: str, platform: str) -> LocalImage:
        found = self._engine.pull(name, platform)
        if not _is_for(found, platform):
            raise HostError(
                f"`{name}` is for {found.platform} and not for {platform}",
                code="wrong-platform",
                hint=f"write `platform: {found.platform}` for this image, or name one that is for {platform}",
            )
        return found

    def _built(self, image: BuiltImage, platform: str, recipe: str, cancelled: threading.Event) -> LocalImage:
        with self._locked(recipe, cancelled, f"the image of `{image.dockerfile}`"):
            made = self._made(recipe)
            found = self._of_recipe(recipe, made, platform)
            if found is None:
                found = self._build(image, platform, recipe)
            return self._remembered(recipe, made, found)

    def _of_recipe(self, recipe: str, made: Made | None, platform: str) -> LocalImage | None:
        """The image of a recipe that was built before: here, or at a registry."""
        for name in ([made.id] if made is not None else []) + [_local_tag(recipe)]:
            found = self._here(name, platform)
            if found is not None:
                return found
        pushed = made.pushed if made is not None else None
        if pushed is None and self._registry is not None:
            pushed = f"{self._registry}:{recipe[:_TAG_DIGITS]}"
        if pushed is None:
            return None
        try:
            return self._pulled(pushed, platform)
        except HostError as error:
            # Where no registry is named (any more), one that was is a help and no must.
            if self._registry is not None and error.code not in _NOT_PUSHED:
                raise
            return None

    def _build(self, image: BuiltImage, platform: str, recipe: str) -> LocalImage:
        """Build in a folder of the recipe's own, which one that was killed may have left behind."""
        self._fetch_bases(image, platform)
        place = self._folder / recipe[:_TAG_DIGITS]
        log = place.with_suffix(".log")
        shutil.rmtree(place, ignore_errors=True)
        log.unlink(missing_ok=True)
        try:
            context = write_context(image, platform, self._kept, place)
            found = self._engine.build(self._order(image, platform, recipe, context), log)
        except OSError as error:
            raise HostError(
                f"the files of a build cannot be written at `{place}`: {error.strerror}",
                code="build-files",
                hint=f"make room there: df -h {self._folder}",
            ) from error
        except HostError as error:
            raise _told(error, image, log) from error
        finally:
            shutil.rmtree(place, ignore_errors=True)
        log.unlink(missing_ok=True)
        return found

    def _order(self, image: BuiltImage, platform: str, recipe: str, context: BuildContext) -> Build:
        return Build(
            context=context.folder,
            dockerfile=str(context.dockerfile),
            tag=_local_tag(recipe),
            # Builders without emulation refuse to be told even their own platform.
            platform=None if self._engine.info().platform == platform else platform,
            arguments=image.args,
            labels={RECIPE_LABEL: recipe},
        )

    def _fetch_bases(self, image: BuiltImage, platform: str) -> None:
        """Fetch what the build starts from: a registry that refuses is told as such, and not as a build that failed."""
        for ref, digest in image.bases.items():
            name = parse_image_ref(ref).pinned(digest)
            if self._engine.image(name) is not None:
                continue
            try:
                self._engine.pull(name, platform)
            except HostError as error:
                # A stage may be for the machine that builds (`FROM --platform=…`): the builder knows.
                if error.code != "wrong-platform":
                    raise

    def _remembered(self, recipe: str, made: Made | None, found: LocalImage) -> LocalImage:
        """Push what is not pushed yet, and note what came of the recipe."""
        pushed = made.pushed if made is not None else None
        if self._registry is not None and (pushed is None or not pushed.startswith(f"{self._registry}@")):
            there = [parse_image_ref(name) for name in found.digests]
            pushed = next((ref.pinned(ref.digest or "") for ref in there if ref.name == self._registry), None)
            if pushed is None:
                digest = self._engine.push(found.id, f"{self._registry}:{recipe[:_TAG_DIGITS]}")
                pushed = f"{self._registry}@{digest}"
                found = msgspec.structs.replace(found, digests=(*found.digests, pushed))
        now = Made(found.id, found.platform, pushed)
        if now != made:
            self._kept.put_named(f"image/{recipe}", msgspec.json.encode(now))
        return found

    def _made(self, recipe: str) -> Made | None:
        data = self._kept.get_named(f"image/{recipe}")
        try:
            return None if data is None else msgspec.json.decode(data, type=Made)
        except msgspec.MsgspecError:
            return None  # Of a later version: the image is looked for by its name, or built.

    def _locked(self, name: str, cancelled: threading.Event, what: str) -> AbstractContextManager[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return locked(self._folder / f"{name[:_TAG_DIGITS]}.lock", cancelled, what)


def identity_of(image: ContainerImage | BuiltImage, local: LocalImage) -> str:
    """Return what a record says about the image that ran: the digest that a registry knows it by, else its ID."""
    if isinstance(image, ContainerImage):
        return image.digest
    # Podman names what it built under the local name too, by a digest that no registry knows.
    known = [name for name in local.digests if not name.startswith(f"{LOCAL_NAME}@")]
    return known[-1].partition("@")[2] if known else local.id


def _local_tag(recipe: str) -> str:
    return f"{LOCAL_NAME}:{recipe[:_TAG_DIGITS]}"


def _told(error: HostError, image: BuiltImage, log: Path) -> HostError:
    """A build that failed, by the user's own name of the Dockerfile; any other error as it is."""
    if error.code != "build-failed":
        return error
    return HostError(
        f"the image of `{image.dockerfile}` cannot be built",
        code=error.code,
        hint=f"the whole log: less {log}",
        details=[line for said in error.details if (line := _COLOURS.sub("", said).rstrip())],
    )


def _key(image: ContainerImage | BuiltImage, platform: str) -> str:
    if isinstance(image, BuiltImage):
        return recipe_digest(image, platform)
    return parse_image_ref(image.ref).pinned(image.digest)


def _is_for(image: LocalImage, platform: str) -> bool:
    """Tell if an image is for a platform; an engine may leave out the variant (`linux/arm64/v8`)."""
    return image.platform == platform or platform.startswith(f"{image.platform}/")
