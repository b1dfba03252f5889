"""A strict S3 server on loopback, for tests: real conditions, real refusals, and faults on demand.

It answers what S3 answers where a client can be hurt by the difference: conditional writes are judged and applied under
one lock, reads see every write that was answered before them, digests and signatures are checked, small parts are
refused, and keys are listed by their bytes.

    with running_server(tmp_path / "s3") as server:
        server.buckets.make("models")
        store = S3Store("models", config=server.environ(), client_options={"allow_http": True})
        server.faults.add(Rule(SLOW_DOWN, operations=("PutObject",), times=1))
        obstore.put(store, "a/b", b"data", mode="create")
        assert server.buckets.read("models", "a/b") == b"data"
        assert server.log.count("PutObject") == 2

As a process that can be stopped and killed: `running_process(folder)`, or
`python -m traintrack.testing.s3_server --folder FOLDER --port-file FILE`.

Left out: versions of objects (a bucket only tells that they are on), tags, access control lists, policies, encryption,
`ListObjects` of version 1, addresses with signatures. What it holds is gone when it ends.
"""

from traintrack.testing.s3_server.access import Access, Right, Verb
from traintrack.testing.s3_server.faults import (
    CONFLICT,
    DENIED,
    INTERNAL_ERROR,
    NOT_FOUND,
    PRECONDITION_FAILED,
    SLOW_DOWN,
    CutBody,
    Delay,
    DeliverLate,
    ErrorIn200,
    FlipBit,
    Hold,
    IgnoreConditions,
    LoseAnswer,
    Respond,
    Rule,
    When,
)
from traintrack.testing.s3_server.process import S3Process, running_process
from traintrack.testing.s3_server.request_log import LoggedRequest
from traintrack.testing.s3_server.server import S3Server, running_server

__all__ = [
    "CONFLICT",
    "DENIED",
    "INTERNAL_ERROR",
    "NOT_FOUND",
    "PRECONDITION_FAILED",
    "SLOW_DOWN",
    "Access",
    "CutBody",
    "Delay",
    "DeliverLate",
    "ErrorIn200",
    "FlipBit",
    "Hold",
    "IgnoreConditions",
    "LoggedRequest",
    "LoseAnswer",
    "Respond",
    "Right",
    "Rule",
    "S3Process",
    "S3Server",
    "Verb",
    "When",
    "running_process",
    "running_server",
]
