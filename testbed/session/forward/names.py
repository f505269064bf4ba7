"""The names of measurements, tags and dashboards; docs/influxdb.md tells them.

A device's samples stand in the measurement that is called like its profile, each signal in a field of its
own name. What is no device's stands in the measurements below.
"""

from __future__ import annotations

import hashlib
import html
import re

from testbed.clock import NS

CYCLE = "testbed.cycle"
"""A cycle of a loop: durations in ns, what the controller reckoned."""

COMMAND = "testbed.command"
"""A settled command, at the time at which it was given."""

TWIN = "testbed.twin"
"""What the model of a device's twin had come to, about once a second; each state in a field of its name."""

EVENT = "testbed.event"
"""Something that people were told."""

VERDICT = "testbed.verdict"
"""At the end of a session: the verdict of the run, and of each expectation (tag `expectation`)."""

SESSION = "testbed.session"
"""One point a session, at its start; the end adds fields to it."""

REASON = "_reason"
"""Ends the name of the field that says why a sample of a signal is not good."""

_UID_SIZE = 40  # characters; Grafana refuses longer ones
_AROUND_NS = 60 * NS


def dashboard_uid(bench: str, page: str) -> str:
    """Return the uid of a dashboard: the same for the same bench and page, for ever."""
    uid = re.sub(r"[^A-Za-z0-9]+", "-", f"{bench}-{page}").strip("-").lower()
    if len(uid) <= _UID_SIZE:
        return uid
    digest = hashlib.sha256(uid.encode()).hexdigest()[:8]
    return f"{uid[: _UID_SIZE - len(digest) - 1]}-{digest}"


def mark(text: str, bench: str, session: str, time_ns: int) -> str:
    """Return the text of an annotation: HTML with a link to the session and the minute before and after."""
    start, end = (time_ns - _AROUND_NS) // 1_000_000, (time_ns + _AROUND_NS) // 1_000_000
    link = f"/d/{dashboard_uid(bench, 'overview')}?var-session={session}&from={start}&to={end}"
    return f'{html.escape(text)}<br><a href="{html.escape(link)}">session {html.escape(session)}</a>'
