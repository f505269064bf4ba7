"""The page as its users meet it: `testbed serve` and `testbed run --serve` in processes of their own."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from hil_tests.system.processes import RIG, TESTBED, emulated, rewired, running, testbed, wait_until
from testbed.web.access import Account, hash_token, write_accounts

SETPOINT, DUTY = "chamber.setpoint", "chamber.heater_duty"
DEVICES = ("chamber", "probe", "fan")  # the wires that need neither D-Bus nor broker

TOKENS = {"vera": "token-of-vera", "olaf": "token-of-olaf", "ada": "token-of-ada"}
ROLES = {"vera": "viewer", "olaf": "operator", "ada": "admin"}


def users_file(folder: Path) -> Path:
    """Write three accounts, one a role, that log in with their tokens."""
    file = folder / "users.yaml"
    write_accounts(file, {name: Account(ROLES[name], token=hash_token(TOKENS[name])) for name in TOKENS})
    return file


def record(session: Path, seconds: int = 30, seed: int = 0) -> Path:
    """Record the demo bench in virtual time."""
    testbed(
        "run", RIG, "--virtual", "--for", f"{seconds}s", "--seed", str(seed), "--session", session, "--json"
    )
    assert session.exists()
    return session


@contextlib.contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """Serve a folder of sessions; yields the address."""
    command = [*TESTBED, "serve", str(folder), "--json", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()
            assert process.stderr is not None
            said = process.stderr.read()
            process.wait(10)
    assert "Traceback" not in said, said


@dataclass
class LiveRun:
    """A run with its page."""

    address: str
    process: subprocess.Popen[str]
    session: Path
    wires: dict[str, str]

    def get(self, path: str, **options: object) -> httpx.Response:
        """Ask the page."""
        return httpx.get(self.address + path, timeout=20, **options)  # type: ignore[arg-type]


@contextlib.contextmanager
def live_run(folder: Path, *options: str) -> Iterator[LiveRun]:
    """Run three devices of the demo bench, with a page; yields when its devices are online."""
    with emulated(RIG, *DEVICES) as (_, wires):
        bench = rewired(folder, wires)
        arguments = ("--serve", "--listen", "127.0.0.1:0", *options)
        with running(bench, folder / "live.session", *arguments) as run:
            assert run.process.stderr is not None
            found = re.search(r"live page: (\S+)", run.process.stderr.readline())
            assert found is not None
            live = LiveRun(found[1], run.process, run.session, wires)
            try:
                yield live
            finally:
                run.process.terminate()
                run.process.communicate(timeout=30)


def until(condition, what: str, within: float = 20.0) -> None:
    """Wait for something of the page or the bench."""
    wait_until(condition, what, within)
