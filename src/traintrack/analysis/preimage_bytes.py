"""The canonical bytes of pre-images, with what targets of the same recipe share spelled once."""

from __future__ import annotations

from collections.abc import Mapping

from traintrack.analysis.images import ResolvedImage
from traintrack.analysis.preimage import target_preimage
from traintrack.digest import JsonValue, canonical_json
from traintrack.workspace.model import TargetSpec

_Shared = tuple[ResolvedImage, Mapping[str, str], bytes]


class PreimageBytes:
    """Spells pre-images. `args` is the first key of one, so that all that follows can be spelled before."""

    def __init__(self) -> None:
        self._known: dict[object, _Shared] = {}

    def of(self, spec: TargetSpec, image: ResolvedImage, code: Mapping[str, str], args: JsonValue) -> bytes:
        """Return the canonical JSON of a target's pre-image; `args` is as `hashed_value` returns it.

        Raises:
            NotCanonicalError: a value cannot be hashed.
        """
        return b'{"args":' + canonical_json(args) + b"," + self._rest(spec, image, code)

    def _rest(self, spec: TargetSpec, image: ResolvedImage, code: Mapping[str, str]) -> bytes:
        # The entry holds image and code, so that no other object can get their place in memory.
        key = (spec.task, id(image), id(code), spec.cache_version, tuple(spec.env.items()), tuple(spec.secrets))
        known = self._known.get(key)
        if known is None:
            preimage = target_preimage(
                task=spec.task or "",
                entrypoint=image.entrypoint,
                platform=image.platform,
                image=image.hashed,
                code=code,
                env=spec.env,
                secrets=tuple(spec.secrets),
                cache_version=spec.cache_version,
                args=None,
            )
            del preimage["args"]
            known = self._known[key] = (image, code, canonical_json(preimage)[1:])
        return known[2]
