"""Prints the IDs of the golden workspace: `python print_golden.py FOLDER SPELLING`, the second as JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "hostile")]
os.environ["TRAINTRACK_NO_CACHE"] = "1"

import msgspec  # noqa: E402
from golden_workspace import Spelling, ids, write  # noqa: E402

folder = Path(sys.argv[1])
write(folder, msgspec.json.decode(sys.argv[2], type=Spelling))
sys.stdout.write(json.dumps(ids(folder)))
