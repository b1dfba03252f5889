"""What is wrong with a run document, in words; the same in a folder and in a bucket."""

from __future__ import annotations

import msgspec

from traintrack.action.event import RUN_FORMAT, RunDocument
from traintrack.action.stored import decode_stored


def run_words(run: str, data: bytes) -> str | None:
    """Judge the bytes under the name of a run; None if they are its document."""
    try:
        document = decode_stored(data, RunDocument)
    except msgspec.MsgspecError as error:
        return f"the run document cannot be read: {error}"
    if document.format != RUN_FORMAT:
        return f"the run document has the unknown format `{document.format}`"
    return None if document.run == run else f"the run document is of run `{document.run}`"
