"""The cases of `family_errors.txt`: what is wrong with families and templates, and what is told of it.

A case is a title behind `###`, options (`$ --set …`, `$ --profile …`, `$ PATTERN`, `+` and a line of TTWORKSPACE.yaml,
`@` and the path of another file up to a line `%`), the experiment `//a` without its first line, `---`, and what is told.

`python family_error_cases.py` writes what is told now: read the difference.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

FILE = Path(__file__).with_name("family_errors.txt")
_OTHER_FILE = re.compile(r"^@(\S+)\n(.*?)^%\n", re.DOTALL | re.MULTILINE)


class Case(Struct, frozen=True):
    """A case: `written` is all up to `---`, `told` what follows."""

    title: str
    written: str
    told: str

    def result(self, root: Path) -> str:
        """Return what is told now."""
        from family_workspace import WORKSPACE, FamilyWorkspace

        files = {found[1]: found[2] for found in _OTHER_FILE.finditer(self.written)}
        lines = _OTHER_FILE.sub("", self.written).splitlines(keepends=True)
        options = [line[2:].strip() for line in lines if line.startswith("$ ")]
        files["TTWORKSPACE.yaml"] = WORKSPACE + "".join(line[1:] for line in lines if line.startswith("+"))
        workspace = FamilyWorkspace(
            root,
            "".join(line for line in lines if not line.startswith(("$ ", "+"))),
            files,
            sets=[option.removeprefix("--set ") for option in options if option.startswith("--set ")],
            profile=next((o.removeprefix("--profile ") for o in options if o.startswith("--profile ")), None),
        )
        return workspace.told(*(option for option in options if not option.startswith("--")))


def cases() -> Iterator[Case]:
    """Yield the cases in order."""
    for block in FILE.read_text(encoding="utf-8").split("### ")[1:]:
        title, _, rest = block.partition("\n")
        written, _, told = rest.partition("---\n")
        yield Case(title, written, told)


if __name__ == "__main__":
    sys.path.insert(0, str(FILE.parent))
    texts = []
    for case in list(cases()):
        with tempfile.TemporaryDirectory() as folder:
            texts.append(f"### {case.title}\n{case.written}---\n{case.result(Path(folder))}")
    FILE.write_text("".join(texts), encoding="utf-8")
