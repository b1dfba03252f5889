"""Lets the tests of this folder import the helpers that lie beside them, and makes the workspace that they share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from shell_workspace import Workspace, make_workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Four shell targets under git, and the digests that they must come to; nobody writes into it."""
    return make_workspace(tmp_path_factory.mktemp("torture"))
