"""Which commit and paths a target's code comes from, and the objects that they are."""

from __future__ import annotations

from collections.abc import Mapping

from traintrack.analysis.revisions import Revisions, clean_paths, is_full_hash
from traintrack.errors import InputError
from traintrack.workspace.model import Lock, Target
from traintrack.workspace.source_control import HEAD, WORKTREE

BAKED = "baked"


def revision_of(target: Target) -> str | None:
    """Return the commit of a target as it is looked up: a full hash, `HEAD` or `worktree`; None if its code is baked in.

    Raises:
        InputError: there is none though one is needed, or it is neither of these.
    """
    commit = target.spec.commit
    if commit is None:
        if target.spec.code == BAKED:
            return None
        raise InputError(
            f"`{target.label}` has no `commit`",
            code="missing-commit",
            location=target.place,
            hint="add `commit: HEAD`, or the full hash that `git rev-parse HEAD` prints",
        )
    if commit in (HEAD, WORKTREE) or is_full_hash(commit):
        return commit
    raise InputError(
        f"`{commit}` is not a full commit hash, `HEAD` or `worktree`",
        code="bad-commit",
        location=target.place_of("commit"),
        hint=f"write what `git rev-parse {commit}` prints",
    )


def code_paths(target: Target, revision: str | None) -> tuple[str, ...]:
    """Return the paths of a target's code from the workspace root, cleaned, in declared order; empty if baked in.

    Raises:
        InputError: a path leaves the workspace, or `HEAD` or `worktree` has no paths.
    """
    spec = target.spec
    if spec.code == BAKED or revision is None:
        return ()
    if spec.paths is None:
        if is_full_hash(revision):
            return (".",)
        raise InputError(
            f"`commit: {revision}` needs `paths`: the whole workspace holds the files that say so",
            code="missing-paths",
            location=target.place_of("commit"),
            hint="add `paths: [src]` to the target, or to `defaults`",
        )
    return clean_paths(spec.paths, target.place_of("paths"))


class Codes:
    """Resolves the code of targets; those of an experiment with the same commit and paths share the answer."""

    def __init__(self, revisions: Revisions) -> None:
        self._revisions = revisions
        self._known: dict[tuple[str, str | None, tuple[str, ...] | None, str | None], Mapping[str, str]] = {}

    def resolve(self, target: Target, revision: str | None, lock: Lock) -> Mapping[str, str]:
        """Map each path to a tree id or `<mode>:<blob id>`, in declared order.

        Raises:
            InputError: a path does not exist at the commit, or must not be there.
        """
        spec = target.spec
        key = (target.label.package, revision, spec.paths, spec.code)
        known = self._known.get(key)
        if known is None:
            paths = code_paths(target, revision)
            assert revision is not None or not paths
            place = target.place_of("paths" if spec.paths is not None else "commit")
            known = {path: self._revisions.object_at(revision or "", path, lock, place) for path in paths}
            self._known[key] = known
        return known
