"""By which bench and profiles a session is decoded: those it was recorded with, or changed ones."""

from __future__ import annotations

import os
from pathlib import Path

from testbed.bench import Bench, BenchFileError, load_bench
from testbed.bench.document import read_document
from testbed.errors import UsageError
from testbed.session.file import SessionReader
from testbed.session.recorded import AnyEnvironment, on_recorded_wires, recorded_bench


def bench_of(session: SessionReader, folder: Path, file: Path | None, profiles: Path | None) -> Bench:
    """Return the bench to decode by; attached files are written to `folder`.

    `file` is taken instead of the attached bench file, and the profiles in the folder `profiles` instead
    of attached ones of the same names. Raises BenchFileError for what is wrong in them, UsageError when
    `profiles` holds nothing that the session uses, DamagedInput when the session lacks its own.
    """
    if file is not None:
        return on_recorded_wires(load_bench(file, AnyEnvironment(os.environ)), session)
    if profiles is None:
        return recorded_bench(session, folder)
    return recorded_bench(session, folder, _profiles_in(profiles, session))


def _profiles_in(folder: Path, session: SessionReader) -> dict[str, Path]:
    """Return the files of those profiles in a folder that the session uses, by name."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "name the folder that holds the changed profiles")
    files = [file for file in sorted(folder.rglob("*")) if file.suffix in (".yaml", ".yml")]
    found = {_profile_name(file): file for file in files}
    used = {name.removeprefix("profiles/").removesuffix(".yaml") for name in session.attachments()}
    if not found.keys() & used:
        names = ", ".join(sorted(name for name in used if not name.startswith("bench/")))
        raise UsageError(f"no profile in {folder} has a name that this session uses", f"it uses {names}")
    return found


def _profile_name(file: Path) -> str:
    """Return the name that a profile gives itself, empty for any other file."""
    try:
        return str(read_document(file).data.get("profile", ""))
    except BenchFileError:
        return ""
