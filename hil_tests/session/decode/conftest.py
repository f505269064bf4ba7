"""A recording of the demo bench, made once: each test changes a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hil_tests.session.compare.memory import record_rig


@pytest.fixture(scope="session")
def recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_rig(tmp_path_factory.mktemp("recorded") / "a.session", 12.0)


@pytest.fixture
def demo(recorded_once: Path, tmp_path: Path) -> Path:
    """The demo bench's five devices, 12 s in virtual time."""
    return Path(shutil.copy(recorded_once, tmp_path / "demo.session"))
