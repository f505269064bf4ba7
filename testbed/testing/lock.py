"""One test at a time on a bench: a lock that every process of this machine keeps to."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from testbed.errors import TestbedError

_PATIENCE_S = 600.0
_PAUSE_S = 0.05


@contextlib.contextmanager
def bench_lock(bench_file: Path, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Have a bench to ourselves while the block runs; wait for whoever has it.

    Raises TestbedError when it is not given back in time. The lock goes with its process, however that ends.
    """
    digest = hashlib.sha256(str(bench_file.resolve()).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"testbed-{os.getuid()}-{digest}.lock"
    with path.open("a") as file:
        until = time.monotonic() + patience_s
        while not _locked(file.fileno()):
            if time.monotonic() > until:
                raise TestbedError(
                    f"{bench_file} is in use by another test run for more than {patience_s:g} s",
                    f"see who holds it: fuser {path}",
                )
            time.sleep(_PAUSE_S)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
