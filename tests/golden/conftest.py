"""Lets the tests of this folder import the scripts beside them, and the plain repository of the hostile tests."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "hostile"):
    sys.path.insert(0, str(folder))
