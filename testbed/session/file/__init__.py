"""The session file: one SQLite file that records a run and can be read while it is written."""

from testbed.control.loop import ACTED_SAFE, OVERRUN

from .columns import CycleLog
from .digest import digests, file_digest, stream_digest
from .excerpt import save_excerpt
from .folder import Entry, find_session, list_sessions
from .reader import UNFINISHED, SessionReader
from .records import Chunk, Cycle, Frame, Newest, TwinState
from .schema import SUFFIX
from .summary import summarize, utc_text
from .writer import COMMIT_S, SessionWriter

__all__ = [
    "ACTED_SAFE",
    "COMMIT_S",
    "OVERRUN",
    "SUFFIX",
    "UNFINISHED",
    "Chunk",
    "Cycle",
    "CycleLog",
    "Entry",
    "Frame",
    "Newest",
    "SessionReader",
    "SessionWriter",
    "TwinState",
    "digests",
    "file_digest",
    "find_session",
    "list_sessions",
    "save_excerpt",
    "stream_digest",
    "summarize",
    "utc_text",
]
