"""Collecting in a real store of S3's kind, beside writers and with answers that are not to be trusted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from traintrack.storages.cache.cache import open_cache
from traintrack.storages.objects.store import ObjectStorage, Opening, open_objects
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.s3_server import INTERNAL_ERROR, LoseAnswer, Rule, S3Server

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "storages"))

from collect_race import race


@pytest.mark.parametrize("faults", ["none", "some"])
def test_writers_and_a_collector_leave_no_result_without_its_bytes(
    s3: S3Server, bucket: S3Bucket, tmp_path: Path, faults: str
) -> None:
    def opened(name: str) -> ObjectStorage:
        home = tmp_path / name
        return open_objects(bucket, open_cache(home / "store"), Opening(home / "notes"), lambda: {"kept": True})

    opened("first")
    if faults == "some":
        s3.faults.add(Rule(LoseAnswer(), operations=("PutObject", "DeleteObject"), probability=0.02, seed=1))
        s3.faults.add(Rule(INTERNAL_ERROR, operations=("PutObject", "GetObject"), probability=0.02, seed=2))
    race(opened, seconds=4, workers=6)

    assert list(bucket.list("default/data/")) == []
