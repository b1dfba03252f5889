"""Large objects pass through little memory: looked at in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from traintrack.testing.s3_server import S3Server

MIB = 1 << 20
GIB = 1 << 30

CLIENT = """
import hashlib, sys
from traintrack.storages.s3.bucket import S3Bucket

def chunks(size):
    for number in range(size >> 20):
        yield number.to_bytes(8, "big") * (1 << 17)

def digest(chunks):
    found = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()

size = int(sys.argv[1])
bucket = S3Bucket("s3://models/team")
bucket.put_stream("big", chunks(size), size)
assert digest(bucket.read("big", 0, size)) == digest(chunks(size))
# Not of getrusage: that begins with the memory of the process that has started this one.
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def test_a_stream_of_1_gib_goes_and_comes_in_150_mib(s3: S3Server) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, str(GIB)], capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) << 10 <= 150 * MIB
    assert s3.log.count("UploadPart") == 128
