"""One test or one plain run: what came of it, and the session that recorded it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from testbed.clock import NS
from testbed.errors import DamagedInput
from testbed.session.file import UNFINISHED, SessionReader
from testbed.session.results import ExpectationVerdict, Judgement, TestOutcome, TestResult

from .margins import Margin, margins

_OUTCOMES = {outcome.value: outcome for outcome in TestOutcome} | {UNFINISHED: TestOutcome.FAILED}


@dataclass(frozen=True)
class Entry:
    """A line of the report; without a session there is nothing to draw."""

    result: TestResult
    judgements: Sequence[Judgement] = ()
    session: Path | None = None

    @property
    def margins(self) -> list[Margin]:
        """How near each thing was to failing, the nearest first."""
        return margins(self.judgements, self.result.measurements)

    @property
    def failures(self) -> list[str]:
        """What failed, in words."""
        failed = [
            f"{each.text}: {each.detail}" if each.detail else each.text
            for each in self.judgements
            if each.verdict is ExpectationVerdict.FAILED
        ]
        failed += [
            f"{each.name} = {each.value:.6g} {each.unit}".rstrip()
            for each in self.result.measurements
            if not each.passed
        ]
        return failed


def entry_of(path: Path, result: TestResult | None = None) -> Entry:
    """Return the entry of a session: of the test that it belongs to, or of the run itself.

    `result` is what is known of the test from elsewhere; what it measured may stand in the session
    alone. Raises DamagedInput when the session says of
    tests or expectations what cannot be.
    """
    with SessionReader(path) as session:
        try:
            judgements = [_judgement(each) for each in session.expectations()]
            recorded = _recorded_result(session)
            if result is not None and recorded is not None and not result.measurements:
                result = msgspec.structs.replace(result, measurements=recorded.measurements)
            result = result or recorded or _run_result(session)
        except msgspec.ValidationError as error:
            raise DamagedInput(f"{path}: its results are not as they are written: {error}") from error
    return Entry(result, judgements, path)


def _judgement(told: dict[str, object]) -> Judgement:
    if told.get("verdict") == UNFINISHED:
        told = {**told, "verdict": ExpectationVerdict.UNDECIDED}
    return msgspec.convert({"detail": "", **told}, Judgement)


def _recorded_result(session: SessionReader) -> TestResult | None:
    told = session.meta().get("test")
    return None if told is None else msgspec.convert(told, TestResult)


def _run_result(session: SessionReader) -> TestResult:
    verdict = session.verdict()
    start_ns, end_ns = session.span()
    return TestResult(
        name=session.path.stem,
        outcome=_OUTCOMES.get(verdict, TestOutcome.SKIPPED),
        message="\n".join(_reasons(session, verdict)),
        seconds=(end_ns - start_ns) / NS,
    )


def _reasons(session: SessionReader, verdict: str) -> list[str]:
    """Return why a run did not pass, apart from its expectations."""
    meta = session.meta()
    found = [str(failure) for failure in _listed(meta, "failures")]
    found += [f"{signal} did not confirm its safe value" for signal in _listed(meta, "unsafe")]
    found += [f"{device} was never reached" for device in _listed(meta, "unreached")]
    if verdict == UNFINISHED:
        found.append("the run has not ended: it is going on still, or was killed")
    elif verdict not in _OUTCOMES:
        found.append(f"nothing was judged: it is {verdict}")
    return found


def _listed(meta: dict[str, object], key: str) -> list[object]:
    value = meta.get(key)
    return value if isinstance(value, list) else []
