"""Fill in what new vectors of `tests/vectors/target-id.json` lack; refuse to change what was reviewed.

A vector that was added by hand has its input only. After this has run, read the new `canonical` texts against
docs/reference/target-id.md before they are committed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "unit" / "analysis"))

from typed_vectors import canonical_of  # noqa: E402

from traintrack.digest import sha256_hex  # noqa: E402

VECTORS = ROOT / "tests" / "vectors" / "target-id.json"


def main() -> int:
    """Return 1 if a vector that has its result would get another one now."""
    document = json.loads(VECTORS.read_text("utf-8"))
    wrong = 0
    for vector in document["vectors"]:
        if vector.get("refused"):
            continue
        canonical = canonical_of(vector)
        computed = {"canonical": canonical.decode("utf-8"), "digest": sha256_hex(canonical)}
        for name, value in computed.items():
            if vector.setdefault(name, value) != value:
                wrong = 1
                print(f"{vector['name']}: {name} is {vector[name]}, and would be {value}", file=sys.stderr)
    VECTORS.write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n", "utf-8")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
