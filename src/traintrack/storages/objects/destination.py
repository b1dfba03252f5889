"""Where files go that leave a store for other tools: a bucket, and what their keys begin with."""

from __future__ import annotations

from msgspec import Struct

from traintrack.ports.objects import Bucket


class Destination(Struct, frozen=True):
    """Files are written to `bucket` under keys that begin with `folder`.

    `beside` is what comes before the store's own keys in that bucket, where the store lies in it as well: then it copies
    by itself. None: every byte passes through here.
    """

    bucket: Bucket
    folder: str
    beside: str | None = None
