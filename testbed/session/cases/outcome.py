"""Replays a case in a process of its own and says what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from testbed.errors import DamagedInput

from .case import Case, unpack

REPLAY = (sys.executable, "-m", "testbed", "replay")
"""The command that replays a session; another one is for tests of what comes of it."""

_CODES = {0: "same", 1: "diverged", 3: "damaged"}
_LAST_LINES = 20  # of what a replay that broke off has said


class CaseVerdict(StrEnum):
    """What a replay comes to."""

    SAME = "same"
    DIVERGED = "diverged"
    DAMAGED = "damaged"
    BROKEN = "broken"
    """It could not be replayed, for another reason than damage."""


@dataclass(frozen=True)
class Outcome:
    """What came of one case; `text` says it in words when it is not the same, `told` is the replay's JSON."""

    name: str
    verdict: CaseVerdict
    seconds: float
    text: str = ""
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether everything was as it had been recorded."""
        return self.verdict is CaseVerdict.SAME

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def replay_case(case: Case, replay: Sequence[str] = REPLAY, timeout: float = 600.0) -> Outcome:
    """Replay a case in virtual time, in `timeout` seconds at most; all that goes wrong is in the outcome."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="testbed-") as name:
        folder = Path(name)
        try:
            command = [*replay, str(unpack(case, folder)), "--virtual", "--json"]
        except DamagedInput as error:
            return Outcome(case.name, CaseVerdict.DAMAGED, 0.0, str(error))
        command += ["--session", str(folder / "replayed.session")]
        if case.tolerances is not None:
            command += ["--tolerances", str(case.tolerances)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            text = f"the replay was not done within {timeout:g} s"
            return Outcome(case.name, CaseVerdict.BROKEN, timeout, text)
    return _outcome(case.name, done, time.monotonic() - begun)


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """Return 0 when all cases are the same, 3 when the others are all damaged, else 1."""
    others = {outcome.verdict for outcome in outcomes if not outcome.same}
    if not others:
        return 0
    return 3 if others == {CaseVerdict.DAMAGED} else 1


def _outcome(name: str, done: subprocess.CompletedProcess[str], seconds: float) -> Outcome:
    verdict = CaseVerdict(_CODES.get(done.returncode, "broken"))
    told = _last_object(done.stdout)
    text = "" if verdict is CaseVerdict.SAME else _words(told)
    if not text and verdict is not CaseVerdict.SAME:
        said = "\n".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
        text = said or f"the replay ended with exit code {done.returncode}"
    return Outcome(name, verdict, seconds, text, told)


def _last_object(output: str) -> dict[str, Any]:
    """Return the JSON object in the last line of what a command printed, or an empty one."""
    try:
        told = json.loads((output.strip().splitlines() or [""])[-1])
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _words(told: dict[str, Any]) -> str:
    """Return what differs first in words, or an empty text when the replay does not tell."""
    first = told.get("first")
    if not isinstance(first, dict):
        return ""
    if text := first.get("text"):
        return str(text)
    place = first.get("signal") or first.get("device") or ""
    when = first.get("time_s")
    head = f"{first.get('kind', 'record')} of {place}" + (f" at {when:.6f} s" if when is not None else "")
    return f"{head}\nexpected {_short(first.get('expected'))}\ncame     {_short(first.get('came'))}"


def _short(record: Any) -> str:
    if not isinstance(record, dict):
        return "nothing" if record is None else str(record)
    return str(record.get("text") or json.dumps(record, ensure_ascii=False))
