"""Where things lie in a namespace of an object store.

```
store.json                                format, hash and heartbeat of the store, and what the probe found
<namespace>/cell/<2>/<target ID>          the cells
<namespace>/data/<2>/<digest>.<round>     bytes and layouts, named by their BLAKE3 and the collector's round
<namespace>/data/plain/<artifact>.<round>/<path>   the files of a result whose target says `layout: plain`
<namespace>/gc/cell                       the round, and the collector's own lease
<namespace>/gc/evicted                    a random word, new before and after a result is taken away
<namespace>/hint/<2>/<action key>         which ID has the result of an ActionKey
<namespace>/want/<target ID>/<run>        who waits for a cell that another holds
kept/<2>/<digest>, kept-named/<name>      what is kept for ever, for all namespaces
run/<run>, run-newest/<time, inverted>~<run>
label/<2>/<digest>                        the newest results of a label
log/<name>, live/<flight>/<offset>        logs that are finished, and pieces of those that grow
handover/<checkpoint>/<digest>            checkpoints of those who left, for those who waited
roots/<workspace>, use/<digest>           what is never collected, and what was used
quarantine/<key>~<word>                   what `verify --repair` has set aside
```
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from traintrack.digest import ActionKey, ArtifactDigest, ContentDigest, TargetId
from traintrack.storages.local.places import is_name

STORE_MARK: Final = "store.json"
RUNS: Final = "run/"
PLAIN: Final = "plain/"
NEWEST_RUNS: Final = "run-newest/"
_OF_THE_STORE: Final = frozenset(
    (
        "kept",
        "kept-named",
        "run",
        "run-newest",
        "label",
        "log",
        "live",
        "handover",
        "roots",
        "use",
        "pin",
        "probe",
        "quarantine",
    )
)
LIVE: Final = "live/"
HANDOVER: Final = "handover/"

_OF_A_NAMESPACE: Final = frozenset(("cell", "data", "gc", "hint", "want"))


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

    @property
    def evicted(self) -> str:
        """The object that changes when a result is taken away."""
        return f"{self.namespace}/gc/evicted"

    def hint(self, key: ActionKey) -> str:
        """The hint of an ActionKey."""
        return f"{self.namespace}/hint/{key[:2]}/{key}"

    @property
    def all_wants(self) -> str:
        """The prefix of who waits for any cell."""
        return f"{self.namespace}/want/"

    def wants(self, id_: TargetId) -> str:
        """The prefix of those who wait for an ID."""
        return f"{self.all_wants}{id_}/"

    def cell(self, id_: TargetId) -> str:
        """The key of a cell."""
        return f"{self.cells}{id_[:2]}/{id_}"

    def plain(self, artifact: ArtifactDigest, round_: int) -> str:
        """What the keys of an artifact's files begin with where they have their own names."""
        return f"{self.data}{PLAIN}{artifact}.{round_}/"

    def blob(self, digest: ContentDigest, round_: int) -> str:
        """The key of some bytes in a round."""
        return f"{self.data}{digest[:2]}/{digest}.{round_}"


def is_namespace(name: str) -> bool:
    """Tell if names with `/` between them can be a namespace: none has a meaning of its own among the keys."""
    parts = name.split("/")
    return is_name(name) and parts[0] not in _OF_THE_STORE and not _OF_A_NAMESPACE.intersection(parts)


def kept_key(digest: ContentDigest) -> str:
    """The key of a small object that is kept for ever."""
    return f"kept/{digest[:2]}/{digest}"


def named_key(name: str) -> str:
    """The key of what is kept under a name, which may have `/`."""
    return f"kept-named/{name}"


def run_key(run: str) -> str:
    """The key of a run document."""
    return f"{RUNS}{run}"


def newest_run_key(run: str, time: str) -> str:
    """The key by which runs are listed newest first; `time` is in ISO 8601 (UTC), and orders for people only."""
    digits = "".join(c for c in time if c.isdigit())[:14].ljust(14, "0")
    return f"{NEWEST_RUNS}{10**14 - 1 - int(digits):014}~{run}"


def run_of(newest_key: str) -> str:
    """The run of a key in the order of newness."""
    return newest_key.partition("~")[2]


def label_key(digest: str) -> str:
    """The key of a label's history."""
    return f"label/{digest[:2]}/{digest}"


def log_key(name: str) -> str:
    """The key of a finished log."""
    return f"log/{name}"


def live_prefix(flight: str) -> str:
    """The prefix of the pieces of a growing log."""
    return f"{LIVE}{flight}/"


def handover_key(checkpoint: str, digest: str) -> str:
    """The key of a checkpoint on its way to another machine."""
    return f"{HANDOVER}{checkpoint}/{digest}"


def id_of(cell_key: str) -> TargetId:
    """The ID whose cell this key is."""
    return TargetId(cell_key.rpartition("/")[2])


def digest_of(blob_key: str) -> ContentDigest:
    """The digest of the bytes under a key that is named by them."""
    return ContentDigest(blob_key.rpartition("/")[2].partition(".")[0])


def round_of(blob_key: str) -> int | None:
    """The round of a key, None if it was not written by traintrack."""
    # No namespace has a part `data`: what follows the first one is the path of a file.
    folder = blob_key.partition(f"/data/{PLAIN}")[2].partition("/")[0]
    text = (folder or blob_key).rpartition(".")[2]
    return int(text) if text.isdecimal() else None
