"""docs/expectations.md shows what failing expectations say today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_what_running_the_tests_gives() -> None:
    command = [sys.executable, str(ROOT / "tools" / "write-expectations-page"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr


def test_the_page_shows_every_kind_of_expectation() -> None:
    from testbed.testing.about_runs import CommandExpecting, LoopExpecting, SessionExpecting
    from testbed.testing.about_signals import SignalExpecting

    text = (ROOT / "docs" / "expectations.md").read_text() + (ROOT / "docs" / "testing.md").read_text()
    kinds = (SignalExpecting, SessionExpecting, LoopExpecting, CommandExpecting)
    names = {name for kind in kinds for name in dir(kind) if name.startswith("to_")}
    assert [name for name in sorted(names) if f"{name}(" not in text] == []
