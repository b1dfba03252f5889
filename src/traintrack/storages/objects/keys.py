"""Where things lie in a namespace of an object store.

```
<namespace>/cell/<2>/<target ID>          the cells
<namespace>/data/<2>/<digest>.<round>     bytes and layouts, named by their BLAKE3 and the collector's round
<namespace>/gc/cell                       the round, and the collector's own lease
```
"""

from __future__ import annotations

from msgspec import Struct

from traintrack.digest import ContentDigest, TargetId


class Keys(Struct, frozen=True):
    """The keys of one namespace."""

    namespace: str = "default"

    @property
    def cells(self) -> str:
        """The prefix of all cells."""
        return f"{self.namespace}/cell/"

    @property
    def data(self) -> str:
        """The prefix of all bytes."""
        return f"{self.namespace}/data/"

    @property
    def collector(self) -> str:
        """The object that holds the round."""
        return f"{self.namespace}/gc/cell"

    def cell(self, id_: TargetId) -> str:
        """The key of a cell."""
        return f"{self.cells}{id_[:2]}/{id_}"

    def blob(self, digest: ContentDigest, round_: int) -> str:
        """The key of some bytes in a round."""
        return f"{self.data}{digest[:2]}/{digest}.{round_}"


def id_of(cell_key: str) -> TargetId:
    """The ID whose cell this key is."""
    return TargetId(cell_key.rpartition("/")[2])


def digest_of(blob_key: str) -> ContentDigest:
    """The digest of the bytes under a key."""
    return ContentDigest(blob_key.rpartition("/")[2].partition(".")[0])


def round_of(blob_key: str) -> int | None:
    """The round of a key, None if it was not written by traintrack."""
    text = blob_key.rpartition(".")[2]
    return int(text) if text.isdecimal() else None
