"""Where a run listens for other processes: known to whoever knows its session, open to its user alone."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path


def control_socket(session: Path) -> Path:
    """Return the control socket of the run that records `session`.

    Not beside the session file: the path of a socket may hold only about a hundred bytes.
    """
    name = hashlib.sha256(os.fsencode(session.absolute())).hexdigest()[:24]
    return _folder() / f"{name}.socket"


def make_control_socket(session: Path) -> Path:
    """Return the same, with its folder made.

    Where that folder is not ours alone it is one that nobody else knows of: the run's own page finds it,
    other programs do not.
    """
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
    except OSError:
        ours = False
    return control_socket(session) if ours else Path(tempfile.mkdtemp(prefix="testbed-"), "control")


def _folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    place = runtime if runtime and os.access(runtime, os.W_OK) else tempfile.gettempdir()
    return Path(place, f"testbed-{os.getuid()}")
