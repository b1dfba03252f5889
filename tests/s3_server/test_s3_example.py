"""The example of the package does what it says."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import obstore
from obstore.store import S3Store

from traintrack.testing import s3_server


def test_the_example_of_the_package_holds(tmp_path: Path) -> None:
    told = (s3_server.__doc__ or "").split("\n\n")
    examples = [dedent(paragraph) for paragraph in told if paragraph.startswith("    ")]

    assert len(examples) == 1
    names = {name: getattr(s3_server, name) for name in s3_server.__all__}
    exec(examples[0], {**names, "obstore": obstore, "S3Store": S3Store, "tmp_path": tmp_path})
