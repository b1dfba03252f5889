"""What one server is made of, as its connections see it."""

from __future__ import annotations

from traintrack.testing.s3_server.access import Access
from traintrack.testing.s3_server.buckets import Buckets
from traintrack.testing.s3_server.faults import Faults
from traintrack.testing.s3_server.late import LateRequests
from traintrack.testing.s3_server.request_log import RequestLog


class Site:
    """Buckets and what tests set around them; `folder` takes large bodies."""

    def __init__(self, folder: str, access: Access) -> None:
        self.folder = folder
        self.access = access
        self.buckets = Buckets()
        self.faults = Faults()
        self.log = RequestLog()
        self.late = LateRequests()

    def allow(self, access: Access) -> None:
        """Set who may do what, from the next request on."""
        self.access = access
