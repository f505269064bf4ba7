"""Where a run listens for other processes: known to whoever knows its session, open to its user alone."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from testbed.errors import UsageError


def control_socket(session: Path) -> Path:
    """Return the control socket of the run that records `session`.

    Not beside the session file: the path of a socket may hold only about a hundred bytes.
    """
    name = hashlib.sha256(os.fsencode(session.absolute())).hexdigest()[:24]
    return _folder() / f"{name}.socket"


def make_control_socket(session: Path) -> Path:
    """Return the same, with its folder made; raises UsageError if another user could get in there."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise UsageError(f"{folder} is not a folder of this user alone", "move it away: it is not ours")
    return control_socket(session)


def _folder() -> Path:
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir(), f"testbed-{os.getuid()}")
