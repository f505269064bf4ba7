"""What is asked: a signal at a time, as people write it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from testbed.bench import nearest, units
from testbed.clock import NS
from testbed.errors import UsageError
from testbed.session.file import SessionReader, utc_text
from testbed.signals import Signal

EXAMPLE = "write for example: heater.duty@14:03:07, heater.duty@+12.3s or heater.duty@2026-11-23T14:03:07Z"

_SINCE_START = re.compile(r"\+\s*(?P<time>.+)")
_CLOCK = re.compile(r"(?P<clock>\d{1,2}:\d{2}(?::\d{2})?)(?:[.,](?P<part>\d{1,9}))?Z?")
_UTC = re.compile(
    r"(?P<clock>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?)(?:[.,](?P<part>\d{1,9}))?"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)


def read_question(text: str, session: SessionReader) -> tuple[Signal, int]:
    """Read SIGNAL@TIME; returns the signal and the last moment that the time means, UTC in ns.

    TIME is +SECONDS since the start, a clock time or a date and a time, both UTC. Written without a fraction,
    a clock time means its whole second, as a log shows it. Raises UsageError naming the nearest there is.
    """
    name, at, when = text.partition("@")
    if not at or not name.strip() or not when.strip():
        raise UsageError(f"{text!r} does not ask about a signal at a time", EXAMPLE)
    known = {signal.path: signal for signal in session.signals}
    if name.strip() not in known:
        hint = nearest(name.strip(), known)
        raise UsageError(f"{session.path} has no signal {name.strip()!r}", hint)
    return known[name.strip()], read_moment(when.strip(), session)


def read_moment(when: str, session: SessionReader) -> int:
    """Read a TIME as `read_question` does; raises UsageError when it is none, or not in the session."""
    time_ns = _moment(when, session)
    start_ns, end_ns = session.span()
    if time_ns < start_ns or time_ns - NS >= end_ns:
        seconds = (end_ns - start_ns) / NS
        ran = f"the session ran from {utc_text(start_ns)} to {utc_text(end_ns)} ({seconds:.1f} s)"
        raise UsageError(f"{when} is not in {session.path}", ran)
    return time_ns


def _moment(text: str, session: SessionReader) -> int:
    start_ns, _ = session.span()
    try:
        if match := _SINCE_START.fullmatch(text):
            return start_ns + round(units.seconds(match["time"]) * NS)
        if match := _CLOCK.fullmatch(text):
            return _on_clock(match["clock"], match["part"], start_ns)
        if match := _UTC.fullmatch(text):
            zone = (match["zone"] or "Z").replace("Z", "+00:00")
            return _ns(datetime.fromisoformat(match["clock"] + zone), match["clock"], match["part"])
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no time: {error}", EXAMPLE) from None
    raise UsageError(f"{text!r} is no time", EXAMPLE)


def _on_clock(clock: str, part: str | None, start_ns: int) -> int:
    """Return when a clock first showed this time in a session that began at `start_ns`."""
    start = datetime.fromtimestamp(start_ns // NS, UTC)
    time = datetime.strptime(clock, "%H:%M:%S" if clock.count(":") == 2 else "%H:%M").time()
    moment = datetime.combine(start.date(), time, UTC)
    if moment < start.replace(microsecond=0):
        moment += timedelta(days=1)  # the session went on past midnight
    return _ns(moment, clock, part)


def _ns(moment: datetime, clock: str, part: str | None) -> int:
    """Return the last ns of what was written: to the minute, the second or a fraction of it."""
    whole = round(moment.timestamp()) * NS
    if part is not None:
        step = int(10 ** (9 - len(part)))
        return whole + (int(part) + 1) * step - 1
    return whole + (NS if clock.count(":") == 2 else 60 * NS) - 1
