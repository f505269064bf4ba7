"""Commands within the test's own process, for the many that end before anything is opened."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from testbed.cli import main


@dataclass(frozen=True)
class Result:
    """What a command left: as subprocess.CompletedProcess has it."""

    returncode: int
    stdout: str
    stderr: str


def run_inside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> Result:
    """Run the command line with `arguments` as `python -m testbed` would."""
    monkeypatch.setattr(sys, "argv", ["testbed", *map(str, arguments)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    code, told = ended.value.code, capsys.readouterr()
    assert isinstance(code, int | None)
    return Result(code or 0, told.out, told.err)
