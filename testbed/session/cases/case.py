"""Cases in a folder: sessions, packed or not, each with its tolerances beside it."""

from __future__ import annotations

import gzip
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import DamagedInput, UsageError
from testbed.session.file import SUFFIX

PACKED = f"{SUFFIX}.gz"
"""How the names of packed sessions end."""

TOLERANCES = ".tolerances.yaml"
"""How the names of files with tolerances end; without one, a case is compared strictly."""


@dataclass(frozen=True)
class Case:
    """A session that is kept; `name` is its path in the folder, without the ending."""

    name: str
    session: Path
    tolerances: Path | None = None


def find_cases(folder: Path) -> list[Case]:
    """Return the cases in a folder and the folders in it, by name; raises UsageError when there is none."""
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder}", "keep a session with: testbed promote SESSION --as NAME"
        )
    found: dict[str, Case] = {}
    for ending in (SUFFIX, PACKED):
        for path in folder.rglob(f"*{ending}"):
            name = path.relative_to(folder).as_posix().removesuffix(ending)
            if name in found:
                raise UsageError(
                    f"{path} and {found[name].session} are one case, packed and not", "remove one"
                )
            tolerances = path.with_name(path.name.removesuffix(ending) + TOLERANCES)
            found[name] = Case(name, path, tolerances if tolerances.exists() else None)
    if not found:
        raise UsageError(
            f"there is no session in {folder}", "keep one with: testbed promote SESSION --as NAME"
        )
    return [found[name] for name in sorted(found)]


def unpack(case: Case, folder: Path) -> Path:
    """Return the session of a case, unpacked into `folder` if it is packed.

    Raises DamagedInput when that cannot be done.
    """
    if not case.session.name.endswith(PACKED):
        return case.session
    path = folder / f"{Path(case.name).name}{SUFFIX}"
    try:
        with gzip.open(case.session) as packed, path.open("wb") as file:
            shutil.copyfileobj(packed, file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DamagedInput(f"{case.session}: is no whole gzip file: {error}", "get it again") from error
    return path
