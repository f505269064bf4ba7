"""One InfluxDB for all tests that do not break it; each gets a database of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from hil_tests.support.influxdb import Influxd, Shim, influxd, shim
from testbed.bench import Influxdb


class Place(NamedTuple):
    """A database that is empty, and how it is reached."""

    server: Influxd
    shim: Shim
    database: str
    target: Influxdb


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    with influxd(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest.fixture
def place(server: Influxd) -> Iterator[Place]:
    database = f"hil-{uuid.uuid4().hex[:8]}"
    server.create(database)
    with shim(server) as front:
        yield Place(server, front, database, Influxdb(front.url, "bench", database))


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Influxd]:
    """A server that may be killed; its database is called hil."""
    folder = tmp_path / "influxdb"
    folder.mkdir()
    with influxd(folder) as running:
        running.create("hil")
        yield running
