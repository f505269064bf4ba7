"""Recordings that several tests of this folder look at, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from .memory import change_rig, record_rig

_SECONDS = 6.0


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of the demo bench."""
    return record_rig(tmp_path_factory.mktemp("recorded") / "a.session", _SECONDS)


@pytest.fixture(scope="session")
def recorded_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another one, of the same seed."""
    return record_rig(tmp_path_factory.mktemp("again") / "b.session", _SECONDS)


@pytest.fixture(scope="session")
def recorded_with_another_gain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose controller of the temperature has 0.03 % more gain."""
    folder = tmp_path_factory.mktemp("changed")
    return record_rig(folder / "c.session", _SECONDS, change_rig(folder, ("kp: 20,", "kp: 20.006,")))
