"""What stands around the curves of a session: where and with what it ran, its devices, events, loops."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from testbed.clock import NS
from testbed.session.describe import Interpreter
from testbed.session.file import SessionReader, summarize, utc_text
from testbed.signals import Event, Level

_EVENTS = 500
_FIRST_FRAMES = 32  # of a device, in which it is asked who it is


def facts(session: SessionReader) -> dict[str, Any]:
    """Return the facts of a session as plain JSON values; times are in s since its start."""
    meta = session.meta()
    start_ns, end_ns = session.span()
    return {
        "session": str(session.path),
        "started": utc_text(start_ns),
        "duration_s": (end_ns - start_ns) / NS,
        "mode": meta.get("mode", "real"),
        "bench": meta.get("bench"),
        "seed": meta.get("seed"),
        "testbed": meta.get("testbed"),
        "host": meta.get("host") or {},
        "git_commit": meta.get("git_commit"),
        "git_dirty": meta.get("git_dirty"),
        "devices": _devices(session, meta),
        "versions": _versions(session),
        "bench_file": _bench_file(session),
        "loops": summarize(session.path)["loops"],
        **_events(session, start_ns),
    }


def _devices(session: SessionReader, meta: dict[str, Any]) -> list[dict[str, Any]]:
    told = meta.get("devices")
    if not isinstance(told, dict):
        return []
    interpreter, counts = Interpreter(session), session.frame_counts()
    absent = meta.get("absent") or {}
    return [
        {
            "name": name,
            "profile": device.get("profile"),
            "wire": device.get("wire"),
            "emulated": device.get("emulated"),
            "identity": _identity(interpreter, name) if name in counts else None,
            "absent": absent.get(name),
            "frames": counts.get(name, 0),
        }
        for name, device in told.items()
        if isinstance(device, dict)
    ]


def _identity(interpreter: Interpreter, device: str) -> str | None:
    """Return who a device said that it is: IEEE 488.2's answer to *IDN?, where its protocol has it."""
    frames = list(islice(interpreter.frames(device), _FIRST_FRAMES))
    for meanings in interpreter.describe(device, frames):
        for meaning in meanings:
            if meaning.fields.get("answers") == "*IDN?":
                return str(meaning.fields.get("line"))
    return None


def _versions(session: SessionReader) -> dict[str, str]:
    try:
        versions = json.loads(session.attachment("environment.json"))["versions"]
        return {str(name): str(version) for name, version in versions.items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _bench_file(session: SessionReader) -> str | None:
    names = [name for name in session.attachments() if name.startswith("bench/") and name.endswith("ml")]
    return session.attachment(names[0]).decode("utf-8", "backslashreplace") if names else None


def _events(session: SessionReader, start_ns: int) -> dict[str, Any]:
    """Return the events; of very many, those that are more than information, then the first of the rest."""
    events = list(session.events())
    kept = sorted(events, key=lambda event: event.level is Level.INFO)[:_EVENTS]
    kept.sort(key=lambda event: event.time_ns)
    return {"events": [_event(event, start_ns) for event in kept], "events_in_all": len(events)}


def _event(event: Event, start_ns: int) -> dict[str, Any]:
    return {
        "t": (event.time_ns - start_ns) / NS,
        "level": event.level.value,
        "source": event.source,
        "kind": event.kind,
        "text": event.text,
        "fault": event.kind.startswith("fault-"),
    }
