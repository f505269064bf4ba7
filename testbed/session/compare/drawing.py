"""Draws both sessions over each other, in one file (HTML) that needs no network to be opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from testbed.session.file.rows import finite
from testbed.session.page import CommandMarks, fill, packed, write

from .comparison import Comparison, Progress
from .curves import curves
from .recording import Recording
from .tracks import Tracks

_EVENTS_SHOWN = 500


def write_html(comparison: Comparison, file: Path, progress: Progress | None = None) -> None:
    """Write the page; raises UsageError when the file cannot be written."""
    write(html(comparison, progress), file, "--html")


def html(comparison: Comparison, progress: Progress | None = None) -> str:
    """Return the page."""
    return fill(__package__, _data(comparison, progress))


def _data(comparison: Comparison, progress: Progress | None) -> dict[str, Any]:
    tracks = Tracks(comparison.a, comparison.b, comparison.rules)
    both = [("a", comparison.a), ("b", comparison.b)]
    marks = {letter: _commands(recording, tracks) for letter, recording in both}
    drawn = []
    signals = comparison.signals
    for done, (path, signal) in enumerate(signals.items()):
        if progress is not None:
            progress(done, len(signals))
        tolerance = comparison.rules.tolerance(signal)
        if tolerance is None:
            continue
        found = curves(signal, tracks)
        if not any(len(times) for times, _ in found.values()):
            continue
        drawn.append(
            {
                "name": path,
                "title": signal.title,
                "unit": signal.unit,
                "steps": signal.writable,
                "tolerance": tolerance.absolute,
                "curves": {name: packed(*points) for name, points in found.items()},
                "commands": {letter: marks[letter].get(path, []) for letter, _ in both},
            }
        )
    events = [_events(letter, recording, tracks) for letter, recording in both]
    plain: dict[str, Any] = finite(
        {
            "result": comparison.as_dict(),
            "span": _span(tracks),
            "signals": drawn,
            "events": [*events[0], *events[1]],
        }
    )
    return plain


def _span(tracks: Tracks) -> list[float]:
    """Return when the first of both begins and the last ends, in s."""
    moments = (*tracks.span(tracks.a), *tracks.span(tracks.b))
    return [min(moments) / 1e9, max(moments) / 1e9]


def _commands(recording: Recording, tracks: Tracks) -> dict[str, list[list[float]]]:
    """Return the marks of the commands to each signal."""
    marks = CommandMarks(tracks.start(recording), *tracks.span(recording))
    for command in recording.commands():
        marks.add(recording.signals[command.signal].path, command)
    return marks.packed()


def _events(letter: str, recording: Recording, tracks: Tracks) -> list[dict[str, Any]]:
    start = tracks.start(recording)
    found = [
        {
            "run": letter,
            "t": (event.time_ns - start) / 1e9,
            "level": event.level,
            "source": event.source,
            "kind": event.kind,
            "text": event.text,
        }
        for event in tracks.events(recording)
    ]
    return found[:_EVENTS_SHOWN]
