"""External data from its declaration to the task: pinned, brought or left where it is, and watched for changes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bucket_server import BucketServer
from data_shop import Shop
from file_server import FileServer, Served


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def bucket(buckets: BucketServer) -> str:
    buckets.make("plates")
    for key, data in {"p/a.csv": "a", "p/train/1.csv": "1", "p/train/2.csv": "2"}.items():
        buckets.put("plates", key, data)
    return "s3://plates/p/"


ALL = {"a.csv": "a", "train/1.csv": "1", "train/2.csv": "2"}


# A URL


def test_a_url_is_fetched_once_pinned_by_content_and_found_in_the_storage_ever_after(
    shop: Shop, web: FileServer
) -> None:
    web.files["/d.csv"] = Served(b"x,y\n", cuts=[2])
    shop.source(web.url("/d.csv"))

    first = shop.seen()
    shop.source(web.url("/d.csv"), salt=1)
    web.files.clear()
    second = shop.seen()

    assert first["files"] == second["files"] == {"d.csv": "x,y\n"}
    assert len(web.gets()) == 2, "one cut, and none for the import: what was fetched for the pin is taken"
    assert re.search(r"content: [0-9a-f]{64}", shop.lock())
    assert not list((Path(os.environ["XDG_CACHE_HOME"]) / "traintrack/downloads").iterdir())


def test_the_id_is_that_of_the_bytes_wherever_they_come_from(shop: Shop, web: FileServer) -> None:
    web.files["/d.csv"] = Served(b"x")
    shop.source(web.url("/d.csv"))
    shop.run("lock")
    from_url = shop.document("hash", "//e:data")["targets"]
    shop.write("near/d.csv", "x")
    shop.source("near/d.csv")
    shop.run("lock")

    assert shop.document("hash", "//e:data")["targets"] == from_url


def test_changed_bytes_behind_a_url_are_refused_before_anything_runs(shop: Shop, web: FileServer) -> None:
    web.files["/d.csv"] = Served(b"old")
    shop.source(web.url("/d.csv"))
    shop.run("lock")
    shutil.rmtree(Path(os.environ["XDG_CACHE_HOME"]) / "traintrack/downloads")
    web.files["/d.csv"] = Served(b"newer", etag='"2"')

    [error] = shop.errors("run", "//e:look", code=8)

    assert error["code"] == "source-changed"
    assert re.search(r"[0-9a-f]{12} and not [0-9a-f]{12}: `d\.csv` was 3 bytes .* and is 5 bytes", error["message"])
    assert error["hint"].endswith("traintrack lock --update //e:data")
    assert shop.document("status", "//e:look")["targets"][0]["state"] == "missing"


def test_an_update_moves_the_pin(shop: Shop, web: FileServer) -> None:
    web.files["/d.csv"] = Served(b"old")
    shop.source(web.url("/d.csv"))
    shop.seen()
    web.files["/d.csv"] = Served(b"new", etag='"2"')
    shop.run("lock", "--update", "//e:data")

    assert shop.seen()["files"] == {"d.csv": "new"}


def test_a_missing_file_is_told_at_its_place(shop: Shop, web: FileServer) -> None:
    shop.source(web.url("/none"))

    [error] = shop.errors("lock", code=3)

    assert (error["code"], error["where"]["path"], error["where"]["line"]) == ("source-missing", "e/TTCONFIG.yaml", 2)


@pytest.mark.parametrize("uri", ["https://user:hunter2@example.org/x", "s3://key:hunter2@bucket/x"])
def test_a_password_in_a_uri_is_refused_and_not_repeated(shop: Shop, uri: str) -> None:
    shop.source(uri)

    done = shop.run("check", code=3)

    assert "[secret-in-uri]" in done.stderr
    assert "hunter2" not in re.sub(r"(?m)^ .*$", "", done.stderr)


# A bucket


def test_a_bucket_is_pinned_by_its_listing_and_fetched_for_each_task(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets))

    seen = shop.seen()

    assert seen["files"] == ALL
    assert re.search(r"listing: [0-9a-f]{64}", shop.lock())
    assert "content" not in shop.lock()
    assert seen["real"].startswith(str(shop.root / "store"))
    assert not Path(seen["real"]).exists(), "the fetched bytes go with the attempt"


@pytest.mark.parametrize(("part", "files"), [("/train", {"1.csv": "1", "2.csv": "2"}), ("/train/2.csv", {"data": "2"})])
def test_a_part_of_a_bucket_is_delivered_alone(
    shop: Shop, buckets: BucketServer, part: str, files: dict[str, str]
) -> None:
    shop.source(bucket(buckets), part=part)

    assert shop.seen()["files"] == files


def test_two_parts_of_one_bucket_are_different_inputs(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets), part="/train/1.csv")
    first = shop.seen()
    shop.source(bucket(buckets_again(buckets)), part="/train/2.csv")

    assert first["files"] != shop.seen()["files"]


def buckets_again(buckets: BucketServer) -> BucketServer:
    buckets.empty()
    return buckets


def test_a_bucket_that_changed_is_refused_with_the_first_key_that_differs(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets))
    shop.run("lock")
    buckets.put("plates", "p/train/1.csv", "changed")

    [error] = shop.errors("run", "//e:look", code=8)

    assert "`train/1.csv` was 1 bytes" in error["message"]
    assert error["hint"].endswith("traintrack lock --update //e:data")


def test_a_task_is_not_run_again_for_a_bucket_that_changed_since(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets))
    shop.seen()
    buckets.put("plates", "p/a.csv", "changed")

    assert shop.seen()["files"] == ALL


def test_a_task_that_asks_for_the_uri_is_given_it(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets), part="/train", deliver="uri")

    assert shop.seen()["given"] == "s3://plates/p/train"


def test_a_bucket_can_be_imported_by_its_listing(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets), import_=True)
    first = shop.seen()
    buckets.empty()
    shop.source("s3://plates/p/", import_=True, salt=1)

    assert first["files"] == shop.seen()["files"] == ALL


def test_leaving_and_importing_the_same_bucket_do_not_get_in_each_others_way(shop: Shop, buckets: BucketServer) -> None:
    uri = bucket(buckets)
    shop.source(uri)
    shop.seen()
    shop.source(uri, import_=True, salt=1)

    assert shop.seen()["files"] == ALL
    shop.source(uri, salt=2)
    assert shop.seen()["files"] == ALL


@pytest.mark.parametrize("imported", [True, False])
def test_a_bucket_can_be_pinned_by_content(shop: Shop, buckets: BucketServer, imported: bool) -> None:
    shop.source(bucket(buckets), pin="content", import_=imported)

    assert shop.seen()["files"] == ALL
    assert re.search(r"content: [0-9a-f]{64}", shop.lock())


def test_a_bucket_cannot_be_mounted_and_that_is_told_by_check(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets), deliver="mount")
    shop.run("lock")

    [error] = shop.errors("check", code=3)

    assert error["code"] == "cannot-mount"


def test_a_bucket_that_is_requested_stays_where_it_is(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets))

    shop.run("run", "//e:data")
    shop.run("run", "//e:data")


# A disk


def disk(shop: Shop) -> str:
    shop.write("disk/plates/a.csv", "a")
    shop.write("disk/plates/train/1.csv", "1")
    return "efs://disk/plates"


@pytest.mark.parametrize("pin", ["content", "listing"])
def test_a_mounted_disk_is_read_where_it_is(shop: Shop, pin: str) -> None:
    shop.source(disk(shop), deliver="mount", pin=pin, part="/train")

    seen = shop.seen()

    assert seen["files"] == {"1.csv": "1"}
    assert seen["real"] == str(shop.root / "disk/plates/train")
    assert "/in/" in seen["given"]


@pytest.mark.parametrize("pin", ["content", "listing"])
def test_a_mounted_disk_is_copied_for_a_task_that_wants_a_folder(shop: Shop, pin: str) -> None:
    shop.source(disk(shop), pin=pin)

    seen = shop.seen()

    assert seen["files"] == {"a.csv": "a", "train/1.csv": "1"}
    assert seen["real"].startswith(str(shop.root / "store"))


@pytest.mark.parametrize("pin", ["content", "listing"])
@pytest.mark.parametrize("deliver", ["mount", "copy"])
def test_a_disk_that_changed_is_refused(shop: Shop, pin: str, deliver: str) -> None:
    shop.source(disk(shop), deliver=deliver, pin=pin)
    shop.run("lock")
    shop.write("disk/plates/train/1.csv", "other")

    [error] = shop.errors("run", "//e:look", code=8)

    assert "`train/1.csv` was 1 bytes" in error["message"]


def test_a_touched_file_with_the_same_bytes_is_no_change_of_content(shop: Shop) -> None:
    shop.source(disk(shop), deliver="mount", pin="content")
    shop.run("lock")
    shop.write("disk/plates/train/1.csv", "1")

    assert shop.seen()["files"] == {"a.csv": "a", "train/1.csv": "1"}


def test_a_disk_that_no_environment_mounts_is_told_with_the_edit(shop: Shop) -> None:
    shop.source("efs://other/x")

    [error] = shop.errors("lock", code=3)

    assert "mounts: {other: /mnt/other}" in error["hint"]


def test_a_local_folder_can_stay_where_it_is(shop: Shop) -> None:
    disk(shop)
    shop.source("disk/plates", import_=False, deliver="mount")

    assert shop.seen()["real"] == str(shop.root / "disk/plates")


# Freshness


def test_a_fresh_source_is_checked_without_reading_it(shop: Shop, web: FileServer) -> None:
    web.files["/d.csv"] = Served(b"x")
    shop.source(web.url("/d.csv"), max_age="7d")
    shop.run("lock")
    web.asked.clear()

    shop.run("check", "--fresh")

    assert [method for method, _, _ in web.asked] == ["HEAD"]


def test_a_source_that_moved_ends_a_fresh_check_with_5(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets))
    shop.run("lock")
    buckets.put("plates", "p/new.csv", "n")

    [error] = shop.errors("check", "--fresh", code=5)
    shop.run("check")

    assert error["code"] == "source-moved"
    assert "`new.csv` is new" in error["message"]
    assert error["where"]["path"] == "e/TTCONFIG.yaml"


def test_another_etag_over_the_same_bytes_is_not_moved(shop: Shop, web: FileServer) -> None:
    web.files["/d.csv"] = Served(b"x")
    shop.source(web.url("/d.csv"))
    shop.run("lock")
    web.files["/d.csv"] = Served(b"x", etag='"2"')

    shop.run("check", "--fresh")


def test_a_pin_beyond_its_max_age_is_stale_until_it_is_looked_up_again(shop: Shop, web: FileServer) -> None:
    web.files["/d.csv"] = Served(b"x")
    shop.source(web.url("/d.csv"), max_age="7d")
    shop.run("lock")
    lock = re.sub(r"2\d{3}-\d\d-\d\dT[\d:]+Z", "2026-01-02T03:04:05Z", shop.lock())
    assert lock != shop.lock()
    shop.write("e/TTLOCK.yaml", lock)

    [error] = shop.errors("check", "--fresh", code=5)
    shop.run("lock", "--update", "//e:data")
    shop.run("check", "--fresh")

    assert error["code"] == "source-old"
    assert "`max_age` is 7 days" in error["message"]


def test_a_source_out_of_reach_is_no_news_of_its_freshness(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets))
    shop.run("lock")
    shop.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"

    [error] = shop.errors("check", "--fresh", code=6)

    assert error["code"] == "source-unreachable"


def test_max_age_belongs_to_sources(shop: Shop) -> None:
    shop.source("src", task=", max_age: 7d")

    [error] = shop.errors("check", code=3)

    assert error["code"] == "misplaced-field"


# Around it


def test_data_that_stays_outside_is_told_by_status_and_cannot_be_pulled(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets))
    shop.seen()

    [row] = shop.document("status", "//e:data")["targets"]
    [error] = shop.errors("pull", "//e:data", code=4)

    assert (row["state"], row["detail"]) == ("cached", "stays at s3://plates/p/")
    assert error["code"] == "not-imported"


def test_a_store_whose_results_read_data_outside_is_whole(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets), part="/train")
    shop.seen()

    shop.run("verify", "--data")
    shop.run("why", "//e:look")
    shop.run("show", "//e:look")


def test_a_forced_run_reads_the_data_again(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets))
    shop.seen()

    shop.run("run", "--force", "//e:look")
    buckets.put("plates", "p/a.csv", "changed")
    [error] = shop.errors("run", "--force", "//e:look", code=8)

    assert error["code"] == "source-changed"


def test_a_url_without_any_version_is_not_pinned_by_listing(shop: Shop, web: FileServer) -> None:
    web.files["/d.csv"] = Served(b"x", etag=None)
    shop.source(web.url("/d.csv"), pin="listing")

    [error] = shop.errors("lock", code=3)

    assert (error["code"], error["hint"]) == ("cannot-pin", "write `pin: content`")


def test_two_runs_at_once_fetch_a_bucket_once(shop: Shop, buckets: BucketServer) -> None:
    shop.source(bucket(buckets), import_=True)
    shop.run("lock")
    words = [sys.executable, "-m", "traintrack", "run", "//e:look"]
    both = [
        subprocess.Popen(words, cwd=shop.root, env={**os.environ, **shop.environ}, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [one.communicate(timeout=120)[1] for one in both]

    assert [one.returncode for one in both] == [0, 0], told
    assert sum("fetching s3://plates/p/" in text for text in told) == 1
