"""CSV: the samples of a session, one a line."""

from __future__ import annotations

import csv
from operator import itemgetter
from typing import TextIO

from testbed.session.file import SessionReader
from testbed.signals import Quality

from .timeline import Progress, unheard, watched

COLUMNS = ("time_ns", "device", "signal", "value", "unit", "quality")


def write_csv(session: SessionReader, file: TextIO, progress: Progress = unheard) -> None:
    """Write every sample as a row of COLUMNS, in time order, as it reads them.

    `time_ns` is UTC in ns. `value` is Python's shortest text that gives the same float64 again (1.0,
    -0.0, 1e-07, inf), 0.0 and 1.0 for booleans, empty where there is no value.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    places = [(signal.device, signal.name) for signal in session.signals]
    units = [signal.unit for signal in session.signals]
    words = [quality.word for quality in Quality]
    writer.writerows(
        (time_ns, *places[signal], value if value == value else "", units[signal], words[quality])
        for time_ns, signal, _, value, quality in watched(session.sample_rows(), itemgetter(0), progress)
    )
