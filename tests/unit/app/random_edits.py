"""Random edits of a small workspace, of every kind that an ID may or must not depend on."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable

from small_workspace import Small

EXTRA = {
    "b/TTCONFIG.yaml": (
        "defaults: {image: py}\n"
        "templates:\n  t: {task: train_model, commit: HEAD, args: {depth: 1}}\n"
        "targets:\n"
        '  uses: {use: ":t", args: {epochs: 1, data: "//a:data"}}\n'
        "  pinned: {task: train_model, commit: @@@, args: {epochs: 1}}\n"
    ),
    "src/deep/more.py": "1\n",
}


class Edits:
    """Changes `small` by one random step at a time; `said` is what was done, for the message of a failure."""

    def __init__(self, small: Small, seed: int) -> None:
        self.small = small
        self.said: list[str] = []
        self._random = random.Random(seed)
        self._number = 0
        self._was: dict[str, str] = {}

    def step(self) -> None:
        """Do one edit; some are undone by a later one, so that old content comes back."""
        self._number += 1
        edit = self._random.choice(_EDITS)
        self.said.append(f"{self._number} {edit.__name__}")
        edit(self)

    def number(self) -> int:
        return self._random.choice([self._number, self._random.randrange(3)])

    def write(self, path: str, text: str) -> None:
        place = self.small.root / path
        if place.exists():
            self._was[path] = place.read_text()
        self.small.write(path, text)

    def put_back(self) -> None:
        for path, text in list(self._was.items())[-1:]:
            self.small.write(path, text)


def change_args(edits: Edits) -> None:
    path = edits.small.root / "a/TTCONFIG.yaml"
    lines = path.read_text().splitlines()
    lines = [f"      epochs: {edits.number()}" if "epochs:" in line else line for line in lines]
    edits.write("a/TTCONFIG.yaml", "\n".join(lines) + "\n")


def add_target(edits: Edits) -> None:
    path = edits.small.root / "a/TTCONFIG.yaml"
    text = path.read_text()
    name = f"t{edits.number()}"
    if f"  {name}:" not in text:
        edits.write("a/TTCONFIG.yaml", f'{text}  {name}: {{task: x, args: {{in: ":data"}}}}\n')


def add_experiment(edits: Edits) -> None:
    name = f"x{edits.number()}"
    edits.write(f"{name}/in/TTCONFIG.yaml", "defaults: {image: py, commit: HEAD}\ntargets: {t: {task: x, args: {}}}\n")


def remove_experiment(edits: Edits) -> None:
    for folder in sorted(edits.small.root.glob("x*"))[:1]:
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)


def make_it_a_workspace(edits: Edits) -> None:
    for folder in sorted(edits.small.root.glob("x*"))[:1]:
        (folder / "TTWORKSPACE.yaml").write_text("workspace: other\n")


def make_it_a_link(edits: Edits) -> None:
    for folder in sorted(edits.small.root.glob("x*/in"))[:1]:
        if not folder.is_symlink():
            target = edits.small.root / f".moved{edits._number}"
            folder.rename(target)
            folder.symlink_to(target)


def change_template(edits: Edits) -> None:
    path = edits.small.root / "b/TTCONFIG.yaml"
    text = path.read_text()
    head, _, rest = text.partition("args: {depth: ")
    edits.write("b/TTCONFIG.yaml", f"{head}args: {{depth: {edits.number()}{rest[rest.index('}') :]}")


def change_defaults(edits: Edits) -> None:
    paths = edits._random.choice(["src", "src/deep", "src, requirements.lock"])
    text = (edits.small.root / "TTWORKSPACE.yaml").read_text().splitlines()
    text[1] = f"defaults: {{paths: [{paths}]}}"
    edits.write("TTWORKSPACE.yaml", "\n".join(text) + "\n")


def change_pin(edits: Edits) -> None:
    commit = edits.small.git("rev-list", "--max-parents=0", "HEAD")
    edits.write(
        "b/TTLOCK.yaml",
        f"format: traintrack.lock/1\ntrees:\n  '{commit}': {{src: '{edits.number() % 10:x}{'0' * 39}'}}\n",
    )


def freeze(edits: Edits) -> None:
    edits.write(
        "a/TTLOCK.yaml", f"format: traintrack.lock/1\nfrozen:\n  data: {{id: '{edits.number() % 10:x}{'1' * 63}'}}\n"
    )


def remove_locks(edits: Edits) -> None:
    for name in ("a", "b"):
        (edits.small.root / f"{name}/TTLOCK.yaml").unlink(missing_ok=True)


def commit_code(edits: Edits) -> None:
    edits.write("src/train_model.py", f"print({edits.number()})\n")
    edits.small.commit("code")


def edit_code_only(edits: Edits) -> None:
    edits.write("src/train_model.py", f"print({edits.number()}, 'not committed')\n")


def go_back(edits: Edits) -> None:
    if edits.small.git("rev-list", "--count", "HEAD") != "1":
        edits.small.git("reset", "-q", "--soft", "HEAD~1")


def pack_refs(edits: Edits) -> None:
    edits.small.git("pack-refs", "--all", "--prune")


def ask_for_the_worktree(edits: Edits) -> None:
    path = edits.small.root / "b/TTCONFIG.yaml"
    old, new = edits._random.choice([("HEAD", "worktree"), ("worktree", "HEAD")])
    edits.write("b/TTCONFIG.yaml", path.read_text().replace(f"commit: {old}", f"commit: {new}"))


def break_a_file(edits: Edits) -> None:
    edits.write("a/TTCONFIG.yaml", "targets: [\n")
    edits.put_back() if edits._random.random() < 0.7 else None


def put_back(edits: Edits) -> None:
    edits.put_back()


_EDITS: list[Callable[[Edits], None]] = [
    *(change_args, add_target, add_experiment, remove_experiment, make_it_a_workspace, make_it_a_link),
    *(change_template, change_defaults, change_pin, freeze, remove_locks, commit_code, edit_code_only),
    *(go_back, pack_refs, ask_for_the_worktree, break_a_file, put_back),
]
