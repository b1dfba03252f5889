from __future__ import annotations

from pathlib import Path

import pytest

from traintrack.storages.local.store import LocalStorage, open_local
from traintrack.testing.storage_suite import StorageSuite


class TestLocalStorage(StorageSuite):
    @pytest.fixture(autouse=True)
    def _in_a_new_folder(self, tmp_path: Path) -> None:
        self._root = tmp_path / "store"

    def open(self) -> LocalStorage:
        return open_local(self._root)
