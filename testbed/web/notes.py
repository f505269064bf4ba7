"""Notes that people put at a moment of a session: beside its file, because a recording is never changed."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from testbed.errors import DamagedInput, UsageError

SUFFIX = ".notes.jsonl"
LONGEST = 2_000


class Note(msgspec.Struct):
    """What `who` wrote about the moment `time_ns`, and when (both UTC ns)."""

    time_ns: int
    who: str
    text: str
    written_ns: int


def notes_path(session: Path) -> Path:
    """Return where the notes of a session stand: one JSON object a line, in the order of writing."""
    return session.with_name(session.stem + SUFFIX)


def read_notes(session: Path) -> list[Note]:
    """Return the notes of a session by their moments; raises DamagedInput naming the line that is none."""
    file = notes_path(session)
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    notes = []
    for number, line in enumerate(lines, 1):
        try:
            notes.append(msgspec.json.decode(line, type=Note))
        except msgspec.DecodeError as error:
            raise DamagedInput(f"{file}:{number}: no note: {error}", "mend or remove that line") from error
    return sorted(notes, key=lambda note: note.time_ns)


def add_note(session: Path, time_ns: int, who: str, text: str) -> Note:
    """Add a note; raises UsageError when it is empty, too long, or cannot be written."""
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        raise UsageError(f"a note has 1 to {LONGEST} characters, not {len(text)}")
    note = Note(time_ns, who, text, time.time_ns())
    try:
        with notes_path(session).open("ab") as file:  # one write at the end: two writers do not mix
            file.write(msgspec.json.encode(note) + b"\n")
    except OSError as error:
        raise UsageError(f"cannot write {notes_path(session)}: {error.strerror}") from error
    return note
