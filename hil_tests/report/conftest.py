"""Sessions of the demo bench that several tests report on, recorded once in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.session.compare.memory import change_rig, record_rig

SECONDS = 20.0
EXPECTED = "probe.temperature settles at 60 degC +/- 1 K within 25 s"
TOO_MUCH = "probe.temperature settles at 60 degC +/- 0.1 K within 8 s"


@pytest.fixture(scope="session")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that came to pass: it ends before anything could fail."""
    folder = tmp_path_factory.mktemp("passed")
    return record_rig(folder / "fine.session", SECONDS, change_rig(folder, (f'  - "{EXPECTED}"\n', "")))


@pytest.fixture(scope="session")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which too much was expected."""
    folder = tmp_path_factory.mktemp("failed")
    return record_rig(folder / "slow.session", SECONDS, change_rig(folder, (EXPECTED, TOO_MUCH)))
