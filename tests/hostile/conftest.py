"""Lets the tests of this folder import the generators beside them, and the small workspaces of the app's tests."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "unit" / "app"):
    sys.path.insert(0, str(folder))
