"""What the bucket adapter costs: 1 GiB as one object and as 16, beside the bare client with the same bytes and server.

    python bench/bucket_bytes.py [MIB] [REPEATS]

Both in turns, in one process, against the strict server in another; the fastest of each counts. A ratio of 1 is the
speed of the bare client; at least 0.8 is wanted.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import obstore
from obstore.store import S3Store

from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.s3_server.process import running_process

MIB = 1 << 20
NAME = "models"
LANES = 4
CHUNK = 1 * MIB


def chunks(data: bytes) -> Iterator[bytes]:
    """As bytes come from a file."""
    for at in range(0, len(data), CHUNK):
        yield data[at : at + CHUNK]


def timed(work: Callable[[str], object], keys: list[str]) -> float:
    """Seconds until all are done, a few at once."""
    began = time.monotonic()
    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(work, keys))
    return time.monotonic() - began


def drained(stream: Iterator[bytes], length: int) -> None:
    """Take all bytes and drop them."""
    if sum(len(chunk) for chunk in stream) != length:
        raise SystemExit("bytes are missing")


def compare(bucket: S3Bucket, store: S3Store, data: bytes, count: int, repeats: int) -> None:
    """Print a line for sending and one for reading."""
    keys = [f"{number}" for number in range(count)]
    length = len(data)
    works: dict[str, Callable[[str], object]] = {
        "send": lambda key: bucket.put_stream(f"ours/{key}", chunks(data), length),
        "send, bare": lambda key: obstore.put(store, f"bare/{key}", data),
        "read": lambda key: drained(bucket.read(f"ours/{key}", 0, length), length),
        "read, bare": lambda key: drained(obstore.get(store, f"bare/{key}").stream(), length),
    }
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeats):
        for name, work in works.items():
            best[name] = min(best[name], timed(work, keys))
    for name in ("send", "read"):
        ours, bare = best[name], best[f"{name}, bare"]
        size = f"{count} x {length // MIB} MiB"
        speeds = f"{count * length / MIB / ours:7.0f} MiB/s {count * length / MIB / bare:11.0f} MiB/s"
        print(f"{size:>13}  {name}  {speeds}   {bare / ours:5.2f}")


def main() -> None:
    """Print a table."""
    asked = [int(word) for word in sys.argv[1:]]
    size_mib, repeats = (asked + [1024, 3][len(asked) :])[:2]
    with tempfile.TemporaryDirectory() as folder, running_process(folder) as server:
        server.buckets.make(NAME)
        os.environ.update(server.environ())
        bucket = S3Bucket(f"s3://{NAME}/bench")
        store = S3Store(
            NAME, config={}, client_options={"allow_http": True, "timeout": timedelta(seconds=600)}, prefix="bench"
        )
        print("      objects  what        ours          bare       ratio")
        for count in (1, 16):
            compare(bucket, store, secrets.token_bytes(size_mib * MIB // count), count, repeats)


if __name__ == "__main__":
    main()
